// Command lines as a person types them: which command is meant, what it is given, what a mistake is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError, commandOf, helpFor, readInput, type Command } from "../../src/cli/command.ts";
import { allCommands, helpText, serveHelp } from "../../src/cli/commands.ts";
import { KEYS } from "../../src/cli/keys.ts";
import { USAGE } from "../../src/cli/usage.ts";

const COMMAND: Command = {
  name: "things add",
  summary: "Adds a thing.",
  operands: ["NAME", "[FILE]"],
  options: { size: { value: "number", help: "How large." }, fast: { value: null, help: "Now." } },
  examples: ["things add one --size 5"],
  run: () => {},
};
const OTHER: Command = { ...COMMAND, name: "things", operands: [], options: {} };

function read(...words: readonly string[]): unknown {
  const input = readInput(words, COMMAND);
  return { operands: input.operands, size: input.all("size"), fast: input.has("fast") };
}

function faultOf(...words: readonly string[]): unknown {
  try {
    return read(...words);
  } catch (error) {
    if (error instanceof CommandError) return [error.exitCode, error.message.replace(" See factory-proxy things add --help.", "")];
    throw error;
  }
}

test("operands and options stand in any order, and an option may come again", () => {
  assert.deepEqual(read("one", "--size", "5", "--fast", "two", "--size=6"), { operands: ["one", "two"], size: ["5", "6"], fast: true });
  assert.deepEqual(read("-", "--", "--size"), { operands: ["-", "--size"], size: [], fast: false });
  assert.deepEqual(read("one", "--size=-1"), { operands: ["one"], size: ["-1"], fast: false });
});

test("a mistake is wrong use, and names what was meant", () => {
  assert.deepEqual(
    [
      ["one", "--sise", "5"],
      ["one", "--bogus"],
      ["one", "--size"],
      ["one", "--size", "--fast"],
      ["one", "--fast=1"],
      ["one", "-x"],
      [],
      ["a", "b", "c"],
    ].map((words) => faultOf(...words)),
    [
      [2, "Unknown option --sise. Did you mean --size?"],
      [2, "Unknown option --bogus."],
      [2, "--size needs a value: --size <number>."],
      [2, "--size needs a value: --size <number>."],
      [2, "--fast does not take a value."],
      [2, "Unknown option -x."],
      [2, "Missing NAME. Usage: factory-proxy things add NAME [FILE]."],
      [2, 'Unexpected argument "c". Usage: factory-proxy things add NAME [FILE].'],
    ],
  );
});

test("--help needs nothing else, and shows options and examples", () => {
  assert.ok(readInput(["--help"], COMMAND).has("help"));
  assert.ok(readInput(["-h"], COMMAND).has("help"));
  assert.equal(
    helpFor([COMMAND, OTHER], ["things", "add"]),
    [
      "Adds a thing.",
      "",
      "Usage: factory-proxy things add NAME [FILE] [options]",
      "",
      "Options:",
      "  --size <number>    How large.",
      "  --fast             Now.",
      "  --json             Prints JSON.",
      "  --env-file <path>  Reads variables from this file instead of .env.",
      "  --help             Prints this help.",
      "",
      "Examples:",
      "  factory-proxy things add one --size 5",
    ].join("\n"),
  );
  assert.match(helpFor([COMMAND, OTHER], ["things"]), /^Usage: factory-proxy things <command> \[options\]$/m);
});

test("an option that a command needs is in its usage line", () => {
  const { size = { value: "number", help: "" } } = COMMAND.options;
  const needs: Command = { ...COMMAND, options: { ...COMMAND.options, size: { ...size, isRequired: true } } };
  assert.match(helpFor([needs], ["things", "add"]), /^Usage: factory-proxy things add NAME \[FILE\] --size <number> \[options\]$/m);
  assert.throws(() => readInput([], needs), /Usage: factory-proxy things add NAME \[FILE\] --size <number>\./);
  const usage = (...words: readonly string[]): string | undefined => /^Usage: (.*)$/m.exec(helpFor(KEYS, words))?.[1];
  assert.deepEqual(
    [usage("keys", "check"), usage("keys", "link")],
    ["factory-proxy keys check NAME --model <name> [options]", "factory-proxy keys link NAME --for <client> [options]"],
  );
});

test("the help of a group shows examples that use options", () => {
  const examples = helpFor(USAGE, ["usage", "--help"]).split("Examples:\n")[1];
  assert.deepEqual(examples?.split("\n"), [
    "  factory-proxy usage --since 7d --key alice",
    "  factory-proxy usage daily --since 7d --key alice",
    "  factory-proxy usage weekly --csv",
    "  factory-proxy usage monthly --since 2026-11-01 --breakdown",
    "  factory-proxy usage session --client claude-code",
  ]);
});

test("every --help fits a terminal of 80 columns, but for examples", async () => {
  const commands = await allCommands();
  const groups = Map.groupBy(commands, ({ name }) => name.split(" ")[0] ?? "");
  const texts = [...groups].flatMap(([group, own]) => [helpFor(own, [group]), ...own.map(({ name }) => helpFor(own, name.split(" ")))]);
  const lines = [helpText(), serveHelp(), ...texts].flatMap((text) => text.split("\n"));
  assert.deepEqual(
    lines.filter((line) => line.length > 80 && !line.startsWith("  factory-proxy ")),
    [],
  );
});

test("the longest name that fits is the command", () => {
  const named = (...words: readonly string[]): string | undefined => commandOf([COMMAND, OTHER], words)?.name;
  assert.deepEqual(
    [named("things", "add", "x"), named("things", "--json"), named("things"), named("other")],
    ["things add", "things", "things", undefined],
  );
});

test("every command has a summary that is a sentence, examples that it can read, and options that no other word hides", () => {
  for (const command of [...KEYS, ...USAGE]) {
    assert.match(command.summary, /^[A-Z].*\.$/s, command.name);
    assert.ok(command.examples.length > 0, command.name);
    for (const example of command.examples) {
      const words = [...example.matchAll(/'([^']*)'|[^\s'<>]+/g)].map(([word, quoted]) => quoted ?? word);
      const isCut = /[<>]/.test(example);
      assert.equal(commandOf([...KEYS, ...USAGE], words)?.name, command.name, example);
      const rest = words.slice(command.name.split(" ").length);
      readInput(isCut ? rest.slice(0, -1) : rest, command);
    }
    for (const [name, { help }] of Object.entries(command.options)) assert.match(help, /\.$/, `--${name} of ${command.name}`);
  }
});
