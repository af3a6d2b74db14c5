// The install script for Linux and macOS, against a server on this machine: what it puts in place, and what it leaves alone.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TARGETS } from "./targets.ts";

const INSTALL = fileURLToPath(new URL("../../.github/install.sh", import.meta.url));
const NEW = "#!/bin/sh\necho 1.2.3\n";
const OLD = "the one from before";
const NAMES = TARGETS.filter(({ os }) => os !== "win32").map(({ name }) => `factory-proxy-${name}`);

interface Release {
  /** What each executable is. */
  readonly program?: string;
  /** What SHA256SUMS says. Default: the truth. */
  readonly sums?: string;
  /** The file that stands there before; null: a folder does. */
  readonly before?: string | null;
}

interface Installed {
  readonly code: number | null;
  readonly told: string;
  readonly files: readonly string[];
  readonly text: string | null;
}

async function install({ program = NEW, sums = sumsOf(program), before }: Release): Promise<Installed> {
  const home = mkdtempSync(join(tmpdir(), "factory-proxy-install-"));
  const folder = join(home, "some bin");
  const path = join(folder, "factory-proxy");
  mkdirSync(folder);
  if (before === null) mkdirSync(path);
  else if (before !== undefined) writeFileSync(path, before);
  const server = createServer(({ url }, response) => void response.end(url === "/SHA256SUMS" ? sums : program));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: home, FACTORY_PROXY_DIR: folder, FACTORY_PROXY_URL: `http://127.0.0.1:${port}` };
  const child = spawn("sh", [INSTALL], { env, stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (told += text));
  try {
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    const text = before === null || !existsSync(path) ? null : readFileSync(path, "utf8");
    return { code, told: told.replaceAll(folder, "FOLDER"), files: readdirSync(folder), text };
  } finally {
    server.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function sumsOf(program: string): string {
  const hash = createHash("sha256").update(program).digest("hex");
  return NAMES.map((name) => `${hash}  ${name}\n`).join("");
}

const skip = process.platform === "win32";

test("the install script puts one file in place, also over an older one, and says how to remove it", { skip }, async () => {
  for (const release of [{}, { before: OLD }]) {
    const { code, told, files, text } = await install(release);
    assert.deepEqual([code, files, text], [0, ["factory-proxy"], NEW]);
    assert.match(told, /^factory-proxy 1\.2\.3 is in FOLDER\.\n/);
    assert.match(told, /\nUndo: {3}rm "FOLDER\/factory-proxy"\n$/);
  }
});

const REFUSED: readonly (readonly [what: string, release: Release, told: RegExp])[] = [
  ["another SHA-256", { sums: sumsOf("another") }, /^The SHA-256 of factory-proxy-\S+ is wrong\. Nothing was installed\.\n$/],
  ["no SHA-256", { sums: "" }, /^SHA256SUMS of the release does not name factory-proxy-\S+\.\n$/],
  [
    "a program that does not run",
    { program: "#!/bin/sh\nexit 1\n" },
    /^factory-proxy-\S+ does not run on this machine\. Nothing was installed\.\n$/,
  ],
];

for (const [what, release, message] of REFUSED) {
  test(`the install script leaves the older file alone where the release has ${what}`, { skip }, async () => {
    const { told, ...rest } = await install({ ...release, before: OLD });
    assert.match(told, message);
    assert.deepEqual(rest, { code: 1, files: ["factory-proxy"], text: OLD });
  });
}

test("the install script takes no folder for the file", { skip }, async () => {
  const { code, told, files } = await install({ before: null });
  assert.deepEqual([code, told, files], [1, "FOLDER/factory-proxy is a folder. Nothing was installed.\n", ["factory-proxy"]]);
});
