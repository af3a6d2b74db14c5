// JSON with comments and trailing commas, edited in the surrounding style: indentation, line ends, one line or several.
// Never moves, reformats or drops what is not part of the edit. (jsonc-parser finds the positions; its own edits put a member after the
// comment of the previous one, or reformat neighbours.)

import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { ADDED, changed, FormatFault, type Change, type SettingsFormat, type Step } from "./settings-format.ts";

export const JSONC: SettingsFormat = {
  title: "JSON",
  parse: (text) => valueOf(treeOf(text)),
  edit: (text, changes) => changes.reduce(editedOnce, text),
};

/** Undefined: the text holds no value. */
function treeOf(text: string): Node | undefined {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const [error] = errors;
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split("\n").length;
    throw new FormatFault(`is not valid JSON (${printParseErrorCode(error.error)} in line ${line})`);
  }
  if (tree !== undefined && tree.type !== "object") throw new FormatFault("is not a JSON object");
  return tree;
}

/** Of members with the same name the last counts, as for every parser. */
function valueOf(node: Node | undefined): unknown {
  if (node === undefined) return {};
  if (node.type === "array") return (node.children ?? []).map(valueOf);
  if (node.type !== "object") return node.value as unknown;
  return Object.fromEntries((node.children ?? []).map(({ children }) => [String(children?.[0]?.value), valueOf(children?.[1])]));
}

function editedOnce(text: string, { path, value }: Change): string {
  const tree = treeOf(text);
  if (tree === undefined) return value === undefined ? text : editedOnce(withObject(text), { path, value });
  let node = tree;
  for (const [depth, step] of path.entries()) {
    const child = childOf(node, step);
    if (child === undefined) {
      if (value === undefined) return text;
      const added = changed(undefined, { path: path.slice(depth + 1), value });
      return inserted(text, { container: node, name: step === ADDED ? null : String(step), value: added });
    }
    if (depth === path.length - 1 && value === undefined) return removed(text, node, child);
    node = child.type === "property" ? (child.children?.[1] ?? child) : child;
  }
  const style = styleOf(text, node.offset);
  return replaced(text, { start: node.offset, end: node.offset + node.length, by: printed(value, style) });
}

/** A member of an object with its name, or an item. @throws FormatFault where the node's type does not match the step */
function childOf(node: Node, step: Step): Node | undefined {
  if (node.type !== (typeof step === "number" ? "array" : "object")) {
    throw new FormatFault(
      `has a value that is not ${typeof step === "number" ? "a list where a list" : `an object where "${step}"`} belongs`,
    );
  }
  if (typeof step === "number") return node.children?.[step];
  return node.children?.findLast(({ children }) => children?.[0]?.value === step);
}

function withObject(text: string): string {
  const lineEnd = lineEndOf(text);
  if (text.trim() === "") return `{}${lineEnd}`;
  return `${text}${text.endsWith("\n") ? "" : lineEnd}{}${lineEnd}`;
}

// ---- Adding a member --------------------------------------------------------------------------------------

interface Insertion {
  readonly container: Node;
  /** Null: an item of a list. */
  readonly name: string | null;
  readonly value: unknown;
}

function inserted(text: string, { container, name, value }: Insertion): string {
  const open = container.offset + 1;
  const close = container.offset + container.length - 1;
  const inside = text.slice(open, close);
  const first = container.children?.[0];
  const last = container.children?.at(-1);
  const comma = last === undefined ? null : commaAfter(text, last);
  const member = (style: Style): string => (name === null ? "" : `${JSON.stringify(name)}: `) + printed(value, style);
  const end = open + inside.trimEnd().length;
  const isOnOneLine = last !== undefined && !inside.includes("\n");
  const outer = styleOf(text, container.offset);
  const inner = { ...outer, indentation: indentationOf(text, first?.offset) ?? outer.indentation + outer.unit };
  const begin = isOnOneLine ? " " : outer.lineEnd + inner.indentation;
  const finish = isOnOneLine || text.slice(end, close).includes("\n") ? "" : outer.lineEnd + outer.indentation;
  const added = begin + member(isOnOneLine ? ONE_LINE : inner) + (comma === null ? "" : ",") + finish;
  const whole = replaced(text, { start: end, end: finish === "" ? end : close, by: added });
  if (last === undefined || comma !== null) return whole;
  const behind = last.offset + last.length;
  return replaced(whole, { start: behind, end: behind, by: "," });
}

/** The comma after a node, past any comments; null: there is none. */
function commaAfter(text: string, { offset, length }: Node): number | null {
  const end = offset + length;
  const found = /^(?:\s|\/\/[^\r\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*,/.exec(text.slice(end));
  return found === null ? null : end + found[0].length - 1;
}

// ---- Removing a member ------------------------------------------------------------------------------------

function removed(text: string, container: Node, child: Node): string {
  const own = commaAfter(text, child);
  const start = child.offset;
  const end = own === null ? start + child.length : own + 1;
  // Comments between it and its comma stay.
  const kept = own === null ? "" : text.slice(start + child.length, own);
  const lineStart = text.slice(0, start).search(/(?<=^|\n)[^\S\n]*$/);
  const lineEnd = /^[^\S\n]*(?:\n|$)/.exec(text.slice(end));
  const previous = container.children?.[container.children.indexOf(child) - 1];
  const spaces = /[^\S\n]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  const whole =
    lineStart !== -1 && lineEnd !== null && kept.trim() === ""
      ? replaced(text, { start: lineStart, end: end + lineEnd[0].length, by: "" })
      : replaced(text, { start: lineStart === -1 && kept === "" ? start - spaces : start, end, by: kept });
  const comma = own !== null || previous === undefined ? null : commaAfter(text, previous);
  return comma === null ? whole : replaced(whole, { start: comma, end: comma + 1, by: "" });
}

// ---- Style ------------------------------------------------------------------------------------------------

interface Style {
  /** One level of indentation. */
  readonly unit: string;
  readonly lineEnd: string;
  /** The indentation of the line that a value begins in. */
  readonly indentation: string;
}

const ONE_LINE: Style = { unit: "", lineEnd: "", indentation: "" };

function styleOf(text: string, offset: number): Style {
  const unit = /^[^\S\r\n]+(?=")/m.exec(text)?.[0] ?? "  ";
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return { unit, lineEnd: lineEndOf(text), indentation: /^[^\S\r\n]*/.exec(line)?.[0] ?? "" };
}

/** The indentation of a line that begins at this position; null: something else precedes it. */
function indentationOf(text: string, offset: number | undefined): string | null {
  return offset === undefined ? null : (/(?<=\n)[^\S\r\n]*$/.exec(text.slice(0, offset))?.[0] ?? null);
}

function lineEndOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}

function printed(value: unknown, { unit, lineEnd, indentation }: Style): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", lineEnd + indentation);
}

interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

function replaced(text: string, { start, end, by }: Replacement): string {
  return text.slice(0, start) + by + text.slice(end);
}
