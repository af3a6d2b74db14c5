// What a stranger types: `bun test FILE`.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { bunPath, cleanUp, emptyFolder, ROOT, start } from "./program.ts";

after(cleanUp);

/** More than Bun gives a test by itself. */
const SLOW_MS = 5500;

test("a bare `bun test` lets a test take longer than Bun's own five seconds", async () => {
  const path = join(emptyFolder(), "slow.test.ts");
  writeFileSync(
    path,
    `import { test } from "node:test";\ntest("slow", () => new Promise((resolve) => setTimeout(resolve, ${SLOW_MS})));\n`,
  );
  const bun = { name: "bun test", command: [bunPath(), "test", path], runtime: "", hint: "" };
  const { code, stderr } = await start(bun, { cwd: ROOT }).ended;
  assert.equal(code, 0, stderr);
});
