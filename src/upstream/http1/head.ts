// The heads of HTTP/1.1 (RFC 9112): that of a POST is written, that of an answer is read, bytes in, however they are cut.
// Never does: guess at what is malformed or ambiguous. Whoever sent it may mean something else by it, or somebody in between may.

import type { HttpRequest, TcpAddress } from "../../runtime/ports.ts";
import { cut } from "../../wire/pump.ts";

/** What came is no HTTP/1.1 as it has to be. */
export class HttpFault extends Error {}

export interface AnswerHead {
  readonly status: number;
  /** By lower-case names; several of one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** How many bytes the body has; `close`: all that come until the connection is closed. */
  readonly length: number | "chunked" | "close";
  /** Whether another request may follow on the connection. */
  readonly isKept: boolean;
}

/** All heads of an answer together, those before its own (1xx) too. */
export const MAX_HEAD_BYTES = 256 * 1024;

export const [TAB, LF, CR, SPACE, DELETE] = [0x09, 0x0a, 0x0d, 0x20, 0x7f];
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
const HEADER = /([!#$%&'*+\-.^_`|~\w]+):[ \t]*([^\r\n]*)\r\n/y;
const LENGTH = /^\d{1,15}$/;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** Reads one head after the other. */
export class HeadReader {
  #text = "";
  #bytes = 0;
  #lineBytes = 0;
  #last = 0;

  /** Where the head ends in these bytes, which begin at `from`; -1: it goes on in the next. */
  take(bytes: Uint8Array, from: number): number {
    // What speaks another protocol may wait for its turn, and never end a line.
    const known = this.#text.length;
    for (let at = known; at < PROTOCOL.length && from + at - known < bytes.length; at++)
      if (bytes[from + at - known] !== PROTOCOL.charCodeAt(at)) throw new HttpFault(NOT_HTTP);
    let last = this.#last;
    let lineBytes = this.#lineBytes;
    let isAscii = true;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (last === CR ? byte !== LF : byte < SPACE ? byte !== CR && byte !== TAB : byte === DELETE) throw new HttpFault(CONTROL);
      if (byte > DELETE) isAscii = false;
      last = byte;
      if (byte !== LF) lineBytes++;
      else if (lineBytes > 1) lineBytes = 0;
      else {
        this.#took(cut(bytes, from, at + 1), isAscii);
        return at + 1;
      }
    }
    this.#last = last;
    this.#lineBytes = lineBytes;
    this.#took(cut(bytes, from, bytes.length), isAscii);
    return -1;
  }

  #took(piece: Uint8Array, isAscii: boolean): void {
    this.#bytes += piece.length;
    if (this.#bytes > MAX_HEAD_BYTES) throw new HttpFault(`the head is larger than ${MAX_HEAD_BYTES} bytes`);
    // The decoder of that name reads Windows-1252, which has other characters from 0x80 to 0x9f.
    this.#text += isAscii ? ASCII.decode(piece) : Array.from(piece, (byte) => String.fromCharCode(byte)).join("");
  }

  /** What was read; call it when the head has ended. */
  head(): AnswerHead {
    const text = this.#text;
    [this.#text, this.#lineBytes, this.#last] = ["", 0, 0];
    return parsed(text);
  }
}

const ASCII = new TextDecoder("latin1");
const PROTOCOL = "HTTP/1.";
const NOT_HTTP = "the answer does not begin with a status line of HTTP/1.1";
const CONTROL = "there is a control character in the head, or a line that ends without a carriage return and a line feed";

/** Of lines that end as they should, without control characters. */
function parsed(text: string): AnswerHead {
  const headers = new Map<string, string>();
  const first = text.indexOf("\r\n");
  for (HEADER.lastIndex = first + 2; HEADER.lastIndex < text.length - 2;) {
    // Nor is what begins with a space, once a way to go on with the line before.
    const [, name, value] = HEADER.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new HttpFault("a line of the head is no header");
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? withoutBlanks(value) : `${before}, ${withoutBlanks(value)}`);
  }
  const [, minor, status] = STATUS_LINE.exec(text.slice(0, first)) ?? [];
  if (status === undefined) throw new HttpFault(NOT_HTTP);
  const isOld = minor === "0";
  const length = lengthOf(Number(status), headers, isOld);
  const isKept = !isOld && length !== "close" && !CLOSE.test(headers.get("connection") ?? "");
  return { status: Number(status), headers, length, isKept };
}

/** At its end. */
function withoutBlanks(value: string): string {
  let end = value.length;
  while (value[end - 1] === " " || value[end - 1] === "\t") end--;
  return value.slice(0, end);
}

/** RFC 9112, section 6.3, for an answer to a POST. */
function lengthOf(status: number, headers: ReadonlyMap<string, string>, isOld: boolean): AnswerHead["length"] {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined && length !== undefined) throw new HttpFault("there are both a length and a transfer encoding");
  if (encoding !== undefined && (isOld || encoding.toLowerCase() !== "chunked")) throw new HttpFault("the transfer encoding is unknown");
  if (length !== undefined && !LENGTH.test(length)) throw new HttpFault("the length is not one number");
  if (status < 200 || status === 204 || status === 304) return 0;
  if (encoding !== undefined) return "chunked";
  return length === undefined ? "close" : Number(length);
}

// ---- Request -----------------------------------------------------------------------------------------------------

/** Where a request goes. */
export interface Target extends TcpAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** How each of them begins. */
  readonly head: string;
}

/** Null: this client can't go there. */
export function targetOf(url: string): Target | null {
  const { protocol, hostname, port, host, origin, pathname, search, username, password } = new URL(url);
  const isSecure = protocol === "https:";
  if ((protocol !== "http:" && !isSecure) || username !== "" || password !== "") return null;
  const head = `POST ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n`;
  return { origin, head, host: hostname.replace(BRACKETS, "$1"), port: Number(port) || (isSecure ? 443 : 80), isSecure };
}

const BRACKETS = /^\[(.*)\]$/;
const UTF8 = new TextEncoder();
/** Up to here a body is copied behind its head, so that both go out at once. */
const SHORT_BODY_BYTES = 64 * 1024;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What goes out, in one piece or two. @throws HttpFault where a header would become two, or something else. */
export function requestBytes(target: Target, { headers, body }: HttpRequest): Uint8Array[] {
  const bytes = typeof body === "string" ? UTF8.encode(body) : body;
  let { head } = target;
  for (const name in headers) {
    const value = headers[name] ?? "";
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new HttpFault(`the header ${name} can't be sent`);
    head += `${name}: ${value}\r\n`;
  }
  head += `content-length: ${bytes.length}\r\n\r\n`;
  const isShort = bytes.length <= SHORT_BODY_BYTES;
  const out = new Uint8Array(head.length + (isShort ? bytes.length : 0));
  const { read, written } = UTF8.encodeInto(head, out);
  if (read !== head.length || written !== head.length) for (let at = 0; at < head.length; at++) out[at] = head.charCodeAt(at);
  if (isShort) out.set(bytes, head.length);
  return isShort ? [out] : [out, bytes];
}
