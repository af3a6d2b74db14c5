// Every text of the pages, in English and Chinese, as one table, and how a page asks for one.
// Never holds markup: what a text says is put into the page as text.

import { ACCOUNT_TEXTS } from "./texts/accounts.ts";
import { CALL_TEXTS } from "./texts/calls.ts";
import { CHINESE_CHECKS } from "./texts/checks.ts";
import { CHINESE_FAULTS } from "./texts/faults.ts";
import { INSPECTOR_TEXTS } from "./texts/inspector.ts";
import { SERVER_TEXTS } from "./texts/server.ts";
import { CHINESE_SETTINGS } from "./texts/settings.ts";
import { SHELL_TEXTS } from "./texts/shell.ts";

export type Language = "en" | "zh";

/** `{name}` stands for a value. Where English has two forms, `|` stands between them: `count` chooses. */
type Text = readonly [en: string, zh: string];

export const TEXTS = { ...SHELL_TEXTS, ...CALL_TEXTS, ...ACCOUNT_TEXTS, ...SERVER_TEXTS, ...INSPECTOR_TEXTS } satisfies Readonly<
  Record<string, Text>
>;

const VALUE = /\{\w+\}/g;

export type TextKey = keyof typeof TEXTS;

export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(TEXTS, key);
}

/** Numbers are printed as the reader's locale has them. */
export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

export function translator(language: Language, printNumber: (number: number) => string): Translate {
  return (key, values = {}) => {
    const text = TEXTS[key][language === "en" ? 0 : 1];
    const [one = "", other = one] = text.split("|");
    return (values["count"] === 1 ? one : other).replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? printNumber(value) : value;
    });
  };
}

/** What a setting does. */
export function settingText(language: Language, { name, help }: { readonly name: string; readonly help: string }): string {
  const chinese: Readonly<Record<string, string | undefined>> = CHINESE_SETTINGS;
  return language === "zh" && Object.hasOwn(chinese, name) ? (chinese[name] ?? help) : help;
}

/** In characters: what visitors send stands in some sentences, and the patterns would take long to look through more. */
const LONGEST_SENTENCE = 600;

interface Sentence {
  readonly pattern: RegExp;
  /** Names of the values, in the order of the English. */
  readonly names: readonly string[];
  readonly chinese: string;
}

/** The most specific first. */
const SENTENCES: readonly Sentence[] = Object.entries({ ...CHINESE_CHECKS, ...CHINESE_FAULTS })
  .flatMap(([forms, chinese]) => forms.split("|").map((english) => ({ english, own: english.replaceAll(VALUE, "").length, chinese })))
  .toSorted((one, other) => other.own - one.own)
  .map(({ english, chinese }) => ({
    pattern: new RegExp(`^${english.split(VALUE).map(escaped).join("(.+?)")}$`),
    names: [...english.matchAll(VALUE)].map(([value]) => value),
    chinese,
  }));

/** A sentence of a check or an error, which are written in English, in the reader's language. One without Chinese stays as it is. */
export function sentenceText(language: Language, english: string): string {
  if (language === "en" || english.length > LONGEST_SENTENCE) return english;
  for (const { pattern, names, chinese } of SENTENCES) {
    const [whole, ...values] = pattern.exec(english) ?? [];
    if (whole !== undefined) return chinese.replaceAll(VALUE, (name) => sentenceText(language, values[names.indexOf(name)] ?? ""));
  }
  return english;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The texts whose keys begin with one of these, in one language, for the page's scripts. */
export function textsFor(language: Language, prefixes: readonly string[]): Record<string, string> {
  const chosen = Object.entries(TEXTS).filter(([key]) => prefixes.some((prefix) => key.startsWith(prefix)));
  return Object.fromEntries(chosen.map(([key, text]) => [key, text[language === "en" ? 0 : 1]]));
}
