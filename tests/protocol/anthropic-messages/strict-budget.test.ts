// How many tools of a request are strict, and what the others take from it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/protocol/anthropic-messages/codec.ts";
import type { FunctionTool, OutputFormat } from "../../../src/protocol/canonical.ts";
import { ASKED, declared, lost } from "./requests.ts";

const OPTIONAL = { type: "string" };
const UNION = { type: ["string", "null"] };

/** A strict tool with so many parameters of each kind. */
function strict({ optional = 0, unions = 0 } = {}): FunctionTool {
  return declared("t", { schema: schemaOf({ optional, unions }), strict: true });
}

function schemaOf({ optional = 0, unions = 0 }): string {
  const choice = { anyOf: [{ type: "string" }, { type: "number" }] };
  const united = Array.from({ length: unions }, (_, index) => [`u${index}`, index % 2 === 0 ? UNION : choice]);
  const others = Array.from({ length: optional }, (_, index) => [`o${index}`, OPTIONAL]);
  const properties = Object.fromEntries([...united, ...others]) as object;
  return JSON.stringify({ type: "object", properties, required: united.map(([name]) => name), additionalProperties: false });
}

const many = (count: number, one: FunctionTool): FunctionTool[] =>
  Array.from({ length: count }, (_, index) => ({ ...one, name: `t${index}` }));
const format = (schema: string): OutputFormat => ({ type: "json-schema", name: null, description: null, schema, strict: null });

const REASON = "Claude accepts 20 strict tools, with 24 optional and 16 union parameters in total; the tools beyond that are not strict.";

interface Row {
  readonly what: string;
  readonly tools: readonly FunctionTool[];
  readonly output?: OutputFormat;
  /** Of the tools in their order: which are sent as strict. */
  readonly sent: readonly boolean[];
}

const ROWS: readonly Row[] = [
  { what: "20 tools are", tools: many(20, strict()), sent: Array.from({ length: 20 }, () => true) },
  { what: "the 21st is not", tools: many(21, strict()), sent: Array.from({ length: 21 }, (_, index) => index < 20) },
  { what: "24 optional parameters in all", tools: many(5, strict({ optional: 6 })), sent: [true, true, true, true, false] },
  { what: "16 union parameters in all", tools: many(3, strict({ unions: 6 })), sent: [true, true, false] },
  {
    what: "a smaller tool behind one that is too much still is",
    tools: [strict({ unions: 10 }), strict({ unions: 7 }), strict({ unions: 6 })].map((one, index) => ({ ...one, name: `t${index}` })),
    sent: [true, false, true],
  },
  {
    what: "tools that are not strict take nothing",
    tools: many(30, { ...strict({ optional: 9 }), strict: null }).concat({ ...strict(), name: "last" }),
    sent: Array.from({ length: 31 }, (_, index) => index === 30),
  },
  {
    what: "the format of the answer takes its share",
    tools: many(2, strict({ optional: 8, unions: 4 })),
    output: format(schemaOf({ optional: 10, unions: 10 })),
    sent: [true, false],
  },
];

for (const { what, tools, output = null, sent } of ROWS) {
  test(`strict tools of Claude: ${what}`, () => {
    const { body, losses } = anthropicMessages.request.encode({ ...ASKED, model: "claude-sonnet-5", tools, output });
    const found = (JSON.parse(body) as { tools: { strict?: boolean; input_schema: unknown }[] }).tools;
    assert.deepEqual(
      found.map((tool) => tool.strict),
      sent.map((isStrict) => (isStrict ? true : undefined)),
    );
    assert.deepEqual(
      found.map((tool) => JSON.stringify(tool.input_schema)),
      tools.map((tool) => tool.schema),
    );
    const isExceeded = tools.some((tool, index) => tool.strict === true && sent[index] === false);
    assert.deepEqual(losses, isExceeded ? [lost("tools.strict", "reported", REASON)] : []);
  });
}

test("strict tools of Claude: one that is too much alone is not", () => {
  for (const tool of [strict({ optional: 25 }), strict({ unions: 17 })]) {
    const { losses } = anthropicMessages.request.encode({ ...ASKED, model: "claude-sonnet-5", tools: [tool] });
    assert.deepEqual(losses, [lost("tools.t.strict", "reported", "This model cannot follow the tool's schema strictly.")]);
  }
});
