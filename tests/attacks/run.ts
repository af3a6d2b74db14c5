// `bun run attack NAME...`: attacks a gateway and prints what was expected and what came. Nothing here uses the network.
//      NAME: one or several, or all; without a name it lists them   --runtime executable|bun|deno (executable): what to start
//      --url URL --key KEY [--pid N]: a gateway on the loopback address that runs already, instead of one started here
// Exit code 0 when the gateway held, 1 when something fell, 2 when the command line is wrong.

import process from "node:process";
import { parseArgs } from "node:util";
import { build, BUILT, BUN, cleanUp, DENO, start, type Running, type Way } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { exactly, healthMs, atMost, PULSE_MS, type Finding, type OtherOptions, type OwnTarget, type Report } from "./attack.ts";
import { ATTACKS, type AnyRow, type OwnRow } from "./table.ts";

const CLIENT_KEY = "ck-a-fake-key-of-a-client";
const RUNTIMES: Readonly<Record<string, Way>> = { executable: BUILT, bun: BUN, deno: DENO };
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;
/** An attack that goes on for longer hangs. */
const MOST_MS = 240_000;
const STOP_MS = 15_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", default: "executable" },
    url: { type: "string" },
    key: { type: "string", default: CLIENT_KEY },
    pid: { type: "string" },
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.on("exit", cleanUp);
process.exit(await main());

async function main(): Promise<number> {
  if (positionals.length === 0) {
    const names = Object.entries(ATTACKS).map(([name, { about, on }]) => `${name.padEnd(20)}${about}${on === "own" ? "" : " (--url)"}`);
    process.stdout.write(`${names.join("\n")}\nall\n`);
    return 0;
  }
  const names = positionals.includes("all") ? Object.keys(ATTACKS) : positionals;
  const unknown = names.find((name) => !Object.hasOwn(ATTACKS, name));
  if (unknown !== undefined) return wrong(`There is no attack ${unknown}. Without a name, all are listed.`);
  const way = RUNTIMES[options.runtime];
  if (way === undefined) return wrong(`--runtime takes ${Object.keys(RUNTIMES).join(", ")}.`);
  const url = options.url?.replace(/\/$/, "");
  if (url !== undefined && !LOOPBACK.test(url)) return wrong("--url takes http and the loopback address: attack nobody else.");
  if (url === undefined && way === BUILT) await build();

  const fallen: string[] = [];
  let held = 0;
  for (const name of names) {
    const row = ATTACKS[name];
    if (row === undefined) continue;
    if (url !== undefined && row.on === "own") {
      process.stdout.write(`${name}: needs a gateway that is started here; left out\n`);
      continue;
    }
    process.stdout.write(`${name} (${url ?? way.name}): ${row.about}\n`);
    const startedMs = performance.now();
    const report = await (url === undefined ? attackOwn(row, way) : attackOther(row as AnyRow, url));
    for (const finding of report) print(finding);
    const isHeld = report.every((finding) => finding.held);
    if (isHeld) held++;
    else fallen.push(name);
    process.stdout.write(`${name} (${url ?? way.name}): ${isHeld ? "held" : "FELL"}, ${Math.round(performance.now() - startedMs)} ms\n\n`);
  }
  if (names.length > 1) process.stdout.write(`${held} held; fell: ${fallen.join(", ") || "none"}\n`);
  return fallen.length === 0 ? 0 : 1;
}

function wrong(message: string): number {
  process.stderr.write(`${message}\n`);
  return 2;
}

function print({ what, expected, came, held }: Finding): void {
  process.stdout.write(`  ${held ? "ok  " : "FELL"}  ${what}: expected ${expected}; came ${came}\n`);
}

/** What breaks the attack is a finding too. */
async function within(mostMs: number, running: Promise<Report>): Promise<Report> {
  const broken = (came: string): Report => [{ what: "the attack", expected: "its end", came, held: false }];
  const late = new Promise<Report>((resolve) => setTimeout(() => resolve(broken(`nothing in ${mostMs / 1000} s`)), mostMs));
  return await Promise.race([running.catch((error: unknown) => broken(String(error))), late]);
}

async function attackOther(row: AnyRow, url: string): Promise<Report> {
  const { attack } = await row.load();
  const pid = options.pid === undefined ? null : Number(options.pid);
  const report = await within(MOST_MS, attack({ url, key: options.key, pid }));
  return [...report, await healthAfterwards(url)];
}

async function attackOwn(row: AnyRow | OwnRow, way: Way): Promise<Report> {
  const upstream = await startUpstream({ remembered: 1000 });
  const others: Running[] = [];
  let isOver = false;
  const startOther = ({ fileLimit, env, ...more }: OtherOptions = {}): Running => {
    if (isOver) throw new Error("The attack is over.");
    const settings = {
      FACTORY_BASE_URL: upstream.url,
      FACTORY_API_KEY: "fk-a-fake-key-of-factory",
      PROXY_API_KEY: CLIENT_KEY,
      PORT: "0",
      RETRIES: "0",
      SHUTDOWN_TIMEOUT: "5",
      ...row.settings,
      ...env,
    };
    const limited = (limit: number): Way => ({ ...way, command: ["/bin/sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...way.command] });
    const program = start(fileLimit === undefined ? way : limited(fileLimit), { ...more, env: { ...settings } });
    others.push(program);
    return program;
  };
  const gateway = startOther();
  const url = await gateway.url;
  const target: OwnTarget = {
    url,
    key: CLIENT_KEY,
    pid: gateway.pid,
    gateway,
    runtime: way === DENO ? "deno" : "bun",
    upstream,
    start: startOther,
  };
  try {
    const { attack } = await row.load();
    const report = await within(MOST_MS, attack(target));
    return [...report, await healthAfterwards(url), ...(await stop(gateway))];
  } finally {
    isOver = true;
    for (const program of others) await kill(program);
    await upstream.stop();
  }
}

async function healthAfterwards(url: string): Promise<Finding> {
  return atMost("afterwards: /health is answered", { limit: PULSE_MS, came: await healthMs(url, 5000), unit: "ms" });
}

/** Ends the gateway as an operator does; what it said of itself must be without a fault. */
async function stop(gateway: Running): Promise<Report> {
  gateway.signal("SIGTERM");
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), STOP_MS));
  const ended = await Promise.race([gateway.ended, late]);
  const internal = gateway.lines().filter(({ error }) => error === "internal");
  return [
    exactly("afterwards: SIGTERM ends it", { expected: "exit code 0", came: ended === null ? "it runs on" : `exit code ${ended.code}` }),
    exactly("its log", {
      expected: "no internal fault",
      came: internal[0] === undefined ? "no internal fault" : JSON.stringify(internal[0]),
    }),
  ];
}

async function kill(program: Running): Promise<void> {
  try {
    program.signal("SIGKILL");
  } catch {
    // It has ended.
  }
  await program.ended;
}
