// Tool names and call ids in another protocol's alphabet and length, the same on every turn, and the way back.
// Never keeps state between calls; the short form depends only on the long one.

export interface NameRule {
  /** Matches a character that no name may have. */
  readonly unfit: RegExp;
  readonly maxLength: number;
}

const HASH_LENGTH = 8;

/** The name itself where it follows the rule, otherwise a readable beginning and a hash of the whole. */
export function fitName(name: string, rule: NameRule): string {
  if (name !== "" && name.length <= rule.maxLength && !rule.unfit.test(name)) return name;
  let fitted = "";
  for (const character of name) fitted += rule.unfit.test(character) ? "_" : character;
  return `${fitted.slice(0, rule.maxLength - HASH_LENGTH - 1)}_${hash(name)}`;
}

/** Fitted names of a request's tools, and back. Undeclared names are fitted too, and come back unchanged. */
export class NameTable {
  readonly #rule: NameRule;
  readonly #originals = new Map<string, string>();

  constructor(names: Iterable<string>, rule: NameRule) {
    this.#rule = rule;
    for (const name of names) this.#originals.set(fitName(name, rule), name);
  }

  fit(name: string): string {
    return fitName(name, this.#rule);
  }

  original(fitted: string): string {
    return this.#originals.get(fitted) ?? fitted;
  }
}

/** A session's name, or its hash where it is too long: cut names could collide. */
export function fitId(id: string, maxLength: number): string {
  return id.length <= maxLength ? id : longHash(id);
}

/** 32 hex digits. */
function longHash(id: string): string {
  return ["", "1", "2", "3"].map((salt) => hash(salt + id)).join("");
}

const EMAIL_ADDRESS = /[^\s@]@[^\s@]/;
/** Digits in people's usual groups. Adjacent dashes or letters make them part of another id, such as a UUID. */
const GROUPED_DIGITS = /(?<![\w-])[+(]{0,2}\d[\d\s()./\p{Pd}]*\d(?![\w-])/gu;
const NO_DIGITS = /\D/g;
/** https://www.itu.int/rec/T-REC-E.164 (read 2026-11); local numbers have at least seven digits. */
const MIN_PHONE_DIGITS = 7;
const MAX_PHONE_DIGITS = 15;

/**
 * An end user's name, or its hash, the same in every protocol, where it is too long or identifies a person: providers refuse e-mail
 * addresses and phone numbers.
 */
export function fitEndUser(name: string, maxLength: number): string {
  return name.length > maxLength || isPersonal(name) ? longHash(name) : name;
}

function isPersonal(name: string): boolean {
  if (EMAIL_ADDRESS.test(name)) return true;
  return (name.match(GROUPED_DIGITS) ?? []).some((digits) => {
    const count = digits.replace(NO_DIGITS, "").length;
    return count >= MIN_PHONE_DIGITS && count <= MAX_PHONE_DIGITS;
  });
}

const PDF_ENDING = /\.pdf$/i;

/** A file name for an upstream that derives the type from the ending: a title is not such a name. */
export function fileName(title: string | null, mediaType: string | null): string {
  if (mediaType !== "application/pdf") return title ?? "document";
  return title === null ? "document.pdf" : PDF_ENDING.test(title) ? title : `${title}.pdf`;
}

/** 32-bit FNV-1a over UTF-16 units, as 8 hex digits. See https://www.rfc-editor.org/rfc/rfc9923 (read 2026-11). */
export function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(HASH_LENGTH, "0");
}
