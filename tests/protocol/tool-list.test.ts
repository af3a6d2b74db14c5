// What the codecs share about a request's tools: no tool twice, none that its provider alone runs, and what demands one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, OpaqueTool, Part, Tool, ToolChoice } from "../../src/protocol/canonical.ts";
import { withoutDuplicates, withoutHosted } from "../../src/protocol/tool-list.ts";
import { NAMES } from "../../src/protocol/openai-responses/wire.ts";
import { assistant, customTool, request, tool, user } from "../support/canonical.ts";

const SEARCH: Tool = { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null };
const hosted = (name: string): OpaqueTool => ({ type: "opaque", protocol: "openai-responses", name, value: "{}", severity: "reported" });

test("of several tools with one name the last stands in the place of the first", () => {
  const last = customTool("a", { description: "last" });
  const { tools, losses } = withoutDuplicates([tool("a"), tool("b"), SEARCH, tool("a", { description: "second" }), SEARCH, last], "tools");
  assert.deepEqual(tools, [last, tool("b"), SEARCH]);
  assert.deepEqual(losses, [
    { field: "tools.a", severity: "reported", reason: "The tool a is listed twice; the last one was sent." },
    { field: "tools.web_search", severity: "reported", reason: "The tool web_search is listed twice; the last one was sent." },
  ]);
});

test("tools of a provider may share a name", () => {
  const tools = [hosted("mcp"), tool("mcp"), hosted("mcp")];
  assert.deepEqual(withoutDuplicates(tools, "tools"), { tools, losses: [] });
});

const LEFT_OUT = {
  field: "tools.draw",
  severity: "reported",
  reason: "Only its own provider runs draw; the model answers without it.",
} as const;
const DEMANDED = { field: "tool_choice", severity: "refused", reason: "Only its own provider runs draw." } as const;

const CHOICES: readonly (readonly [choice: ToolChoice | null, left: ToolChoice | null, isDemand: boolean])[] = [
  [null, null, false],
  [{ type: "auto" }, { type: "auto" }, false],
  [{ type: "required" }, { type: "required" }, false],
  [{ type: "named", name: "look" }, { type: "named", name: "look" }, false],
  [{ type: "named", name: "draw" }, null, true],
  [{ type: "subset", names: ["draw", "look"], required: true }, { type: "subset", names: ["look"], required: true }, false],
  [{ type: "subset", names: ["draw"], required: false }, { type: "none" }, false],
  [{ type: "subset", names: ["draw"], required: true }, { type: "none" }, true],
];
for (const [toolChoice, left, isDemand] of CHOICES) {
  test(`a hosted tool is left out under the choice ${JSON.stringify(toolChoice)}`, () => {
    const before = request({ names: NAMES, tools: [tool("look"), hosted("draw")], toolChoice });
    const after = withoutHosted(before, "gemini");
    assert.deepEqual(after.losses, isDemand ? [LEFT_OUT, DEMANDED] : [LEFT_OUT]);
    assert.deepEqual(after.request, { ...before, tools: [tool("look")], toolChoice: left });
    assert.deepEqual(withoutHosted(before, "openai-responses"), { request: before, losses: [] }, "its own provider gets it");
  });
}

test("a conversation that stops in the middle of a hosted step is refused by others; one that went on is not", () => {
  const step: Part = { type: "opaque", protocol: "openai-responses", name: "mcp_call", value: "{}", severity: "reported" };
  const note: Part = { ...step, severity: "dropped" };
  const lossesOf = (turns: CanonicalRequest["turns"]): object[] => withoutHosted(request({ names: NAMES, turns }), "gemini").losses;
  assert.deepEqual(lossesOf([user("Hi"), assistant(step)]), [
    {
      field: "input.mcp_call",
      severity: "refused",
      reason: "The conversation stops in the middle of a tool call that only the tool's own provider can finish.",
    },
  ]);
  assert.deepEqual(lossesOf([user("Hi"), assistant(step), user("Go on.")]), []);
  assert.deepEqual(lossesOf([user("Hi"), assistant(note)]), []);
});
