// `bun run soak`: the gateway under a mixed load with faults and leaving clients, for as long as it takes to see what piles up. Linux only
// (/proc). Nothing here uses the network; not part of CI.
//      --minutes N (20)   --runtime executable|bun|deno (executable)   --rate N: calls a second (30)   --seed N
//      --streams N: how many streams are open at once, four times (1000)
// Prints progress, the counts of each outcome, what was unexpected, and one line with calls, open connections and memory.
// Exit code 1 when anything unexpected happened, connections stay open, or memory at the end exceeds that in the middle by more than
// 20 % and 16 MiB. Ctrl-C ends the load early and reports.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { hangUp, linesMissing } from "./hang-up.ts";
import { Load } from "./load.ts";
import { Watch } from "./watch.ts";
import { connectionsOf, endAll, startGateway, startUpstream } from "./processes.ts";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    runtime: { type: "string", default: "executable" },
    rate: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    streams: { type: "string", default: "1000" },
  },
});
const durationMs = Number(options.minutes) * 60_000;
/** When the streams are opened, as parts of the whole time: twice before the middle and twice before the end. */
const BURSTS = [0.1, 0.35, 0.6, 0.85];
/** When nobody reads the log: long enough for lines to be lost. */
const UNREAD = [
  [0.33, 0.47],
  [0.58, 0.72],
] as const;
/** When a gateway beside this one gets SIGHUP. */
const HANG_UPS = [0.15, 0.3, 0.5, 0.65, 0.8];
const MEMORY_FACTOR = 1.2;
const MEMORY_MARGIN_MIB = 16;
const DRAIN_MS = 60_000;
const PROGRESS_MS = process.stderr.isTTY ? 1000 : 30_000;

const folder = mkdtempSync(join(tmpdir(), "factory-proxy-soak-"));
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (isStopped) process.exit(130);
    isStopped = true;
  });
}
process.on("exit", () => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});
process.exit((await soak()) ? 0 : 1);

async function soak(): Promise<boolean> {
  const upstream = await startUpstream(folder);
  const gateway = await startGateway(options.runtime, { upstream, folder });
  await pause(1000);
  const watch = new Watch(gateway.pid);
  const load = new Load({ port: gateway.port, seed: Number(options.seed) });
  const startedMs = performance.now();
  const bursts = BURSTS.map((part) => part * durationMs);
  const hangUps = HANG_UPS.map((part) => part * durationMs);
  const hangingUp: Promise<readonly string[]>[] = [];
  let isRead = true;
  let owed = 0;
  let lastMs = startedMs;
  let toldMs = startedMs;
  let mostOpen = 0;
  let told = 0;
  while (!isStopped && performance.now() - startedMs < durationMs && gateway.complaints.length === 0) {
    await pause(50);
    const now = performance.now();
    owed += ((now - lastMs) * Number(options.rate)) / 1000;
    lastMs = now;
    for (; owed >= 1; owed--) load.call();
    if (bursts[0] !== undefined && now - startedMs >= bursts[0]) {
      bursts.shift();
      load.burst(Number(options.streams));
    }
    if (hangUps[0] !== undefined && now - startedMs >= hangUps[0]) {
      hangUps.shift();
      hangingUp.push(hangUp(options.runtime, { upstream, folder, seed: Number(options.seed) + hangingUp.length + 1 }));
    }
    const part = (now - startedMs) / durationMs;
    const isToBeRead = !UNREAD.some(([from, to]) => part >= from && part < to);
    if (isToBeRead !== isRead) gateway.read((isRead = isToBeRead));
    watch.look(part);
    mostOpen = Math.max(mostOpen, load.bursting);
    for (const fault of load.unexpected().slice(told)) process.stderr.write(`\n${fault}\n`);
    told = load.unexpected().length;
    if (now - toldMs < PROGRESS_MS) continue;
    toldMs = now;
    const text = `${Math.round((now - startedMs) / 1000)} s of ${durationMs / 1000} s: ${load.summary()}, memory ${watch.latest} MiB`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  gateway.read(true);
  await load.done();
  const atHangUp = (await Promise.all(hangingUp)).flat();

  const ports = { gateway: gateway.port, upstream: upstream.port };
  const drainedMs = performance.now();
  let answering = await upstream.open();
  let open = connectionsOf(gateway.pid, ports);
  while (answering + open.fromClients + open.toUpstream > 0 && performance.now() - drainedMs < DRAIN_MS) {
    await pause(500);
    answering = await upstream.open();
    open = connectionsOf(gateway.pid, ports);
  }
  const idle = watch.now();
  const code = await gateway.stop();

  const faults = [...load.unexpected(), ...atHangUp, ...gateway.complaints];
  if (code !== 0) faults.push(`The gateway ended with ${code} when it was told to stop.`);
  faults.push(...linesMissing(load, gateway));
  if (answering + open.fromClients + open.toUpstream > 0) faults.push("Connections stayed open.");
  const { start, middle, end } = watch.memory();
  if (end > middle * MEMORY_FACTOR + MEMORY_MARGIN_MIB) faults.push("Memory grew.");

  process.stdout.write(
    `\n${load.table()}\nLog lines: ${[...gateway.lines].map(([name, count]) => `${name} ${count}`).join(", ")}, lost ${gateway.lost()}\n`,
  );
  for (const fault of faults) process.stdout.write(`UNEXPECTED ${fault}\n`);
  process.stdout.write(
    `${options.runtime} (${gateway.runtime}), ${minutes} minutes: ${load.summary()}; ${mostOpen} streams at once; ${hangingUp.length} hang-ups; ` +
      `open connections ${open.fromClients} from clients, ${open.toUpstream} to the upstream, ${answering} being answered there; ` +
      `memory ${start} MiB at start, ${middle} MiB in the middle, ${end} MiB at the end, ${idle} MiB idle afterwards\n`,
  );
  return faults.length === 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
