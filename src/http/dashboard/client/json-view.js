// JSON as lines that can be read and compared: what stands on one side only, what differs, and what stands on the other side elsewhere.
// Never holds more of a page than it is asked for: long texts and long lists are opened by whoever wants to see them.

import { parsed } from "./answers.js";
import { el, t } from "./dom.js";
import { number } from "./formats.js";

const LONG_TEXT = 600;
const MANY_LINES = 1_500;
/** Shorter texts stand everywhere, and say nothing of where they went. */
const TELLING_LENGTH = 4;

const isContainer = (value) => typeof value === "object" && value !== null;
const isEmpty = (value) => Object.keys(value).length === 0;

/** Every value that is no container, as JSON, alone and under its name: what tells whether a value has only moved. */
function leavesOf(value, name = "", into = new Set()) {
  if (Array.isArray(value)) for (const one of value) leavesOf(one, name, into);
  else if (isContainer(value)) for (const [key, member] of Object.entries(value)) leavesOf(member, key, into);
  else {
    const leaf = JSON.stringify(value);
    into.add(leaf);
    into.add(`${name}: ${leaf}`);
  }
  // Some protocols write JSON as text.
  if (typeof value === "string" && /^\s*[[{]/.test(value)) {
    const inner = parsed(value);
    if (isContainer(inner)) leavesOf(inner, name, into);
  }
  return into;
}

function hasMoved(value, name, leaves) {
  const leaf = JSON.stringify(value);
  const isTelling = typeof value === "string" ? value.length >= TELLING_LENGTH : typeof value === "number" && Math.abs(value) >= 10;
  return leaves.has(`${name}: ${leaf}`) || (isTelling && leaves.has(leaf));
}

/** `same`, `moved`, `changed` or `only`, against what stands at the same place of the other side. */
function markOf(value, other, { leaves, name }) {
  if (leaves === null) return "same";
  if (!isContainer(value)) {
    if (JSON.stringify(value) === JSON.stringify(other)) return "same";
    if (hasMoved(value, name, leaves)) return "moved";
    return other === undefined || isContainer(other) ? "only" : "changed";
  }
  if (isContainer(other) && Array.isArray(value) === Array.isArray(other)) return "same";
  if (isEmpty(value)) return "only";
  return "same";
}

/** Lines of one value: `{depth, key, value, open, close, mark}`. */
function linesOf(value, other, leaves) {
  const lines = [];
  const walk = (one, match, { depth, key, name, isLast }) => {
    const comma = isLast ? "" : ",";
    const mark = markOf(one, match, { leaves, name });
    if (!isContainer(one) || isEmpty(one)) {
      const text = isContainer(one) ? (Array.isArray(one) ? "[]" : "{}") : one;
      lines.push({ depth, key, value: text, isText: typeof one === "string", close: comma, mark });
      return;
    }
    const [open, close] = Array.isArray(one) ? ["[", "]"] : ["{", "}"];
    const first = lines.length;
    lines.push({ depth, key, open, close: "", mark });
    const members = Object.entries(one);
    for (const [at, [own, member]] of members.entries()) {
      const there = isContainer(match) && Array.isArray(match) === Array.isArray(one) ? match[own] : undefined;
      const isItem = Array.isArray(one);
      const place = { depth: depth + 1, key: isItem ? null : own, name: isItem ? name : own, isLast: at === members.length - 1 };
      walk(member, there, place);
    }
    // What is in it says whether a container is there on this side alone.
    const within = lines.slice(first + 1);
    if (leaves !== null && match === undefined && within.every((line) => line.mark === "only")) lines[first].mark = "only";
    lines.push({ depth, key: null, open: close, close: comma, mark: lines[first].mark });
  };
  walk(value, other, { depth: 0, key: null, name: "", isLast: true });
  return lines;
}

const SIGNS = { same: " ", moved: "→", changed: "~", only: "±" };

function valueNode({ value, isText }) {
  const text = isText ? JSON.stringify(value) : String(value);
  if (text.length <= LONG_TEXT) return el("span", { class: isText ? "json-text" : "json-value" }, text);
  const node = el("span", { class: "json-text" }, text.slice(0, LONG_TEXT));
  const more = el(
    "button",
    {
      type: "button",
      class: "quiet more",
      click: () => {
        node.textContent = text;
        more.remove();
      },
    },
    t("inspect.more-text", { count: text.length - LONG_TEXT }),
  );
  return [node, "… ", more];
}

function lineNode(line, sign) {
  const { depth, key, open, close, mark } = line;
  const content = [
    key === null ? null : el("span", { class: "json-key" }, `${JSON.stringify(key)}: `),
    open === undefined ? valueNode(line) : open,
    close,
  ];
  const label = mark === "same" ? null : t(`inspect.mark.${mark === "only" ? sign : mark}`);
  const shown = mark === "only" ? (sign === "added" ? "+" : "−") : SIGNS[mark];
  return el(
    "div",
    { class: `json-line ${mark === "only" ? sign : mark}`, title: label },
    el(
      "span",
      { class: "json-sign", "aria-hidden": label === null ? "true" : null, "aria-label": label, role: label === null ? null : "img" },
      shown,
    ),
    el("span", { class: "json-code" }, "\u00a0\u00a0".repeat(depth), ...content.flat()),
  );
}

/**
 * `other`: what it is compared with; undefined: nothing. `side`: what a value is that stands here alone, `removed` before a conversion and `added`
 * behind it.
 */
export function jsonView(text, { other, side = "removed", name }) {
  const value = parsed(text);
  if (value === undefined) return { box: el("pre", { class: "raw", tabindex: "0", role: "group", "aria-label": name }, text), marks: null };
  const leaves = other === undefined ? null : leavesOf(other);
  const lines = linesOf(value, other, leaves);
  const box = el("div", { class: "json", tabindex: "0", role: "group", "aria-label": name });
  const show = (from, to) => box.append(...lines.slice(from, to).map((line) => lineNode(line, side)));
  show(0, MANY_LINES);
  if (lines.length > MANY_LINES) {
    const rest = el("button", { type: "button", click: () => (rest.remove(), show(MANY_LINES)) });
    rest.textContent = t("inspect.more-lines", { count: lines.length - MANY_LINES });
    box.append(rest);
  }
  const marks = { changed: 0, only: 0, moved: 0 };
  for (const { mark, open } of lines) if (mark in marks && open !== "]" && open !== "}") marks[mark]++;
  return { box, marks };
}

/** A line that says how two sides differ. */
export function legend(marks, side) {
  return el(
    "p",
    { class: "sub legend" },
    el("span", { class: side }, `${side === "added" ? "+" : "−"} ${t(`inspect.mark.${side}`)} ${number(marks.only)}`),
    el("span", { class: "changed" }, `~ ${t("inspect.mark.changed")} ${number(marks.changed)}`),
    el("span", { class: "moved" }, `→ ${t("inspect.mark.moved")} ${number(marks.moved)}`),
  );
}
