// What becomes of log lines when they can't be written: while nobody reads, on a full disk, and when the reader comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LogOutput, MAX_QUEUED } from "../../src/telemetry/log-output.ts";
import { until } from "../support/gateway.ts";

/** How a write ends: with so many bytes written, or an error of this code. */
type End = number | "all" | "EAGAIN" | "ENOSPC";

interface Opened {
  readonly output: LogOutput;
  /** All that was written. */
  readonly text: () => string;
  readonly writes: () => number;
  /** Ends the write that is under way, and lets those behind it end as `end` says. */
  readonly go: (end: End) => void;
}

/** How the first writes end, and with the last of these all that follow. Null: nobody reads. */
function open(...ends: (End | null)[]): Opened {
  let end: End | null = null;
  const written: number[] = [];
  let writes = 0;
  let goOn = (): void => {};
  const finish = (bytes: Uint8Array): number => {
    if (typeof end === "string" && end !== "all") throw Object.assign(new Error(end), { code: end });
    const count = typeof end === "number" ? Math.min(end, bytes.length) : bytes.length;
    written.push(...bytes.subarray(0, count));
    return count;
  };
  const output: LogOutput = new LogOutput({
    async write(bytes) {
      writes++;
      end = ends.shift() ?? end;
      if (end === null) await new Promise<void>((resolve) => (goOn = resolve));
      return finish(bytes);
    },
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    report: (count) => output.add(`lost ${count}`),
  });
  const go = (next: End): void => {
    end = next;
    goOn();
  };
  return { output, text: () => new TextDecoder().decode(Uint8Array.from(written)), writes: () => writes, go };
}

test("log output: the lines of one turn go out in one write, in order, however little each write takes", async () => {
  for (const end of ["all", 1, 7] as const) {
    const { output, text, writes } = open(end);
    for (const line of ["one", "two", "three ☃"]) output.add(line);
    await output.flush(1000);
    assert.equal(text(), "one\ntwo\nthree ☃\n");
    if (end === "all") assert.equal(writes(), 1);
  }
});

test("log output: while nobody reads it holds 1 MiB; what comes then is counted, and the count stands where the lines are missing", async () => {
  const { output, text, go } = open(null);
  const line = "x".repeat(1023);
  for (let count = 0; count < 3000; count++) output.add(`${String(count).padStart(4, "0")}${line.slice(4)}`);
  await until(() => output.isWriting, "the first write");
  for (let count = 3000; count < 4000; count++) output.add(`${count}${line.slice(4)}`);
  go("all");
  await output.flush(1000);
  output.add("later");
  await output.flush(1000);
  const lines = text().split("\n");
  const kept = MAX_QUEUED / 1024;
  assert.deepEqual(
    lines.map((each) => each.replace(/x+$/, "")),
    [...Array.from({ length: kept }, (_, count) => String(count).padStart(4, "0")), `lost ${4000 - kept}`, "later", ""],
  );
});

test("log output: a full disk costs the lines that it did not take, and each is counted once, also those of a lost count", async () => {
  const { output, text, go } = open("ENOSPC");
  for (const line of ["one", "two"]) output.add(line);
  await output.flush(1000);
  output.add("three");
  await output.flush(1000);
  assert.equal(text(), "");
  go("all");
  output.add("four");
  await output.flush(1000);
  assert.equal(text(), "four\nlost 3\n");
});

test("log output: what broke off within a line is ended before the next one", async () => {
  const { output, text, go } = open(6, "ENOSPC");
  output.add("one");
  output.add("two");
  output.add("three");
  await output.flush(1000);
  go("all");
  output.add("four");
  await output.flush(1000);
  assert.equal(text(), "one\ntw\nfour\nlost 2\n");
});

test("log output: a pipe that takes nothing for the moment is asked again, and loses nothing", async () => {
  const { output, text } = open("EAGAIN", "all");
  output.add("one");
  await output.flush(1000);
  assert.equal(text(), "one\n");
});

test("log output: waiting for the last lines ends in time when nobody reads", async () => {
  const { output, text } = open(null);
  output.add("one");
  await output.flush(1);
  assert.deepEqual([text(), output.isWriting], ["", true]);
});
