// Room: openai-chat (row 2). Bytes inside of JSON: data URLs, base64, media types.
// In:  strings of a request body.
// Out: where the bytes are and what kind they are, told by their first characters where the client is wrong.
// Never does: decode more of the bytes than it must.

import type { Source } from "../canonical.ts";

type Base64Source = Extract<Source, { type: "base64" }>;

const DATA_URL = /^data:([^,]*),/;

/** A data URL's bytes; null when the text is no data URL. Takes parameters, a missing media type, percent-encoded data. */
export function decodeDataUrl(url: string): Base64Source | null {
  const head = DATA_URL.exec(url.slice(0, 512));
  if (head === null) return null;
  const [declared = "", ...parameters] = (head[1] ?? "").split(";").map((piece) => piece.trim().toLowerCase());
  const body = url.slice(head[0].length);
  const data = parameters.includes("base64") ? body : base64Of(body);
  const found = mediaTypeOf(data);
  // Magic bytes know better: upstreams reject an image whose declared type is wrong.
  return { type: "base64", mediaType: found ?? (declared === "" ? null : properType(declared)), data };
}

function properType(declared: string): string {
  return declared === "image/jpg" ? "image/jpeg" : declared;
}

/** First characters of the base64 of well-known file types. */
const MAGIC: readonly (readonly [beginning: string, mediaType: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["JVBERi", "application/pdf"],
];
/** `RIFF....WEBP`: the four bytes between are the length. */
const WEBP = /^UklGR[A-Za-z0-9+/]{6}XRUJQ/;

/** The media type that the first bytes tell; null when they tell none. */
export function mediaTypeOf(base64: string): string | null {
  const known = MAGIC.find(([beginning]) => base64.startsWith(beginning));
  if (known !== undefined) return known[1];
  return WEBP.test(base64.slice(0, 24)) ? "image/webp" : null;
}

/** Text out of base64; "" when it is not base64. */
export function utf8Of(base64: string): string {
  const binary = binaryOf(base64);
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

function binaryOf(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

function base64Of(percentEncoded: string): string {
  const bytes: number[] = [];
  const utf8 = new TextEncoder();
  for (let at = 0; at < percentEncoded.length; at++) {
    const code = percentEncoded[at] === "%" ? Number.parseInt(percentEncoded.slice(at + 1, at + 3), 16) : Number.NaN;
    if (Number.isNaN(code)) {
      const character = String.fromCodePoint(percentEncoded.codePointAt(at) ?? 0);
      bytes.push(...utf8.encode(character));
      at += character.length - 1;
    } else {
      bytes.push(code);
      at += 2;
    }
  }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
