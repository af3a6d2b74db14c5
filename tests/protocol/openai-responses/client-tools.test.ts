// The tools that OpenAI defines and the client runs: what a model that does not know them is told, and the forms in which calls and outputs of
// them travel.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Part, Tool } from "../../../src/protocol/canonical.ts";
import type { Exchange } from "../../../src/protocol/codec.ts";
import { unfold } from "../../../src/protocol/fold.ts";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { run } from "../../../src/wire/machine.ts";
import { assistant, call, reply, result, text, tool, user } from "../../support/canonical.ts";
import { listOf, objectOf, objectsOf } from "../../support/reading.ts";

function decode(body: object): CanonicalRequest {
  return openaiResponses.request.decode({ body: JSON.stringify({ model: "m", input: "Hi", ...body }), headers: {}, path: null });
}

const TYPES = ["tool_search", "local_shell", "shell", "apply_patch"] as const;
const DECLARED: readonly object[] = [
  { type: "tool_search", execution: "client" },
  { type: "local_shell" },
  { type: "shell" },
  { type: "apply_patch" },
];

test("each of them is a function under its type, with a schema and a description of its own", () => {
  const { tools, losses } = decode({ tools: DECLARED });
  assert.deepEqual(
    tools.map((one) => (one.type === "function" ? [one.name, one.ownForm] : one)),
    TYPES.map((type, index) => [type, { type, value: JSON.stringify(DECLARED[index]) }]),
  );
  assert.deepEqual(
    tools.map((one) => (one.type === "function" ? Object.keys(objectOf(objectOf(JSON.parse(one.schema ?? "{}"))["properties"])) : [])),
    [
      [],
      ["command", "env", "timeout_ms", "user", "working_directory"],
      ["commands", "timeout_ms", "max_output_length"],
      ["type", "path", "diff"],
    ],
  );
  assert.deepEqual(losses, []);
});

const ELSEWHERE: readonly object[] = [
  { type: "tool_search" },
  { type: "tool_search", execution: "server" },
  { type: "shell", environment: { type: "container_auto" } },
  { type: "shell", environment: { type: "container_reference", container_id: "c" } },
];
for (const declared of ELSEWHERE) {
  test(`${JSON.stringify(declared)} runs at OpenAI, and stays what it is`, () => {
    const [first] = decode({ tools: [declared] }).tools;
    assert.deepEqual([first?.type, first?.type === "opaque" ? first.value : null], ["opaque", JSON.stringify(declared)]);
  });
}

test("calls and outputs of the history are calls and results; an output may name the item's id", () => {
  const found = { type: "function", name: "sweep" };
  const { turns, tools, losses } = decode({
    input: [
      { role: "user", content: "Hi" },
      { type: "tool_search_call", call_id: "c1", execution: "client", arguments: { query: "a", n: 12345678901234567890n.toString() } },
      { type: "tool_search_output", call_id: "c1", execution: "client", tools: [found] },
      { type: "tool_search_call", call_id: "c2", execution: "client", arguments: '{"query":"b"}' },
      { type: "tool_search_output", call_id: "c2", execution: "client", tools: [] },
      { type: "local_shell_call", id: "lsh_1", call_id: "c3", action: { type: "exec", command: ["ls"], env: { A: "1" }, timeout_ms: 5 } },
      { type: "local_shell_call_output", id: "lsh_1", output: "a" },
      { type: "shell_call", call_id: "c4", action: { commands: ["ls", "false"], timeout_ms: null } },
      {
        type: "shell_call_output",
        call_id: "c4",
        output: [
          { stdout: "a", stderr: "b", outcome: { type: "exit", exit_code: 1 } },
          { stdout: "", stderr: "", outcome: { type: "timeout" } },
        ],
      },
      { type: "apply_patch_call", call_id: "c5", operation: { type: "delete_file", path: "a" } },
      { type: "apply_patch_call_output", call_id: "c5", status: "failed" },
    ],
  });
  const parts: readonly [Part, Part][] = [
    [call("c1", "tool_search", '{"query":"a","n":"12345678901234567890"}'), result("c1", "These tools can be called now: sweep")],
    [call("c2", "tool_search", '{"query":"b"}'), result("c2", "No tools were found.")],
    [call("c3", "local_shell", '{"command":["ls"],"env":{"A":"1"},"timeout_ms":5}'), result("c3", "a")],
    [call("c4", "shell", '{"commands":["ls","false"]}'), result("c4", "a\nb\n[exit code 1]\n[timed out]")],
    [call("c5", "apply_patch", '{"type":"delete_file","path":"a"}'), result("c5", "The patch failed.", { isError: true })],
  ];
  assert.deepEqual(turns, [user("Hi"), ...parts.flatMap(([called, told]) => [assistant(called), user(told)])]);
  assert.deepEqual([tools, losses], [[tool("sweep", { schema: null })], []]);
});

test("calls and outputs of tools that ran at OpenAI stay what they are", () => {
  const hosted = [
    { type: "tool_search_call", call_id: null, execution: "server", arguments: {} },
    { type: "tool_search_output", call_id: null, execution: "server", tools: [] },
    { type: "shell_call", call_id: "c", action: { commands: [] }, environment: { type: "container_reference", container_id: "c" } },
  ];
  const { turns } = decode({ input: [{ role: "user", content: "Hi" }, ...hosted] });
  assert.deepEqual(
    turns.flatMap(({ parts }) => parts).map((part) => (part.type === "opaque" ? [part.name, part.severity] : [part.type])),
    [["text"], ["tool_search_call", "reported"], ["tool_search_output", "reported"], ["shell_call", "reported"]],
  );
});

test("a choice that names one of them by its type names the function", () => {
  const choices = TYPES.map((type) => decode({ tools: DECLARED, tool_choice: { type } }).toolChoice);
  assert.deepEqual(
    choices,
    TYPES.map((name) => ({ type: "named", name })),
  );
});

// ---- Answers -----------------------------------------------------------------------------------------------------

const EXCHANGE: Exchange = { request: decode({ tools: DECLARED }), id: "0a1b2c", createdAtS: 1 };

/** The items of an answer, non-streaming, and of the same answer streamed as they are added and as they are done. */
function itemsOf(parts: readonly Part[], finish: "tool-calls" | "length" = "tool-calls"): Record<"whole" | "added" | "done", unknown[]> {
  const said = reply(parts, { id: "msg_1", finish: { kind: finish, raw: null, stopSequence: null, explanation: null } });
  const events = run(openaiResponses.reply.encoder(EXCHANGE), unfold(said)).map(({ data }) => objectOf(JSON.parse(data)));
  const items = (type: string): unknown[] => events.filter((event) => event["type"] === type).map((event) => event["item"]);
  const whole = objectOf(JSON.parse(openaiResponses.reply.encode(said, EXCHANGE)));
  return { whole: [...listOf(whole["output"])], added: items("response.output_item.added"), done: items("response.output_item.done") };
}

const CALLS: readonly (readonly [args: string, name: string, item: object])[] = [
  ['{"query":"a"}', "tool_search", { id: "tsc_1_0", type: "tool_search_call", execution: "client", arguments: { query: "a" } }],
  ["", "tool_search", { id: "tsc_1_0", type: "tool_search_call", execution: "client", arguments: {} }],
  [
    '{"command":["ls"],"working_directory":"/"}',
    "local_shell",
    { id: "lsh_1_0", type: "local_shell_call", action: { type: "exec", env: {}, command: ["ls"], working_directory: "/" } },
  ],
  [
    '{"commands":["ls"]}',
    "shell",
    {
      id: "sh_1_0",
      type: "shell_call",
      action: { timeout_ms: null, max_output_length: null, commands: ["ls"] },
      environment: { type: "local" },
    },
  ],
  [
    '{"type":"update_file","path":"a","diff":"+b"}',
    "apply_patch",
    { id: "apc_1_0", type: "apply_patch_call", operation: { type: "update_file", path: "a", diff: "+b" } },
  ],
];
for (const [args, name, item] of CALLS) {
  test(`a call of ${name} with ${args} goes back in its own form, streamed and not`, () => {
    const { whole, added, done } = itemsOf([call("c1", name, args)]);
    const expected = [{ ...item, call_id: "c1", status: "completed" }];
    assert.deepEqual([whole, added, done], [expected, expected, expected]);
  });
}

const UNFIT: readonly (readonly [name: string, args: string])[] = [
  ["tool_search", '{"query":"a'],
  ["local_shell", '{"command":"ls"}'],
  ["shell", '{"commands":"ls"}'],
  ["apply_patch", '{"type":"update_file","path":"a"}'],
];
for (const [name, args] of UNFIT) {
  test(`arguments that make no call of ${name} go back as a function's: ${args}`, () => {
    const { whole, done } = itemsOf([text("Hm."), call("c1", name, args)], "length");
    const expected = { id: "fc_1_1", type: "function_call", status: "incomplete", call_id: "c1", name, arguments: args };
    assert.deepEqual([whole[1], done[1]], [expected, expected]);
  });
}

test("a function of the same name that the client described itself stays a function", () => {
  const request = decode({ tools: [{ type: "function", name: "shell", parameters: {} }] });
  const said = reply([call("c1", "shell", '{"commands":["ls"]}')], { id: "msg_1" });
  const answer = objectOf(JSON.parse(openaiResponses.reply.encode(said, { ...EXCHANGE, request })));
  assert.deepEqual(
    objectsOf(answer["output"]).map(({ type, name }) => [type, name]),
    [["function_call", "shell"]],
  );
});

test("OpenAI itself, reached in the form of another route, is sent functions", () => {
  const request = decode({ tools: DECLARED });
  const sent = objectOf(JSON.parse(openaiResponses.request.encode(request).body));
  const names: unknown[] = objectsOf(sent["tools"]).map((one) => `${String(one["type"])} ${String(one["name"])}`);
  assert.deepEqual(
    names,
    TYPES.map((name) => `function ${name}`),
  );
  assert.deepEqual(
    request.tools.map((one: Tool) => one.type),
    ["function", "function", "function", "function"],
  );
});
