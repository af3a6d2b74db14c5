// Breaks help texts into lines that fit a terminal.

const WIDTH = 80;

/** Lines of at most 80 columns, each after `indent` spaces. A word that is longer has a line of its own. */
export function wrapped(text: string, indent = 0): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (indent + line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => " ".repeat(indent) + line);
}
