// `bun run test`: the same test files under `bun test` and under `deno test`, one after the other. Optional arguments: `bun` or `deno` for one
// of them, and what else the runners should get, e.g. a file. At the end it prints the failed tests once more and a line with the counts of
// each; the exit code is 1 when a test failed, or a runner did, or hung. Both runtimes are the pinned ones of node_modules.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { failuresIn } from "./support/failures.ts";
import { build, bunPath, denoPath, ROOT } from "./support/program.ts";

interface Runner {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  /** How the runner says that tests passed, and that they failed. */
  readonly passed: RegExp;
  readonly failed: RegExp;
}

/** For all of it, which takes about 11 minutes on two cores: what hangs is ended. Each runner has an equal share of what is left. */
const PATIENCE_MS = 1_080_000;
/** Test files that run beside one another, in processes (Bun) or threads (Deno) of their own: many wait more than they work. */
const FILES_AT_ONCE = 3;
/** Those that take longest, which Bun should begin with: one that comes last is waited for alone. */
const LONGEST = [
  "clients",
  "browser/pages",
  "browser/work",
  "browser/hostile",
  "cli/serve",
  "cli/connections",
  "costs",
  "fuzz",
  "cli/output",
  "upstream/connect",
  "faults",
  "conformance",
];
/** Folders whose files start little: Deno runs them as one, as each file would load the whole source again. */
const SMALL_FOLDERS = ["protocol", "reports", "wire", "models"];
/** How much of the output of a runner that names no failed test says how it failed. */
const LAST_LINES = 15;

const [first, ...others] = process.argv.slice(2);
const only = first === "bun" || first === "deno" ? first : null;
const rest = only === null && first !== undefined ? [first, ...others] : others;
const hasFiles = rest.some((word) => !word.startsWith("-"));
const folder = mkdtempSync(join(tmpdir(), "factory-proxy-tests-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
// Here, as the first files would do it all at once.
if (!hasFiles && only !== "deno") await build();

// Without --no-check Deno would check the types again, which `bun run check` does on its own.
const runners: readonly Runner[] = [
  {
    name: "bun",
    command: bunPath(),
    // Not isolated, as each file would load the whole source again.
    arguments: ["test", `--parallel=${FILES_AT_ONCE}`, "--no-isolate", `--timings=${timings()}`, "--timeout", "60000", ...rest],
    passed: /^ *(\d+) pass$/m,
    failed: /^ *(\d+) fail$/m,
  },
  {
    name: "deno",
    command: denoPath(),
    arguments: [
      "test",
      "--parallel",
      "--allow-all",
      "--no-check",
      ...rest,
      ...(hasFiles
        ? []
        : [
            `--config=${join(ROOT, "deno.json")}`,
            smallFiles(),
            ...testFilesIn(".")
              .filter((path) => !isSmall(path))
              .map((path) => `tests/${path}`),
          ]),
    ],
    passed: /\| (\d+) passed/,
    failed: /\| (\d+) failed/,
  },
];

const chosen = runners.filter(({ name }) => only === null || name === only);
const deadlineMs = performance.now() + PATIENCE_MS;
const counts: string[] = [];
const failed: string[] = [];
for (const [index, runner] of chosen.entries()) {
  process.stdout.write(`\n== ${runner.name} ${runner.arguments.join(" ")}\n`);
  const { output, end } = await run(runner, Math.floor((deadlineMs - performance.now()) / (chosen.length - index)));
  const passes = Number(runner.passed.exec(output)?.[1] ?? 0);
  const named = failuresIn(runner.name, output).map(({ test, file, error }) => [`${runner.name}: ${file}: ${test}`, ...error]);
  // A runner that breaks off without a count of failures has failed all the same.
  const failures = Number(runner.failed.exec(output)?.[1] ?? 0) || (end === null && passes > 0 ? 0 : 1);
  if (failures > 0)
    failed.push(...(named.length > 0 ? named : [[`${runner.name}:`, ...lastOf(output)]]).map((lines) => lines.join("\n    ")));
  if (failures > 0 && end !== null) failed.push(`${runner.name} ${end}`);
  counts.push(`${runner.name}: ${passes} passed, ${failures} failed`);
}
if (failed.length > 0) process.stdout.write(`\n== failed\n${failed.join("\n")}\n`);
// Ends once all has been written, whatever a test has left running.
process.stdout.write(`\n${counts.join("\n")}\n`, () => process.exit(failed.length === 0 ? 0 : 1));

/** Their paths from there. */
function testFilesIn(name: string): string[] {
  const paths = readdirSync(join(ROOT, "tests", name), { recursive: true, encoding: "utf8" });
  return paths.filter((path) => path.endsWith(".test.ts")).map((path) => path.replaceAll("\\", "/"));
}

/** What Bun orders files by. */
function timings(): string {
  const path = join(folder, "timings.json");
  const order = [...LONGEST.map((name) => `${name}.test.ts`), ...testFilesIn(".")];
  const files = Object.fromEntries(order.map((name, index) => [`tests/${name}`, order.length - index]).toReversed());
  writeFileSync(path, JSON.stringify({ version: 1, files }));
  return path;
}

function isSmall(path: string): boolean {
  return SMALL_FOLDERS.some((name) => path.startsWith(`${name}/`));
}

/** A file that imports those of SMALL_FOLDERS. */
function smallFiles(): string {
  const paths = SMALL_FOLDERS.flatMap((name) => testFilesIn(name).map((file) => join(ROOT, "tests", name, file)));
  const path = join(folder, "small.test.ts");
  writeFileSync(path, paths.map((one) => `import ${JSON.stringify(pathToFileURL(one).href)};\n`).join(""));
  return path;
}

function lastOf(output: string): string[] {
  return output.trimEnd().split("\n").slice(-LAST_LINES);
}

/** `end`: how it ended, unless as it should. */
function run(runner: Runner, patienceMs: number): Promise<{ readonly output: string; readonly end: string | null }> {
  return new Promise((resolve, reject) => {
    // Without colours, as the counts are read from the text, and without a proxy, which can't reach what listens on loopback here.
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:FORCE_COLOR|\w+_proxy)$/i.test(name)));
    const child = spawn(runner.command, runner.arguments, {
      cwd: ROOT,
      env: { ...environment, NO_COLOR: "1", DENO_JOBS: String(FILES_AT_ONCE) },
      timeout: patienceMs,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Apart, as either may come in the middle of the other's line.
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        texts[name] += chunk;
        process.stdout.write(chunk);
      });
    }
    const output = (): string => `${texts.stdout}\n${texts.stderr}`;
    child.on("error", reject);
    child.on("close", (code) => resolve({ output: output(), end: code === 0 ? null : `ended with ${code}` }));
    child.on("exit", (_code, signal) => {
      // Not on "close", which programs that a test left behind would keep from coming.
      if (signal !== null) resolve({ output: output(), end: `was ended by ${signal}; it had ${Math.round(patienceMs / 1000)} seconds` });
    });
  });
}
