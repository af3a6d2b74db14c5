// `bun run test`: the same test files under `bun test` and under `deno test`, one after the other.
// In:  optionally `bun` or `deno` for one of them, and what else the runners should get, e.g. a file.
// Out: what they print, then a line with the counts of each; exit code 1 when a test failed or a runner did, or hung.
// Both runtimes are the pinned ones of node_modules; the PATH is asked only where a platform's package is missing.

import { spawn } from "node:child_process";
import process from "node:process";
import { bunPath, denoPath, ROOT } from "./support/program.ts";

interface Runner {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  /** How the runner says that tests passed, and that they failed. */
  readonly passed: RegExp;
  readonly failed: RegExp;
}

/** A runner that takes longer hangs. */
const PATIENCE_MS = 240_000;

const [first, ...others] = process.argv.slice(2);
const only = first === "bun" || first === "deno" ? first : null;
const rest = only === null && first !== undefined ? [first, ...others] : others;

// Without --no-check Deno would check the types again, which `bun run check` does on its own.
const runners: readonly Runner[] = [
  {
    name: "bun",
    command: bunPath(),
    arguments: ["test", "--timeout", "60000", ...rest],
    passed: /^ *(\d+) pass$/m,
    failed: /^ *(\d+) fail$/m,
  },
  {
    name: "deno",
    command: denoPath(),
    arguments: ["test", "--allow-all", "--no-check", ...(rest.some((word) => !word.startsWith("-")) ? rest : ["tests", ...rest])],
    passed: /\| (\d+) passed/,
    failed: /\| (\d+) failed/,
  },
];

const counts: string[] = [];
let isGreen = true;
for (const runner of runners) {
  if (only !== null && runner.name !== only) continue;
  process.stdout.write(`\n== ${runner.name} ${runner.arguments.join(" ")}\n`);
  const { output, code } = await run(runner);
  const passed = Number(runner.passed.exec(output)?.[1] ?? 0);
  const failed = Number(runner.failed.exec(output)?.[1] ?? 0);
  // A runner that breaks off without a count of failures has failed all the same.
  const failures = code !== 0 && failed === 0 ? 1 : failed;
  if (failures > 0 || passed === 0) isGreen = false;
  counts.push(`${runner.name}: ${passed} passed, ${failures} failed`);
}
process.stdout.write(`\n${counts.join("\n")}\n`);
process.exit(isGreen ? 0 : 1);

function run(runner: Runner): Promise<{ readonly output: string; readonly code: number }> {
  return new Promise((resolve, reject) => {
    // Without colours, as the counts are read from the text.
    const { FORCE_COLOR: _, ...environment } = process.env;
    const child = spawn(runner.command, runner.arguments, {
      cwd: ROOT,
      env: { ...environment, NO_COLOR: "1" },
      timeout: PATIENCE_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const read = (chunk: string): void => {
      output += chunk;
      process.stdout.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("close", (code) => resolve({ output, code: code ?? 1 }));
    child.on("exit", (_code, signal) => {
      if (signal === null) return;
      process.stdout.write(`\n${runner.name} was ended by ${signal}; it has ${PATIENCE_MS / 1000} seconds.\n`);
      // Not on "close", which programs that a test left behind would keep from coming.
      resolve({ output, code: 1 });
    });
  });
}
