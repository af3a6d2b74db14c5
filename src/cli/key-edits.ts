// Creates, changes and removes keys, and points clients at this server with them.
// Never shows a key except right after it was created.

import process from "node:process";
import type { KeyRecord } from "../access/client-key.ts";
import {
  changed,
  newKey,
  raised,
  raiseEndMs,
  rotated,
  ROWS_WITHOUT_KEY,
  type FreshKey,
  type KeyPorts,
  type KeyWords,
} from "../access/key-changes.ts";
import { keyJson } from "../access/key-json.ts";
import { changeRecord, type KeyState } from "../access/key-records.ts";
import { parseAmount, printInstant } from "../access/limit-syntax.ts";
import { Calendar } from "../access/windows.ts";
import { runtime } from "../runtime/runtime.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { gatewayUrl } from "./gateway-probe.ts";
import { keyLink, LINKED_APPS, shellLines, type KeyLink } from "./key-links.ts";
import { environmentNames, globNamed, modelNamed, recordOf, unknownKey } from "./key-records.ts";
import { shownKey } from "./key-reports.ts";
import { keyList } from "./key-tables.ts";
import { warnOfStore } from "./store-check.ts";

export async function add(input: Input, context: Context): Promise<void> {
  const name = input.operand(0);
  if (environmentNames(context).includes(name)) throw CommandError.failed(`PROXY_API_KEY already has a key named "${name}".`);
  const linked = linkOf(input, context);
  const fresh = newKey(name, wordsOf(input, context), portsOf(context));
  const store = await context.store();
  if (!(await store.insertKey(fresh.record))) {
    throw CommandError.failed(`A key named "${name}" already exists. Use keys set to change it, or keys rotate to replace its value.`);
  }
  showFresh(fresh, linked, context);
  await checkServer(input, context);
}

export async function set(input: Input, context: Context): Promise<void> {
  const words = wordsOf(input, context);
  if (Object.keys(words).length === 0) throw CommandError.wrongUse("Nothing to set. See factory-proxy keys set --help.");
  const record = await change(input.operand(0), (before) => changed(before, words, context.now()), context);
  const shown = await shownKey(record.name, context);
  context.show(keyJson(record), () => keyList([shown], context));
}

export async function raise(input: Input, context: Context): Promise<void> {
  const [name, amount] = [input.operand(0), input.operand(1)];
  const until = input.text("until");
  if (until !== null && input.has("today")) throw CommandError.wrongUse("Use either --today or --until, not both.");
  const { effective } = await shownKey(name, context);
  const unit = parseAmount(amount)?.unit;
  if (unit !== undefined && !effective.budgets?.some((budget) => budget.unit === unit)) {
    throw CommandError.failed(`"${name}" has no budget in ${unit} to raise.`);
  }
  const nowMs = context.now();
  const untilMs = raiseEndMs(until, { nowMs, zone: effective.zone ?? "UTC" });
  const record = await change(name, (before) => raised(before, amount, { nowMs, untilMs }), context);
  context.show(keyJson(record), () => {
    const end = new Calendar().iso(Math.floor(untilMs / 1000) * 1000, effective.zone ?? "UTC");
    return `${name} has ${amount} more until ${end}.`;
  });
}

export async function rotate(input: Input, context: Context): Promise<void> {
  const linked = linkOf(input, context);
  let fresh: FreshKey | null = null;
  await change(
    input.operand(0),
    (before) => {
      fresh = rotated(before, input.text("grace"), portsOf(context));
      return fresh.record;
    },
    context,
  );
  if (fresh === null) return;
  showFresh(fresh, linked, context);
  if (!context.isJson) context.note(oldKeyText(fresh, context.now()));
  await checkServer(input, context);
}

function oldKeyText({ record: { previous } }: FreshKey, nowMs: number): string {
  return previous === null || previous.untilMs <= nowMs
    ? "The old key no longer works."
    : `The old key works until ${printInstant(previous.untilMs)}.`;
}

export async function switchTo(isOff: boolean, input: Input, context: Context): Promise<void> {
  const name = input.operand(0);
  if (ROWS_WITHOUT_KEY.includes(name)) throw CommandError.failed(`"${name}" is not a key.`);
  const record = await change(name, (before) => ({ ...before, isOff }), context);
  const { state } = await shownKey(name, context);
  context.show(keyJson(record), () => `${name} is ${SWITCHED[state]}.`);
}

const SWITCHED: Readonly<Record<KeyState, string>> = {
  active: "on",
  spent: "on, but a budget is used up",
  off: "off",
  expired: "on, but it has expired",
  row: "on",
};

export async function remove(input: Input, context: Context): Promise<void> {
  const name = input.operand(0);
  const store = await context.store();
  const isNamed = environmentNames(context).includes(name);
  const record = (await store.keys()).find((one) => one.name === name);
  if (record === undefined) {
    if (isNamed) throw CommandError.failed(`"${name}" is set in PROXY_API_KEY. Remove it there.`);
    if (ROWS_WITHOUT_KEY.includes(name)) throw CommandError.failed(`"${name}" has no limits to remove.`);
    throw await unknownKey(name, store);
  }
  await store.updateKey(name, () => null);
  const rest = isNamed ? " The key itself is in PROXY_API_KEY." : "";
  context.show(keyJson(record), () => (record.hash === null ? `Removed the limits of ${name}.${rest}` : `Removed ${name}.`));
}

/** Changes a key's row in the store; a key of PROXY_API_KEY, or `default`, gets its row this way. */
async function change(name: string, make: (before: KeyRecord) => KeyRecord, context: Context): Promise<KeyRecord> {
  const store = await context.store();
  const kept = await changeRecord(name, make, { store, named: environmentNames(context), nowMs: context.now() });
  if (kept === null) throw await unknownKey(name, store);
  return kept;
}

function wordsOf(input: Input, context: Context): KeyWords {
  const words: Record<string, string | readonly string[]> = {};
  for (const name of ["note", "expires", "rpm", "tpm", "parallel", "zone"]) {
    const text = input.text(name);
    if (text !== null) words[name] = text;
  }
  const [models, soft] = [input.text("models"), input.text("soft")];
  if (models !== null)
    words["models"] = models
      .split(",")
      .map((pattern) => idIn(pattern.trim(), context))
      .join(",");
  if (soft !== null) words["soft"] = soft.replace(/(?<=:).*$/, (name) => idIn(name, context));
  if (input.has("budget")) words["budget"] = input.all("budget");
  return words;
}

/** A model's id, whichever of its names was typed, since the model is meant. An unknown name may be a new model, or a typo that denies nothing. */
function idIn(pattern: string, context: Context): string {
  if (/^(?:none|all|default)?$/i.test(pattern)) return pattern;
  const [, denied = "", name = ""] = /^(!?)(.*)$/.exec(pattern) ?? [];
  if (name.startsWith("@")) return pattern;
  const isGlob = name.includes("*");
  const { id, isKnown, hint } = isGlob ? { ...globNamed(name, context), id: name } : modelNamed(name, context);
  if (!isKnown) context.note(`Unknown model ${name}. ${hint}`);
  return denied + id;
}

// ---- Links ----------------------------------------------------------------------------------------------

export async function link(input: Input, context: Context): Promise<void> {
  const linked = linkOf(input, context);
  if (linked === null) throw CommandError.wrongUse(`Missing --for. Clients: ${LINKED_APPS.join(", ")}.`);
  const { name } = await recordOf(input.operand(0), context);
  const made = linked({ name, key: PLACEHOLDER });
  context.show(made, () => linesOf(made));
  await checkServer(input, context);
}

const PLACEHOLDER = "fp-YOUR-KEY";

type Link = (of: { readonly name: string; readonly key: string }) => KeyLink;

/** Null: no link was asked for. @throws CommandError before anything is done */
function linkOf(input: Input, context: Context): Link | null {
  const option = input.has("for") ? "for" : "link";
  const typed = input.text(option);
  const app = LINKED_APPS.find((known) => known === typed);
  if (typed !== null && app === undefined) throw CommandError.wrongUse(`--${option} must be one of ${LINKED_APPS.join(", ")}.`);
  if (app === undefined) return null;
  const url = (input.text("url") ?? `http://127.0.0.1:${context.config().port}`).replace(/\/+$/, "");
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw CommandError.wrongUse("--url must begin with http:// or https://.");
  const named = input.text("model");
  const model = named === null ? null : modelNamed(named, context).id;
  return ({ name, key }) => keyLink(app, { url, key, name, model });
}

/** After everything was shown: a server of another store takes a while to refuse. */
async function checkServer(input: Input, context: Context): Promise<void> {
  const url = input.text("url")?.replace(/\/+$/, "") ?? gatewayUrl(context.config());
  if (url !== null && URL.canParse(url)) await warnOfStore(url, context);
}

function linesOf(made: KeyLink): string {
  return shellLines(made, process.platform === "win32");
}

/** Only the key goes to standard output, so that it can be captured in a variable. */
function showFresh({ record, key }: FreshKey, linked: Link | null, context: Context): void {
  const made = linked?.({ name: record.name, key }) ?? null;
  if (!context.isJson) context.note(`The key for ${record.name}, shown only once:`);
  context.show({ key, ...keyJson(record), ...(made === null ? {} : { link: made }) }, () => (made === null ? key : linesOf(made)));
}

function portsOf(context: Context): KeyPorts {
  return { nowMs: context.now(), sha256: runtime.sha256, random: (count) => crypto.getRandomValues(new Uint8Array(count)) };
}
