// Sentences of checks and errors, which are made in English: each has its Chinese, and none has one that nobody says.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { CHINESE_CHECKS } from "../../../src/http/dashboard/texts/checks.ts";
import { CHINESE_FAULTS } from "../../../src/http/dashboard/texts/faults.ts";
import { sentenceText } from "../../../src/http/dashboard/texts.ts";

const ROOT = new URL("../../../src/", import.meta.url);
const sources = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.includes("dashboard/texts/"))
  .map((path) => ({ path, text: readFileSync(new URL(path, ROOT), "utf8") }));

const rows = { ...CHINESE_CHECKS, ...CHINESE_FAULTS };
const VALUE = /\{\w+\}/g;
const HAN = /\p{Script=Han}/u;

/** What the doctor says where nobody asks it for more, which the dashboard does not; and all that the admin API says. */
const SAYING =
  /^(?:cli\/doctor-(?!verdict|front|report|world|examination)[a-z]+|config\/factory-key|access\/(?:key-changes|quota)|http\/admin\/(?!openapi|routes)[a-z-]+)\.ts$/;
/** Of a text in the source: it begins as a sentence does, or with a value, and ends as one. */
const SENTENCE = /^(?:[A-Z"]|\$\{|(?:rpm|models|soft|zone|status|limit) must ).* .*[.?]$/;

function sentencesIn(text: string): string[] {
  const code = text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  const texts = [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)];
  return texts
    .map(([, double, single, template]) => (double ?? single ?? template ?? "").replaceAll(/\\(.)/g, "$1"))
    .filter((found) => SENTENCE.test(found) && !FOR_OTHERS.has(found));
}

/** A prompt, and the note of a key. */
const FOR_OTHERS = new Set(["Reply with the word ok.", "What the dashboard's playground calls."]);

test("every sentence of the doctor's checks and of the admin API's errors has its Chinese", () => {
  const found = sources.filter(({ path }) => SAYING.test(path)).flatMap(({ text }) => sentencesIn(text));
  assert.ok(found.length > 100, `${found.length} sentences`);
  const said = found.map((sentence) => sentence.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "x1"));
  assert.deepEqual(
    said.filter((sentence) => !HAN.test(sentenceText("zh", sentence))),
    [],
  );
});

test("no sentence is left that nobody says", () => {
  const all = sources.map(({ text }) => text.replaceAll(/\\(.)/g, "$1")).join("\n");
  const pieces = (english: string): string[] =>
    english
      .split(VALUE)
      .map((piece) => piece.trim().replace(/:$/, ""))
      .filter((piece) => piece.length > 2);
  const left = Object.keys(rows).filter((forms) => {
    const [english = ""] = forms.split("|");
    return !pieces(english).every((piece) => all.includes(piece));
  });
  assert.deepEqual(left, []);
});

test("both languages have the same values, and the same names, numbers and commands", () => {
  const marks = (text: string): string[] => [
    ...new Set(text.match(/\{\w+\}|[A-Z][A-Z_]{3,}|--[a-z]+|factory-proxy [a-z]+|\b\d[\dh]+\b|@\w+|\/v1[\w/]*/g)),
  ];
  const faults = Object.entries(rows).flatMap(([forms, chinese]) => {
    const lacks = marks(forms).filter((mark) => !chinese.includes(mark));
    return lacks.length === 0 ? [] : [{ forms, lacks }];
  });
  assert.deepEqual(faults, []);
});

test("values are kept, those that are words themselves are said in the language too, and what is not known stays", () => {
  const said = (english: string): string => sentenceText("zh", english);
  assert.deepEqual(
    [
      said("This machine's clock is 45 seconds ahead of the host's."),
      said("This machine's clock is 1 second behind the host's."),
      said("Codex (unknown version) points at this server: http://127.0.0.1:8000/v1."),
      said('There is no key "a$&{b}". Did you mean "ab"?'),
      said("Write an amount such as 5usd, 20M-credits or 500k-tokens."),
      said("Nobody says this. There is no Chinese for it"),
      said(`There is no path ${"/x accepts , not ".repeat(50)}. See /openapi.json for all paths.`).slice(0, 16),
      sentenceText("en", "The expiry must be in the future."),
    ],
    [
      "本机时钟比主机快 45 秒。",
      "本机时钟比主机慢 1 秒。",
      "Codex (版本未知) 指向本服务器：http://127.0.0.1:8000/v1。",
      "没有密钥“a$&{b}”。是否想写“ab”？",
      "请填写数额，例如 5usd、20M-credits 或 500k-tokens。",
      "Nobody says this. There is no Chinese for it",
      "There is no path",
      "The expiry must be in the future.",
    ],
  );
});
