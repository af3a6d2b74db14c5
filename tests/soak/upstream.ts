// The scripted upstream of the soak as a process of its own. Its first line is its address; to each line on standard input it answers how many
// requests are being answered. Never outlives the process that started it.

import process from "node:process";
import { createInterface } from "node:readline";
import { startUpstream } from "../support/upstream.ts";
import { play } from "./scenarios.ts";

const upstream = await startUpstream({ remembered: 100 });
const tried = new Set<string>();
upstream.script((seen) => play(seen, tried));
process.stdout.write(`${upstream.url}\n`);

const questions = createInterface({ input: process.stdin });
// What is still open then is being answered, or forgotten.
questions.on("line", () => {
  upstream.closeIdle();
  process.stdout.write(`${upstream.openConnections()}\n`);
});
questions.on("close", () => process.exit(0));
// The terminal's Ctrl-C reaches the whole group; who started this process ends it.
process.on("SIGINT", () => {});
