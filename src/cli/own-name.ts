// How to type a command of this program, depending on how it was started: by a script of package.json, or by its name. For texts for people.
// Never changes output for programs.

import process from "node:process";

/** A command in a sentence. */
const COMMAND = /(?<![\w/-])factory-proxy(?= (?!can't\b)(?:[a-z[]|--))/g;
/** An agent works where it is launched, but Bun's scripts start in the source's folder wherever they are called. */
const LAUNCH = /(?<![\w/-])factory-proxy(?= launch\b)/g;
const BUN = "bun run start";
const SCRIPTS = ["start", "dev"];

/** The text, with commands as its reader would type them. */
export function asTyped(text: string, start: Start = process): string {
  const name = scriptOf(start);
  if (name === null) return text;
  const [, main = ""] = start.argv;
  return (name === BUN ? text.replaceAll(LAUNCH, `bun ${main}`) : text).replaceAll(COMMAND, name);
}

/** What a process knows of its start. */
interface Start {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Null: it was started from a folder in PATH, or in a way that can't be detected. */
function scriptOf({ argv: [, main = ""], env }: Start): string | null {
  // An executable may inherit the environment of another script.
  if (!/[\\/]src[\\/]main\.ts$/.test(main) || !SCRIPTS.includes(env["npm_lifecycle_event"] ?? "")) return null;
  return env["npm_config_user_agent"]?.startsWith("npm/") === true ? "npm run -s start --" : BUN;
}
