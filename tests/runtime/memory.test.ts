// How much memory a process may use: the machine's, or less where a control group says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBytes } from "../../src/runtime/memory.ts";
import { runtime } from "../../src/runtime/runtime.ts";

const V2 = "/sys/fs/cgroup/memory.max";
const V1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes";

const CASES: readonly (readonly [what: string, machine: number | null, files: Record<string, string>, bytes: number | null])[] = [
  ["no file is there", 1000, {}, 1000],
  ["a control group allows less", 1000, { [V2]: "400\n" }, 400],
  ["a control group of version 1 allows less", 1000, { [V1]: "300\n" }, 300],
  ["a control group sets no limit", 1000, { [V2]: "max\n", [V1]: "9223372036854771712\n" }, 1000],
  ["only the control group is known", null, { [V2]: "400\n" }, 400],
  ["nothing is known", null, { [V2]: "max\n" }, null],
];
for (const [what, machine, files, bytes] of CASES) {
  test(`memory: ${what}`, () => {
    const read = (path: string): string => files[path] ?? assert.fail("no such file");
    assert.equal(memoryBytes(machine, read), bytes);
  });
}

test("memory: the runtime knows how much there is", () => {
  assert.ok((runtime.memoryBytes() ?? 0) > 64 * 1024 * 1024);
});
