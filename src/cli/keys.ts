// The commands about client keys: operands, options and examples. They write to the store; a running server notices the change by
// itself.

import { KeyFault } from "../access/key-changes.ts";
import { CommandError, type Command, type Option } from "./command.ts";
import { add, link, raise, remove, rotate, set, switchTo } from "./key-edits.ts";
import { exportKeys, importKeys } from "./key-files.ts";
import { LINKED_APPS } from "./key-links.ts";
import { check, list, show } from "./key-reports.ts";

const BUDGET: Option = { value: "amount/period", help: "5usd/day, 20M-credits/5h, 500k-tokens/session ...; once for each budget." };
const RULE_OPTIONS: Readonly<Record<string, Option>> = {
  budget: BUDGET,
  rpm: { value: "count", help: "Requests in any 60 seconds." },
  tpm: { value: "count", help: "Tokens in any 60 seconds, e.g. 400k." },
  parallel: { value: "count", help: "Calls at once." },
  models: { value: "list", help: "Names, globs and pools (@standard, @core), separated by commas; ! in front denies." },
  soft: { value: "percent", help: "Once this share of a budget is used, answers say so (80), or a cheaper model answers (80:glm-5.2)." },
  expires: { value: "when", help: '30d, "30d after first use", 2026-12-31, or never.' },
  zone: { value: "name", help: "The time zone in which days, weeks and months begin, e.g. Asia/Shanghai." },
  note: { value: "text", help: "Anything you want to remember." },
};
const LINK_OPTIONS: Readonly<Record<string, Option>> = {
  url: { value: "url", help: "Where clients reach this server, instead of http://127.0.0.1 and the configured port." },
  model: { value: "name", help: "The model that the client is to use." },
};
const CLIENTS = LINKED_APPS.join(", ");
const LINK: Option = { value: "client", help: `Prints lines for a shell instead of the key alone: ${CLIENTS}.` };
const FOR_LINK: Option = { value: "client", help: "The same as --link." };

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
    summary: "Shows a key with its limits, and what it has used of its budgets.",
    operands: ["NAME"],
    options: {},
    examples: ["keys show alice"],
    run: show,
  },
  {
    name: "keys set",
    summary:
      "Changes a key, or `default`, whose limits hold for keys without their own. The value none lifts a limit, default goes back to that of `default`.",
    operands: ["NAME"],
    options: { ...RULE_OPTIONS, budget: { ...BUDGET, help: `${BUDGET.help} Replaces all budgets of the key.` } },
    examples: ["keys set alice --budget 10usd/day --rpm none", "keys set default --parallel 4 --models '!claude-opus-*'"],
    run: set,
  },
  {
    name: "keys raise",
    summary: "Raises all budgets of a key in one unit (usd, credits or tokens) for a while: for today, unless --until says otherwise.",
    operands: ["NAME", "AMOUNT"],
    options: {
      today: { value: null, help: "Until the day ends in the key's zone." },
      until: { value: "when", help: "For 24h, or until a date or a time." },
    },
    examples: ["keys raise alice 2usd --today", "keys raise alice 5M-tokens --until 2026-12-31"],
    run: raise,
  },
  {
    name: "keys rotate",
    summary: "Makes a new key for the same name and prints it. Limits and counters stay.",
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
    summary: "Switches a key off, also an old one that --grace keeps working.",
    operands: ["NAME"],
    options: {},
    examples: ["keys off alice"],
    run: (input, context) => switchTo(true, input, context),
  },
  {
    name: "keys on",
    summary: "Switches a key on again.",
    operands: ["NAME"],
    options: {},
    examples: ["keys on alice"],
    run: (input, context) => switchTo(false, input, context),
  },
  {
    name: "keys rm",
    summary: "Removes a key and its counters. Its usage stays in reports.",
    operands: ["NAME"],
    options: {},
    examples: ["keys rm alice"],
    run: remove,
  },
  {
    name: "keys check",
    summary: "Says whether a key may use a model, or why not.",
    operands: ["NAME"],
    options: { model: { value: "name", help: "The model." } },
    examples: ["keys check alice --model claude-opus-4-5"],
    run: check,
  },
  {
    name: "keys link",
    summary: "Prints what points a client at this server: lines for a shell, with a placeholder for the key.",
    operands: ["NAME"],
    options: {
      for: { value: "client", help: `The client: ${CLIENTS}.` },
      link: { value: "client", help: "The same as --for." },
      ...LINK_OPTIONS,
    },
    examples: ["keys link alice --for claude", "keys link alice --for codex --url https://llm.example.org"],
    run: link,
  },
  {
    name: "keys export",
    summary: "Prints all keys as JSON, with the hashes instead of the keys.",
    operands: [],
    options: {},
    examples: ["keys export > keys.json"],
    run: exportKeys,
  },
  {
    name: "keys import",
    summary: "Adds the keys of a file that `keys export` wrote. - is standard input.",
    operands: ["FILE"],
    options: { replace: { value: null, help: "Replaces keys of the same name." } },
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
