// The scripts for shells, run by the shells themselves where they are installed: what each offers behind what was typed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import type { Command } from "../../src/cli/command.ts";
import { completionCommand } from "../../src/cli/completion.ts";
import { completionScript, SHELLS } from "../../src/cli/completion-scripts.ts";
import { KEYS } from "../../src/cli/keys.ts";
import { LAUNCH } from "../../src/cli/launch.ts";
import { findProgram } from "../../src/cli/programs.ts";

type Shell = (typeof SHELLS)[number];

const COMMANDS: readonly Command[] = [...LAUNCH, ...KEYS, completionCommand(() => Promise.resolve([]))];
const folder = mkdtempSync(join(tmpdir(), "factory-proxy-completion-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Behind the typed words, of which the last is not complete. */
const EXPECTED: readonly (readonly [typed: readonly string[], offered: readonly string[]])[] = [
  [["la"], ["launch"]],
  [["keys", "ro"], ["rotate"]],
  [["keys", "add", "--bud"], ["--budget"]],
  [
    ["launch", "cl"],
    ["claude", "cline"],
  ],
  [["launch", "claude", "--m"], ["--model"]],
  [["completion", "z"], ["zsh"]],
  [["serve", "--po"], ["--port"]],
  [["--po"], ["--port"]],
];

const ASKING: Readonly<Record<Shell, (script: string, words: readonly string[]) => readonly string[]>> = {
  bash: (script, words) => {
    const typed = ["factory-proxy", ...words].map((word) => `'${word}'`).join(" ");
    const text = `source '${script}'; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _factory_proxy; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return ["--norc", "--noprofile", "-c", text];
  },
  // What prints a list stands in for zsh's own, which needs a terminal.
  zsh: (script, words) => {
    const typed = ["factory-proxy", ...words].map((word) => `'${word}'`).join(" ");
    const stub = `compdef() { : }; _files() { : }; _describe() { local name="\${@[-1]}"; print -rl -- "\${(@P)name}" }`;
    const text = `${stub}; source '${script}'; words=(${typed}); CURRENT=${words.length + 1}; _factory_proxy`;
    return ["-f", "-c", `${text} | sed 's/:.*//' | grep -- "^\${words[CURRENT]}"`];
  },
  fish: (script, words) => ["--no-config", "-c", `source '${script}'; complete -C 'factory-proxy ${words.join(" ")}'`],
};

/** Without what fish says of each. */
function linesOf(output: string): string[] {
  return output
    .trim()
    .split("\n")
    .map((line) => line.replace(/\t.*/, ""))
    .sort();
}

for (const shell of SHELLS) {
  const path = findProgram(shell, { environment: process.env, platform: process.platform });
  test(`${shell} completes commands, their words and options`, { skip: path === null || process.platform === "win32" }, () => {
    const script = join(folder, `script.${shell}`);
    writeFileSync(script, completionScript(shell, COMMANDS));
    for (const [words, offered] of EXPECTED) {
      const output = execFileSync(path ?? "", ASKING[shell](script, words), {
        encoding: "utf8",
        env: { HOME: folder, PATH: process.env["PATH"] ?? "" },
      });
      assert.deepEqual(linesOf(output), offered, `${shell}: ${words.join(" ")}`);
    }
  });
}
