// The table of texts: complete in both languages, and neither more nor less than the pages ask for.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ERRORS } from "../../../src/errors.ts";
import { VARIABLE_NAMES, VARIABLES } from "../../../src/config/variables.ts";
import { isTextKey, settingText, TEXTS, translator } from "../../../src/http/dashboard/texts.ts";

const FOLDER = new URL("../../../src/http/dashboard/", import.meta.url);
const sources = readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(?:tsx?|js)$/.test(path) && !path.replaceAll("\\", "/").startsWith("texts/"))
  .map((path) => ({ path, text: readFileSync(new URL(path.replaceAll("\\", "/"), FOLDER), "utf8") }));

test("every text is there in both languages, and has the same values in it", () => {
  const values = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].toSorted();
  const faults = Object.entries(TEXTS).filter(([, [en, zh]]) => {
    const same = JSON.stringify(values(en.replaceAll("|", " "))) === JSON.stringify(values(zh));
    return en.trim() === "" || zh.trim() === "" || !same || /[\u4e00-\u9fff]/.test(en) || zh.includes("|");
  });
  assert.deepEqual(faults, []);
});

test("what is Chinese is written in Chinese: what both languages share are names", () => {
  const same = Object.entries(TEXTS).flatMap(([key, [en, zh]]) => (en === zh ? [key] : []));
  const names = ["4xx", "5xx", "API", "SQLite", "Postgres"];
  assert.deepEqual(
    same.filter((key) => isTextKey(key) && !names.includes(TEXTS[key][0])),
    [],
  );
});

test("each setting is told in Chinese, with the names, numbers and examples of the English", () => {
  const marks = (text: string): string[] => [
    ...new Set(text.match(/[A-Z][A-Z_]{3,}|[a-z]+_[a-z_]+|https?:[\w./:]*\w|\/v1[\w/]*|\d+(?:KiB|MiB|GiB)?/g)),
  ];
  const faults = VARIABLE_NAMES.flatMap((name) => {
    const { help } = VARIABLES[name];
    const chinese = settingText("zh", { name, help });
    const isChinese = /[\u4e00-\u9fff]/.test(chinese);
    return isChinese && marks(help).every((mark) => chinese.includes(mark))
      ? []
      : [{ name, lacks: marks(help).filter((mark) => !chinese.includes(mark)) }];
  });
  assert.deepEqual(faults, []);
  assert.equal(settingText("zh", { name: "OTHER", help: "Else." }), "Else.");
});

test("no text is left that no page asks for", () => {
  const all = sources.map(({ text }) => text).join("\n");
  // `phase.${call.phase}` stands for every text that begins so.
  const begun = [...all.matchAll(/`([a-z-]+\.(?:[a-z-]+\.)*)\$\{/g)].map(([, prefix = ""]) => prefix);
  const unused = Object.keys(TEXTS).filter((key) => !all.includes(`"${key}"`) && !begun.some((prefix) => key.startsWith(prefix)));
  assert.deepEqual(unused, []);
});

test("the scripts ask for texts that there are", () => {
  const scripts = sources.filter(({ path }) => path.endsWith(".js"));
  const asked = scripts.flatMap(({ path, text }) => [...text.matchAll(/\bt\(\s*"([^"]+)"/g)].map(([, key = ""]) => ({ path, key })));
  assert.notEqual(asked.length, 0);
  assert.deepEqual(
    asked.filter(({ key }) => !isTextKey(key)),
    [],
  );
});

test("every way in which a call can fail has its word", () => {
  assert.deepEqual(
    Object.keys(ERRORS).filter((kind) => !isTextKey(`finish.error.${kind}`)),
    [],
  );
});

test("a text takes its values, and chooses between one and many", () => {
  const [en, zh] = (["en", "zh"] as const).map((language) => translator(language, (number) => `<${number}>`));
  assert.equal(en?.("models.count", { count: 1 }), "<1> model");
  assert.equal(en?.("models.count", { count: 2 }), "<2> models");
  assert.equal(zh?.("models.count", { count: 1 }), "<1> 个模型");
  assert.equal(en?.("shell.shortcuts.go", { page: "{page}|$&" }), "Go to {page}|$&");
});
