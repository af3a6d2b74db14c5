// The text of an environment file: its encoding, and the lines that set nothing.
// Never shows what a line says: it may be a key.

/** The text of bytes that are UTF-8, or UTF-16 with its mark, as Windows writes it. Null: they are neither. */
export function textOfFile(bytes: Uint8Array): string | null {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/** Numbers of the lines that are no comment and have no `=`, from 1. */
export function strayLines(text: string): number[] {
  // A quoted value may have lines of its own.
  const lines = text.replace(QUOTED, (quoted) => "=" + quoted.replace(/[^\n]+/g, "")).split("\n");
  return lines.flatMap((line, index) => (line.trim() === "" || /^\s*#/.test(line) || line.includes("=") ? [] : [index + 1]));
}

const QUOTED = /(?<=^(?![^\S\n]*#)[^=\n]*)=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)/gm;
