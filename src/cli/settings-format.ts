// A format of settings files: reads a text, and changes some of its members while every other byte stays as it is.

/** A member's name; for a list, the index of an item, or ADDED for a new one. */
export type Step = string | number;

/** Used as an index: after the last item. */
export const ADDED = -1;

/** Changes one member. */
export interface Change {
  /** Names from the outermost one: `["env", "ANTHROPIC_BASE_URL"]`. Missing parents are created. */
  readonly path: readonly Step[];
  /** Undefined: remove it. */
  readonly value: unknown;
}

export interface SettingsFormat {
  /** The format's name for people. */
  readonly title: string;
  /** @throws FormatFault where the text is not of this format */
  readonly parse: (text: string) => unknown;
  /** @throws FormatFault */
  readonly edit: (text: string, changes: readonly Change[]) => string;
}

export type FormatName = "jsonc" | "toml" | "env";

/** Ends an edit. The message completes `The file ...`. */
export class FormatFault extends Error {
  override readonly name = "FormatFault";
}

/** The value at a path; undefined where there is none. */
export function valueAt(settings: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return typeof step === "number" ? value[step] : undefined;
    return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, settings);
}

/** The settings with a change applied; the given ones stay unchanged. @throws FormatFault where the path leads into something else */
export function changed(settings: unknown, { path: [step, ...rest], value }: Change): unknown {
  if (step === undefined) return value;
  if (typeof step === "number") {
    if (settings !== undefined && !Array.isArray(settings)) throw new FormatFault("has a value that is not a list where a list belongs");
    const items: readonly unknown[] = settings ?? [];
    const at = step === ADDED ? items.length : step;
    const item = changed(items[at], { path: rest, value });
    return [...items.slice(0, at), ...(item === undefined ? [] : [item]), ...items.slice(at + 1)];
  }
  if (settings !== undefined && !isMap(settings)) throw new FormatFault(`has a value that is not an object where "${step}" belongs`);
  const members = settings ?? {};
  const member = changed(members[step], { path: rest, value });
  if (member !== undefined) return { ...members, [step]: member };
  return Object.fromEntries(Object.entries(members).filter(([name]) => name !== step));
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
