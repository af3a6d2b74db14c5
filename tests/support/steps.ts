// How much work a synchronous function does, counted instead of timed: the items, characters and entries that pass through built-in methods.
// Never sees what needs no method (an index, the members of a spread object), and never stays installed: at the end everything is as it was.

/** The work done. */
export type Steps = {
  /** Array items that were visited, moved or copied. */
  items: number;
  /** Characters that were searched, parsed or printed. Cutting or joining a string copies nothing in any engine. */
  characters: number;
  /** Look-ups in maps and sets. */
  lookups: number;
  /** The most arguments of one `push`: engines fail at some tens of thousands. */
  mostPushed: number;
};

const NONE: Steps = { items: 0, characters: 0, lookups: 0, mostPushed: 0 };

type Method = (this: never, ...values: never[]) => unknown;
type Host = Record<PropertyKey, Method>;

/** Array methods that call a function for each item until they have a result. */
const ASKING = "find findIndex findLast findLastIndex some every filter map flatMap forEach reduce toSorted sort".split(" ");
/** Array methods that visit the whole array. */
const WHOLE = "join concat toReversed reverse shift unshift splice with toSpliced flat".split(" ");
const SEARCHING = "includes indexOf lastIndexOf".split(" ");
/** String methods that may visit the whole text. */
const TEXT_WHOLE = "replace replaceAll split match search trim trimEnd trimStart toLowerCase toUpperCase".split(" ");
const TEXT_SEARCHING = "includes indexOf lastIndexOf".split(" ");

/** Runs `act` with a counter, which runs something and returns its work. Installing the counter takes far longer than counting. */
export function counted<T>(act: (stepsOf: (counting: () => void) => Steps) => T): T {
  const steps: Steps = { ...NONE };
  const restore: (() => void)[] = [];
  const wrap = (host: object, name: PropertyKey, wrapped: (original: Method) => (this: never, ...values: never[]) => unknown): void => {
    const original = (host as Host)[name];
    if (original === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(host, name);
    if (descriptor === undefined) return;
    Object.defineProperty(host, name, { ...descriptor, value: wrapped(original) });
    restore.push(() => void Object.defineProperty(host, name, descriptor));
  };
  const call = (original: Method, self: unknown, values: readonly unknown[]): unknown => Reflect.apply(original, self, values);
  const sized = (host: object, name: string, count: (self: never, result: never, values: never[]) => void): void =>
    wrap(
      host,
      name,
      (original) =>
        function (this: never, ...values) {
          const result = call(original, this, values);
          count(this, result as never, values);
          return result;
        },
    );

  for (const name of ASKING) {
    wrap(
      Array.prototype,
      name,
      (original) =>
        function (this: never, ask: never, ...rest) {
          const asked = function (this: unknown, ...values: unknown[]): unknown {
            steps.items++;
            return call(ask, this, values);
          };
          return call(original, this, [typeof ask === "function" ? asked : ask, ...Array.from(rest)]);
        },
    );
  }
  for (const name of WHOLE) {
    wrap(
      Array.prototype,
      name,
      (original) =>
        function (this: never, ...values) {
          steps.items += (this as unknown[]).length;
          return call(original, this, values);
        },
    );
  }
  const searched = (length: number, found: number | boolean): number => (typeof found === "number" && found >= 0 ? found + 1 : length);
  for (const name of SEARCHING) sized(Array.prototype, name, ({ length }: unknown[], at: number) => (steps.items += searched(length, at)));
  sized(Array.prototype, "slice", (_self, { length }: unknown[]) => (steps.items += length));
  wrap(
    Array.prototype,
    "push",
    (original) =>
      function (this: never, ...values) {
        steps.items += values.length;
        steps.mostPushed = Math.max(steps.mostPushed, values.length);
        return call(original, this, values);
      },
  );
  // What `for ... of`, spreads and patterns pass through.
  const iterators = [[][Symbol.iterator](), new Set()[Symbol.iterator](), new Map()[Symbol.iterator]()];
  for (const iterator of iterators) sized(Object.getPrototypeOf(iterator) as object, "next", () => steps.items++);
  sized(Object.getPrototypeOf(""[Symbol.iterator]()) as object, "next", () => steps.characters++);
  for (const host of [Map.prototype, Set.prototype])
    for (const name of ["get", "has", "set", "add", "delete"]) sized(host, name, () => steps.lookups++);
  for (const name of ["keys", "values", "entries"]) sized(Object, name, (_self, { length }: unknown[]) => (steps.items += length));
  sized(Object, "fromEntries", (_self, made: object) => (steps.items += Reflect.ownKeys(made).length));

  for (const name of TEXT_WHOLE) sized(String.prototype, name, ({ length }: string) => (steps.characters += length));
  for (const name of TEXT_SEARCHING)
    sized(
      String.prototype,
      name,
      ({ length }: string, at: number, [, from]: unknown[]) =>
        (steps.characters += searched(length, at) - (typeof from === "number" ? Math.min(from, length) : 0)),
    );
  sized(String.prototype, "charCodeAt", () => steps.characters++);
  sized(JSON, "parse", (_self, _value, [text]: string[]) => (steps.characters += text?.length ?? 0));
  sized(JSON, "stringify", (_self, text: string | undefined) => (steps.characters += text?.length ?? 0));
  sized(TextEncoder.prototype, "encode", (_self, { length }: Uint8Array) => (steps.characters += length));
  sized(TextDecoder.prototype, "decode", (_self, { length }: string) => (steps.characters += length));
  for (const name of ["set", "slice"])
    sized(Object.getPrototypeOf(Uint8Array.prototype) as object, name, ({ length }: Uint8Array) => (steps.characters += length));
  for (const name of ["exec", "test"]) {
    wrap(
      RegExp.prototype,
      name,
      (original) =>
        function (this: never, text: never) {
          const pattern = this as RegExp;
          const from = pattern.lastIndex;
          const found = call(original, this, [text]) as RegExpExecArray | boolean | null;
          const { length } = String(text);
          // It is known where it begins: if it fails, it fails there.
          const isAnchored = pattern.sticky || pattern.source.startsWith("^");
          if (found !== null && typeof found === "object") steps.characters += found.index + found[0].length - from;
          else steps.characters += isAnchored && !pattern.source.endsWith("$") ? 1 : length - from;
          return found;
        },
    );
  }
  try {
    return act((counting) => {
      Object.assign(steps, NONE);
      counting();
      return { ...steps };
    });
  } finally {
    for (const undo of restore.reverse()) undo();
  }
}
