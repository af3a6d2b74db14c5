// A format of settings files: what a text says, and the text with some of its members changed and every other byte as it was.

/** A member's name; of a list, the number of an item, or ADDED for one more. */
export type Step = string | number;

/** In place of an item's number: behind the last one. */
export const ADDED = -1;

/** Changes one member. */
export interface Change {
  /** Names from the outside in: `["env", "ANTHROPIC_BASE_URL"]`. What is missing on the way is made. */
  readonly path: readonly Step[];
  /** Undefined: it is taken out. */
  readonly value: unknown;
}

export interface SettingsFormat {
  /** As a person calls it. */
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

/** The settings with a change made; those that were given stay as they are. @throws FormatFault where the path leads into something else */
export function changed(settings: unknown, { path: [step, ...rest], value }: Change): unknown {
  if (step === undefined) return value;
  if (typeof step === "number") {
    if (settings !== undefined && !Array.isArray(settings)) throw new FormatFault("has another kind of value where a list is to be");
    const items: readonly unknown[] = settings ?? [];
    const at = step === ADDED ? items.length : step;
    const item = changed(items[at], { path: rest, value });
    return [...items.slice(0, at), ...(item === undefined ? [] : [item]), ...items.slice(at + 1)];
  }
  if (settings !== undefined && !isMap(settings)) throw new FormatFault(`has another kind of value where "${step}" is to be`);
  const members = settings ?? {};
  const member = changed(members[step], { path: rest, value });
  if (member !== undefined) return { ...members, [step]: member };
  return Object.fromEntries(Object.entries(members).filter(([name]) => name !== step));
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
