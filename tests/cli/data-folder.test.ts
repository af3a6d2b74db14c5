import assert from "node:assert/strict";
import { test } from "node:test";
import { dataFolder } from "../../src/cli/data-folder.ts";

test("the data folder is the platform's own", () => {
  const cases: readonly (readonly [platform: string, environment: Record<string, string>, folder: string | null])[] = [
    ["linux", { HOME: "/home/ann" }, "/home/ann/.local/share/factory-proxy"],
    ["linux", { HOME: "/home/ann", XDG_DATA_HOME: "/data" }, "/data/factory-proxy"],
    ["linux", { HOME: "/home/ann", XDG_DATA_HOME: "data" }, "/home/ann/.local/share/factory-proxy"],
    ["darwin", { HOME: "/Users/ann" }, "/Users/ann/Library/Application Support/factory-proxy"],
    ["win32", { LOCALAPPDATA: String.raw`C:\Users\ann\AppData\Local` }, String.raw`C:\Users\ann\AppData\Local\factory-proxy`],
    ["linux", {}, null],
    ["win32", { HOME: "/home/ann" }, null],
  ];
  for (const [platform, environment, folder] of cases) assert.equal(dataFolder({ environment, platform }), folder);
});
