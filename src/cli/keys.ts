// The commands about client keys: operands, options and examples. They write to the store; a running server notices the change by
// itself.

import { KeyFault } from "../access/key-changes.ts";
import { CommandError, type Command, type Option } from "./command.ts";
import { add, link, raise, remove, rotate, set, switchTo } from "./key-edits.ts";
import { exportKeys, importKeys } from "./key-files.ts";
import { LINKED_APPS } from "./key-links.ts";
import { check, list, show } from "./key-reports.ts";

const BUDGET: Option = { value: "amount/period", help: "E.g. 5usd/day, 20M-credits/5h or 500k-tokens/session; repeatable." };
const RULE_OPTIONS: Readonly<Record<string, Option>> = {
  budget: BUDGET,
  rpm: { value: "count", help: "Requests per minute." },
  tpm: { value: "count", help: "Tokens per minute, e.g. 400k." },
  parallel: { value: "count", help: "Concurrent calls." },
  models: { value: "list", help: "Names, globs and pools (@standard, @core), separated by commas; a leading ! denies." },
  soft: {
    value: "percent",
    help: "When this share of a budget is used, warns in answers (80) or switches to a cheaper model (80:glm-5.2).",
  },
  expires: { value: "when", help: '30d, "30d after first use", 2026-12-31, or never.' },
  zone: { value: "name", help: "The time zone for daily, weekly and monthly budgets, e.g. Asia/Shanghai." },
  note: { value: "text", help: "Anything you want to remember." },
};
const LINK_OPTIONS: Readonly<Record<string, Option>> = {
  url: { value: "url", help: "The address clients use for this server. Default: http://127.0.0.1 and the configured port." },
  model: { value: "name", help: "The model for the client." },
};
const CLIENTS = LINKED_APPS.join(", ");
const LINK: Option = { value: "client", help: `Prints shell commands that set up a client, instead of just the key: ${CLIENTS}.` };
const FOR_LINK: Option = { value: "client", help: "Same as --link." };

const COMMANDS: readonly Command[] = [
  {
    name: "keys add",
    summary: "Makes a key and prints it. It can't be shown again.",
    operands: ["NAME"],
    options: { ...RULE_OPTIONS, link: LINK, for: FOR_LINK, ...LINK_OPTIONS },
    examples: [
      "keys add alice --budget 5usd/day --rpm 60",
      "keys add bob --budget 20M-credits/5h --budget 100usd/month --models 'claude-*,!claude-opus-*,@core' --expires 30d",
      "keys add carol --link claude",
    ],
    run: add,
  },
  { name: "keys list", summary: "Lists all keys.", operands: [], options: {}, examples: ["keys list", "keys list --json"], run: list },
  {
    name: "keys show",
    summary: "Shows a key's limits and how much of its budgets it has used.",
    operands: ["NAME"],
    options: {},
    examples: ["keys show alice"],
    run: show,
  },
  {
    name: "keys set",
    summary:
      "Changes a key, or `default`, whose limits apply to keys without their own. Use none to remove a limit, or default to inherit it from `default`.",
    operands: ["NAME"],
    options: { ...RULE_OPTIONS, budget: { ...BUDGET, help: `${BUDGET.help} Replaces all of the key's budgets.` } },
    examples: ["keys set alice --budget 10usd/day --rpm none", "keys set default --parallel 4 --models '!claude-opus-*'"],
    run: set,
  },
  {
    name: "keys raise",
    summary: "Temporarily raises all of a key's budgets that are in the unit of AMOUNT (usd, credits or tokens). Default: --today.",
    operands: ["NAME", "AMOUNT"],
    options: {
      today: { value: null, help: "Until the end of the day in the key's time zone." },
      until: { value: "when", help: "A duration (24h), a date or a time." },
    },
    examples: ["keys raise alice 2usd --today", "keys raise alice 5M-tokens --until 2026-12-31"],
    run: raise,
  },
  {
    name: "keys rotate",
    summary:
      "Makes a new key for the same name and prints it. The old key stops working unless --grace is given. Limits and counters stay.",
    operands: ["NAME"],
    options: {
      grace: { value: "duration", help: "How long the old key keeps working. Default: not at all." },
      link: LINK,
      for: FOR_LINK,
      ...LINK_OPTIONS,
    },
    examples: ["keys rotate alice --grace 24h"],
    run: rotate,
  },
  {
    name: "keys off",
    summary: "Disables a key, including an old one still in its grace period.",
    operands: ["NAME"],
    options: {},
    examples: ["keys off alice"],
    run: (input, context) => switchTo(true, input, context),
  },
  {
    name: "keys on",
    summary: "Enables a key again.",
    operands: ["NAME"],
    options: {},
    examples: ["keys on alice"],
    run: (input, context) => switchTo(false, input, context),
  },
  {
    name: "keys rm",
    summary: "Deletes a key and its counters. Its usage stays in reports.",
    operands: ["NAME"],
    options: {},
    examples: ["keys rm alice"],
    run: remove,
  },
  {
    name: "keys check",
    summary: "Says whether a key may use a model, or why not.",
    operands: ["NAME"],
    options: { model: { value: "name", help: "The model.", isRequired: true } },
    examples: ["keys check alice --model claude-opus-4-5"],
    run: check,
  },
  {
    name: "keys link",
    summary: "Prints shell commands that point a client at this server, with a placeholder for the key.",
    operands: ["NAME"],
    options: {
      for: { value: "client", help: `The client: ${CLIENTS}.`, isRequired: true },
      link: { value: "client", help: "Same as --for." },
      ...LINK_OPTIONS,
    },
    examples: ["keys link alice --for claude", "keys link alice --for codex --url https://llm.example.org"],
    run: link,
  },
  {
    name: "keys export",
    summary: "Prints all keys as JSON, with hashes instead of the keys themselves.",
    operands: [],
    options: {},
    examples: ["keys export > keys.json"],
    run: exportKeys,
  },
  {
    name: "keys import",
    summary: "Adds keys from a file written by `keys export`; - reads standard input.",
    operands: ["FILE"],
    options: { replace: { value: null, help: "Overwrites keys with the same name." } },
    examples: ["keys import keys.json", "keys import - --replace < keys.json"],
    run: importKeys,
  },
];

/** Input that can't be read means wrong usage. */
export const KEYS: readonly Command[] = COMMANDS.map((command) => ({
  ...command,
  async run(input, context) {
    try {
      return await command.run(input, context);
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error;
      throw CommandError.wrongUse(`${error.message} See factory-proxy ${command.name} --help.`);
    }
  },
}));
