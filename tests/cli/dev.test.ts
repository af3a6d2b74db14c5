// `bun run dev` and `deno task dev`, by the words of package.json and deno.json, on a copy of the source: a change of it starts the server again.

import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { bunPath, cleanUp, denoPath, emptyFolder, ROOT, start } from "../support/program.ts";

const isDeno = process.versions["deno"] !== undefined;
const { dev, start: plain } = isDeno ? wordsOf("deno.json", "tasks") : wordsOf("package.json", "scripts");
const FILES = ["src", "package.json", "deno.json", "tsconfig.json"];
const LISTENING = 'log.info("listening", {';

after(cleanUp);

test("a change of the source restarts what `dev` runs", async () => {
  const cwd = emptyFolder();
  for (const name of FILES) cpSync(join(ROOT, name), join(cwd, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(cwd, "node_modules"), "junction");
  const [, ...words] = dev.split(" ");
  const way = { name: "dev", command: [isDeno ? denoPath() : bunPath(), ...words], runtime: "", hint: "" };
  const running = start(way, { cwd, env: { PORT: "0" } });
  await running.url;
  const path = join(cwd, "src", "cli", "announcement.ts");
  const source = readFileSync(path, "utf8");
  assert.ok(source.includes(LISTENING));
  writeFileSync(path, source.replace(LISTENING, `${LISTENING} edited: true,`));
  await until(() => running.lines().some(({ event, edited }) => event === "listening" && edited === true), "the edited server");
  const urls = running.lines().flatMap(({ event, url }) => (event === "listening" ? [String(url)] : []));
  assert.equal((await fetch(`${urls.at(-1)}/health`)).status, 200);
});

test("`start` runs the same without watching", () => {
  assert.equal(plain, dev.replace("--watch ", ""));
});

function wordsOf(file: string, member: string): { readonly dev: string; readonly start: string } {
  const { [member]: scripts } = JSON.parse(readFileSync(join(ROOT, file), "utf8")) as Record<string, { dev: string; start: string }>;
  if (scripts === undefined) throw new Error(`${file} has no ${member}.`);
  return scripts;
}
