// The only file that knows what a secret looks like. It masks keys in text, values, headers, errors and addresses: known ones, those of the
// current request, and whatever has the shape of a key.
// Never touches the bytes of an answer: what an upstream says there is between it and its client.

import { GatewayError } from "../errors.ts";

const SHOWN_CHARACTERS = 8;
const SHORTEST_SHOWN = 16;
/** Shorter ones would mask half of every line and protect nothing. */
const SHORTEST_SECRET = 4;
const ELLIPSIS = "…";
/** Limits on remembered texts, in number and characters: clients choose some of their content. */
const MOST_CLEARED = 100;
const LONGEST_CLEARED = 1000;

/** A key as it may be shown: its first 8 characters; nothing of one shorter than 16, or of one that begins with escapes. */
export function mask(key: string): string {
  const shown = key.slice(0, SHOWN_CHARACTERS);
  return key.length < SHORTEST_SHOWN || !SHOWABLE.test(shown) ? ELLIPSIS : shown + ELLIPSIS;
}

const SHOWABLE = /^[\x21\x23-\x24\x26-\x5b\x5d-\x7e]+$/;

/** Headers and fields whose value is a credential, in lower case without `-` and `_`. */
const CREDENTIAL_NAMES: ReadonlySet<string> = new Set([
  "authorization",
  "proxyauthorization",
  "xapikey",
  "xgoogapikey",
  "apikey",
  "factoryapikey",
  "factoryaitoken",
  "proxyapikey",
  "cookie",
  "setcookie",
]);
const SEPARATORS = /[-_]/g;
/** The prefixes of known vendors' keys, before a dash. */
const PREFIXES = "(?:fk|fp|sk|pk|rk|xai)";

// How a character may be written in JSON (also in JSON inside a JSON string, hence the run of backslashes) and in a URL.
const ESCAPED = String.raw`\\{1,8}u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}`;
const DASH = String.raw`(?:-|\\{1,8}u002[dD]|%2[dD])`;
const WORD = String.raw`(?:[A-Za-z0-9_-]|${ESCAPED})`;
/** The start of a word. In a JSON string, `\nfk-...` starts one too, although an `n` precedes it. */
const START = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))`;
const QUOTES = String.raw`[\\"']{0,9}`;
const NAMES = String.raw`(?:(?:proxy-)?authorization|(?:x-(?:goog-)?)?api[-_]?key)`;
/** Up to a space, a quote, or the backslashes that escape one. A `<` begins a placeholder, not a credential. */
const VALUE = String.raw`[^\s"'\\<…](?:[^\s"'\\…]|\\(?!\\{0,8}["']))*`;
const SCHEMES = String.raw`(?:bearer|basic)\s+`;

/** Patterns that reveal an unknown credential: what precedes it, and the credential. */
const SHAPES: readonly (readonly [before: string, credential: string, flags: string])[] = [
  [String.raw`${START}(?:set-)?cookie${QUOTES}\s*[:=]\s*${QUOTES}`, String.raw`[^\s"'\\…][^\r\n"'…]*`, "gi"],
  [String.raw`${START}${NAMES}${QUOTES}\s*[:=]\s*${QUOTES}(?:${SCHEMES})?`, `(?!${SCHEMES})${VALUE}`, "gi"],
  [String.raw`${START}bearer(?:\s|\+|%20)+`, `(?:[A-Za-z0-9._~+/=-]|${ESCAPED}){8,}`, "gi"],
  ["[?&](?:key|access_token)=", String.raw`[^&#\s"'\\…]+`, "gi"],
  [START, `${PREFIXES}${DASH}${WORD}{8,}`, "g"],
  [START, `AIza${WORD}{16,}`, "g"],
];
/** Group 1 stays, group 2 is the credential, group 3 means that it is masked already. */
const CREDENTIALS: readonly RegExp[] = SHAPES.map(([before, credential, flags]) => new RegExp(`(${before})(${credential})(…?)`, flags));
/** Matches wherever one of the shapes may, except for a masked key: this single test clears most texts. */
const SUSPICIOUS = new RegExp(
  String.raw`cookie|authorization|api[-_]?key|ai[-_]?token|bearer|[?&](?:key|access_token)=|${PREFIXES}(?:[\\%]|-(?![\w-]{0,6}…))|AIza`,
  "i",
);
/** The beginning of a key, however short. */
const KEY_BEGINS = new RegExp(`${START}${PREFIXES}${DASH}|AIza`, "i");
const COOKIE = /cookie/i;
const SCHEME = /^((?:bearer|basic)\s+)?(.*)$/is;

/** Masks secrets. What is masked already stays as it is. */
export class Redactor {
  readonly #base: Redactor | null;
  readonly #texts: readonly string[];
  #sorted: readonly Secret[] | null = null;
  /** Texts known to hold nothing to mask. Null: another redactor remembers them. */
  readonly #cleared: Set<string> | null;

  constructor(secrets: readonly string[], base: Redactor | null = null) {
    const known = base === null ? [] : base.#texts;
    const added = secrets.filter((text, index) => {
      return text.length >= SHORTEST_SECRET && !known.includes(text) && secrets.indexOf(text) === index;
    });
    this.#base = base;
    this.#cleared = base === null ? new Set() : null;
    this.#texts = added.length === 0 ? known : [...known, ...added];
  }

  /** The longest first: where one secret contains another, nothing of the longer one may remain. Built on first use. */
  get #secrets(): readonly Secret[] {
    if (this.#sorted === null) {
      const known = this.#base === null ? [] : this.#base.#secrets;
      const added = this.#texts.slice(known.length).map((text) => new Secret(text));
      this.#sorted = [...known, ...added].sort((a, b) => b.text.length - a.text.length);
    }
    return this.#sorted;
  }

  /** A redactor that knows these secrets too. */
  with(secrets: readonly string[]): Redactor {
    for (const secret of secrets) if (!this.#texts.includes(secret)) return new Redactor(secrets, this);
    return this;
  }

  /** Masks known secrets only: for text that is meant to be read, where a pattern would mask what merely looks like a key. */
  known(text: string): string {
    if (!this.#mayHold(text)) return text;
    let out = text;
    for (const secret of this.#secrets) out = secret.redact(out);
    return out;
  }

  /** Whether a text, such as a log line with its field names, surely holds nothing to mask; false where that takes a closer look. */
  clears(text: string): boolean {
    return !this.#mayHold(text) && !SUSPICIOUS.test(text);
  }

  /** The same for a text that will be checked again. */
  clearsAgain(text: string): boolean {
    const cleared = this.#cleared;
    if (cleared === null) return this.#base?.clearsAgain(text) === true && !this.#holdsSecret(text);
    if (cleared.has(text)) return true;
    const isClear = this.clears(text);
    if (cleared.size >= MOST_CLEARED) cleared.clear();
    if (isClear && text.length <= LONGEST_CLEARED) cleared.add(text);
    return isClear;
  }

  /** Whether a known secret occurs in a text, or might, in escaped form. */
  #mayHold(text: string): boolean {
    return this.#holdsSecret(text) || text.includes("\\") || text.includes("%");
  }

  /** A loop, because a closure for each line would mean one for each call. */
  #holdsSecret(text: string): boolean {
    for (const secret of this.#texts) if (text.includes(secret)) return true;
    return false;
  }

  text(text: string): string {
    let out = this.known(text);
    if (!SUSPICIOUS.test(out)) return out;
    for (const pattern of CREDENTIALS) out = out.replace(pattern, maskMatch);
    return out;
  }

  /** A plain copy for JSON, with every string redacted, and the values of credential headers masked by name. */
  value(value: unknown): unknown {
    return new Copier(this, Number.POSITIVE_INFINITY).value(value);
  }

  /** The same for the fields of a log line, with each string cut to this many characters. */
  record(fields: Readonly<Record<string, unknown>>, maxTextLength: number): Record<string, unknown> {
    return new Copier(this, maxTextLength).record(fields);
  }

  /** Headers for a client. A header that holds a known secret is left out. */
  headers(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const all = Object.values(headers).join("\n");
    if (this.known(all) === all) return headers;
    return Object.fromEntries(Object.entries(headers).filter(([, value]) => this.known(value) === value));
  }

  /** An error for a client, without known secrets. */
  error(error: GatewayError): GatewayError {
    const message = this.known(error.message);
    return message === error.message ? error : new GatewayError(error.kind, message, { status: error.status, cause: error });
  }

  /** Something that a person typed into a setting, fit to be shown; null when any of it may be a key, since an error is clear without it. */
  typed(text: string): string | null {
    return this.text(text) !== text || KEY_BEGINS.test(text) ? null : shownUrl(text);
  }
}

class Secret {
  readonly text: string;
  readonly #masked: string;
  /** Built when an escape is first met: most lines have none. */
  #anySpelling: RegExp | null = null;

  constructor(text: string) {
    this.text = text;
    this.#masked = mask(text);
  }

  redact(text: string): string {
    const out = text.includes(this.text) ? text.replaceAll(this.text, () => this.#masked) : text;
    if (!out.includes("\\") && !out.includes("%")) return out;
    this.#anySpelling ??= new RegExp(this.text.split("").map(anySpelling).join(""), "g");
    return out.replace(this.#anySpelling, () => this.#masked);
  }
}

/** A pattern for one UTF-16 unit of a key (an ASCII character), plain or escaped in JSON or in a URL. */
function anySpelling(unit: string): string {
  const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
  const plain = `\\u${hex}`;
  const slashed = JSON_SLASHED.has(unit) ? `\\\\{0,8}${plain}` : plain;
  return `(?:${slashed}|\\\\{1,8}u${anyCase(hex)}|${anyCase(`%${hex.slice(2)}`)})`;
}

const JSON_SLASHED: ReadonlySet<string> = new Set(['"', "\\", "/"]);
const LETTER = /[a-f]/gi;

function anyCase(hex: string): string {
  return hex.replace(LETTER, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}

function maskMatch(match: string, ...groups: readonly string[]): string {
  const [lead = "", credential = "", ellipsis = ""] = groups;
  if (ellipsis !== "") return match;
  return lead + (COOKIE.test(lead) ? ELLIPSIS : mask(credential));
}

/** The value of a header or field that holds a credential. */
function maskNamed(name: string, value: string): string {
  if (value.length <= SHOWN_CHARACTERS + 1 && value.endsWith(ELLIPSIS)) return value;
  if (name.endsWith("cookie")) return ELLIPSIS;
  const [, scheme = "", credential = ""] = SCHEME.exec(value) ?? [];
  return credential.endsWith(ELLIPSIS) ? value : scheme + mask(credential);
}

/** A URL as it may be shown: user, query and fragment may hold a key under any name. */
export function shownUrl(url: string): string {
  return url.replace(USER_INFO, "//…@").replace(FROM_QUERY_ON, (rest) => `${rest.charAt(0)}…`);
}

const USER_INFO = /\/\/[^/?#]*@/;
const FROM_QUERY_ON = /[?#].*$/s;

/** Redacts with the kept text, then cuts: so a key that the cut would halve, and hide from the masking, is masked first. */
const CUT_MARGIN = 4096;
const MAX_DEPTH = 64;

/** Copies values into what JSON can hold, redacting on the way. */
class Copier {
  readonly #redactor: Redactor;
  readonly #maxTextLength: number;
  readonly #ancestors = new Set<object>();

  constructor(redactor: Redactor, maxTextLength: number) {
    this.#redactor = redactor;
    this.#maxTextLength = maxTextLength;
  }

  value(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (value === null || typeof value === "number" || typeof value === "boolean") return value;
    if (typeof value === "bigint") return this.#text(String(value));
    if (typeof value !== "object") return undefined;
    if (this.#ancestors.has(value)) return "[circular]";
    if (this.#ancestors.size >= MAX_DEPTH) return "[too deep]";
    this.#ancestors.add(value);
    try {
      return this.#object(value);
    } catch {
      // A getter of a foreign object threw; the line matters more than this field.
      return "[unreadable]";
    } finally {
      this.#ancestors.delete(value);
    }
  }

  record(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return this.#entries(Object.entries(record));
  }

  #object(value: object): unknown {
    if (Array.isArray(value)) return this.#array(value);
    if (value instanceof Error) return this.record(partsOf(value));
    if (value instanceof Headers || value instanceof Map) return this.#entries([...value].map(([name, item]) => [String(name), item]));
    if (value instanceof Set) return this.#array([...value]);
    if (value instanceof Date) return value.toISOString();
    if (value instanceof URL) return this.#text(value.href);
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    return this.record({ ...value });
  }

  /** A pair of strings may be a header: `["authorization", "Bearer ..."]`. */
  #array(items: readonly unknown[]): unknown[] {
    const [name, value] = items;
    if (items.length === 2 && typeof name === "string" && typeof value === "string") return [this.#text(name), this.#member(name, value)];
    return items.map((item) => this.value(item) ?? null);
  }

  #entries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
    const out: [string, unknown][] = [];
    for (const [name, value] of entries) {
      const copied = this.#member(name, value);
      if (copied !== undefined) out.push([this.#redactor.text(name), copied]);
    }
    return Object.fromEntries(out);
  }

  #member(name: string, value: unknown): unknown {
    const plainName = name.toLowerCase().replace(SEPARATORS, "");
    if (!CREDENTIAL_NAMES.has(plainName)) return this.value(value);
    if (Array.isArray(value)) return value.map((item) => this.#member(name, item));
    return typeof value === "string" ? maskNamed(plainName, value) : this.value(value);
  }

  #text(text: string): string {
    if (text.length <= this.#maxTextLength) return this.#redactor.text(text);
    const redacted = this.#redactor.text(text.slice(0, this.#maxTextLength + CUT_MARGIN));
    const kept = redacted.slice(0, Math.min(this.#maxTextLength, redacted.length - CUT_MARGIN));
    return `${kept}${ELLIPSIS} (${text.length} characters)`;
  }
}

/** A GatewayError says where it comes from; any other error here is unexpected, so its stack is kept. */
function partsOf(error: Error): Record<string, unknown> {
  const { name, message, cause, stack } = error;
  if (error instanceof GatewayError)
    return { kind: error.kind, message, status: error.status, code: error.code, param: error.param, cause };
  return { name, message, code: "code" in error ? error.code : undefined, stack, cause };
}
