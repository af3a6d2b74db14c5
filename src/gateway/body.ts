// The text of a request's body, for reading and for edits. For a large body this is a shortened text in which long strings (images, files) are
// cut, and from which the full body can be restored. So a large body is held at most twice: as it came, and as it goes out.
// Does not look into a string that it cuts: whether that is well-formed is for its reader to say.

import { GatewayError } from "../errors.ts";
import { closingQuote } from "../wire/json.ts";
import { concat } from "../wire/pump.ts";

export interface BodyText {
  /** Length of the full body in bytes. */
  readonly length: number;
  /** When the body is large, strings of more than 32 KiB are cut short here. */
  readonly text: string;
  /** The full body. @throws GatewayError `invalid-request` when it is not UTF-8. */
  whole(): string;
  /**
   * The full body for `text`, or for an edit of it that neither moved a string nor wrote a long one. `final`: this is the last use of the body,
   * so the result may overwrite the received bytes.
   */
  restored(edited: string, options: { readonly final: boolean }): string | Uint8Array<ArrayBuffer>;
}

/** A body without cuts. */
export class WholeText implements BodyText {
  readonly length: number;
  readonly text: string;

  constructor(text: string, length: number) {
    this.text = text;
    this.length = length;
  }

  whole(): string {
    return this.text;
  }

  restored(edited: string): string {
    return edited;
  }
}

/** From this many bytes on, a body is large. */
export const LARGE_BODY = 1024 * 1024;
const LONG_STRING = 32 * 1024;
/** How much of a long string is kept: more than the system prompt at its start, or the seal of a proof, takes. */
const KEPT = 16 * 1024;
/** The longest escape, `\u1234`. */
const ESCAPE_LENGTH = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @throws GatewayError `invalid-request` when the part that is read is not UTF-8. */
export function bodyText(bytes: Uint8Array<ArrayBuffer>): BodyText {
  const cuts = bytes.length < LARGE_BODY ? NO_CUTS : longStrings(bytes);
  return cuts.length === 0 ? new WholeText(decoded(bytes), bytes.length) : cutText(bytes, cuts);
}

const NO_CUTS: readonly Cut[] = [];

function cutText(bytes: Uint8Array<ArrayBuffer>, cuts: readonly Cut[]): BodyText {
  const kept = cuts.map(({ start }, index) => decoded(bytes.subarray(cuts[index - 1]?.end ?? 0, start)));
  const last = decoded(bytes.subarray(cuts.at(-1)?.end));
  const mark = freeMark([...kept, last]);
  const text = kept.map((piece, index) => `${piece}${mark}${index}.`).join("") + last;
  return {
    length: bytes.length,
    text,
    whole: () => decoded(bytes),
    restored: (edited, { final }) => {
      if (edited === text) return bytes;
      const pieces: Piece[] = [];
      for (const [index, piece] of edited.split(mark).entries()) {
        const end = index === 0 ? -1 : piece.indexOf(".");
        const cut = cuts[Number(piece.slice(0, Math.max(0, end)) || NaN)];
        if (cut !== undefined) pieces.push(cut);
        pieces.push(ENCODER.encode(piece.slice(end + 1)));
      }
      return (final ? editedInPlace(bytes, pieces) : null) ?? concat(pieces.map((piece) => bytesOf(piece, bytes)));
    },
  };
}

type Piece = Cut | Uint8Array;

function bytesOf(piece: Piece, bytes: Uint8Array): Uint8Array {
  return piece instanceof Uint8Array ? piece : bytes.subarray(piece.start, piece.end);
}

/** The pieces written over `bytes`; null where there is no room behind them, or a cut would have to move to the left. */
function editedInPlace(bytes: Uint8Array<ArrayBuffer>, pieces: readonly Piece[]): Uint8Array<ArrayBuffer> | null {
  let length = 0;
  const places = pieces.map((piece) => {
    const at = length;
    length += bytesOf(piece, bytes).length;
    return { piece, at };
  });
  const isLeft = places.some(({ piece, at }) => !(piece instanceof Uint8Array) && at < piece.start);
  if (isLeft || bytes.byteOffset + length > bytes.buffer.byteLength) return null;
  const out = new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  // From the end: whatever has not moved yet lies to the left of where anything is written.
  for (const { piece, at } of places.toReversed()) {
    if (piece instanceof Uint8Array) out.set(piece, at);
    else out.copyWithin(at, piece.start, piece.end);
  }
  return out;
}

function decoded(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new GatewayError("invalid-request", "The body is not UTF-8 text.", { cause });
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

interface Cut {
  readonly start: number;
  /** Offset of the closing quote. */
  readonly end: number;
}

/** The parts to cut out of the long strings of JSON text. */
function longStrings(bytes: Uint8Array): Cut[] {
  const cuts: Cut[] = [];
  for (let start = bytes.indexOf(QUOTE); start !== -1;) {
    const end = closingQuote(bytes, start);
    if (end === -1) break;
    if (end - start > LONG_STRING) cuts.push({ start: boundary(bytes, { from: start + 1, to: start + 1 + KEPT }), end });
    start = bytes.indexOf(QUOTE, end + 1);
  }
  return cuts;
}

/** The last offset up to `to` that splits neither an escape nor a character. */
function boundary(bytes: Uint8Array, { from, to }: { readonly from: number; readonly to: number }): number {
  for (let at = to; at > from; at--) {
    const isInside = ((bytes[at] ?? 0) & 0b1100_0000) === 0b1000_0000;
    if (!isInside && !bytes.subarray(Math.max(from, at - ESCAPE_LENGTH), at).includes(BACKSLASH)) return at;
  }
  return from;
}

/** A mark that occurs in none of the pieces, and needs no escape. */
function freeMark(pieces: readonly string[]): string {
  for (let number = 0; ; number++) {
    const mark = `gw.cut.${number}.`;
    if (!pieces.some((piece) => piece.includes(mark))) return mark;
  }
}
