// What Deno's permissions, those of the README and fewer, leave of the commands, and whether what is missing is named.

import assert from "node:assert/strict";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { cleanUp, DENO, emptyFolder, MAIN, start, type Ended } from "../support/program.ts";

const NOT_HERE = { skip: process.versions["deno"] === undefined, timeout: 120_000 };
/** Of `deno run` in the README. */
const FLAGS = ["net", "env", "read", "write"];

after(cleanUp);

interface Home {
  readonly home: string;
  /** Without their dashes. */
  readonly flags?: readonly string[];
}

function ended(words: readonly string[], { home, flags = FLAGS }: Home): Promise<Ended> {
  const [deno = ""] = DENO.command;
  const command = [deno, "run", "--no-check", "--no-prompt", ...flags.map((flag) => `--allow-${flag}`), MAIN];
  const DENO_DIR = process.env["DENO_DIR"] ?? join(process.env["HOME"] ?? "", ".cache", "deno");
  const env = { HOME: home, USERPROFILE: home, PATH: home, DENO_DIR, DATABASE_URL: "sqlite:", FACTORY_API_KEY: "fk-a-key", PORT: "0" };
  return start({ ...DENO, command }, { env, arguments: words }).ended;
}

test("setup works with the README's permissions, and says which is missing with fewer", NOT_HERE, async () => {
  const home = emptyFolder();
  const words = ["setup", "codex", "--write", "--yes"];
  const denied = await ended(words, { home, flags: ["net", "env", "read", `write=${join(home, ".local")}`] });
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /config\.toml can't be used: Requires write access to "[^"]+", run again with the --allow-write flag/);
  const { code, stderr } = await ended(words, { home });
  assert.equal(code, 0, stderr);
  assert.ok(existsSync(join(home, ".codex", "config.toml")));
});

test("launch says which permission is missing", NOT_HERE, async () => {
  const home = emptyFolder();
  const path = join(home, "claude");
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  const withoutRun = await ended(["launch", "claude"], { home });
  assert.deepEqual(
    [withoutRun.code, withoutRun.stderr.includes(`Requires run access to "${path}", run again with the --allow-run flag`)],
    [1, true],
  );
  const withoutRead = await ended(["launch", "claude"], { home, flags: ["net", "env"] });
  assert.equal(withoutRead.code, 1);
  // Deno puts a folder of its own into PATH.
  assert.match(withoutRead.stderr, /^Claude Code can't be found in \S+: Deno needs --allow-read\.\n$/);
});

test("a file that is named and may not be read is not said to be missing", NOT_HERE, async () => {
  const home = emptyFolder();
  writeFileSync(join(home, "my.env"), "PORT=1\n");
  const { code, stderr } = await ended(["models", "--env-file", join(home, "my.env")], { home, flags: ["net", "env"] });
  const problem = `must be a readable file (Deno needs --allow-read for it)`;
  assert.deepEqual([code, stderr.split("\n")[1]?.replace(/ \(".*?"\)/, "")], [2, `--env-file ${problem}.`]);
});
