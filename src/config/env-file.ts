// The text of an environment file: its encoding, and lines that set nothing.
// Never shows what a line says: it may be a key.

/** Decodes bytes in UTF-8, or in UTF-16 with a byte order mark, as Windows writes it. Null: neither. */
export function textOfFile(bytes: Uint8Array): string | null {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/** Numbers, from 1, of the lines that are neither a comment nor contain a `=`. */
export function strayLines(text: string): number[] {
  // A quoted value may span lines.
  const lines = text.replace(QUOTED, (quoted) => "=" + quoted.replace(/[^\n]+/g, "")).split("\n");
  return lines.flatMap((line, index) => (line.trim() === "" || /^\s*#/.test(line) || line.includes("=") ? [] : [index + 1]));
}

const QUOTED = /(?<=^(?![^\S\n]*#)[^=\n]*)=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)/gm;
