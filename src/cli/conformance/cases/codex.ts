// Codex's order of events, the requests that it sends, and the refusals that it understands.
// Requests as Codex 0.169 to 0.171 send them.

import { gzipSync } from "node:zlib";
import * as zlib from "node:zlib";
import { incomplete, isOwn, looking, shown, unequal, type Case } from "../case.ts";
import { answer, firstMember, refusal, toolNames, typeOf, type Plan } from "../lab/lab.ts";
import { callOf, contentOf } from "../lab/reply-content.ts";
import { reasoningOf } from "../scenarios.ts";
import { blocksOf } from "../readings/reading.ts";
import { objectIn, printed, textAt, userTurn, type Json, type JsonObject } from "../wire.ts";
import type { Answer, Scenario } from "../world.ts";
import { upgradeStatus } from "./upgrade.ts";

const PATCH = "*** Begin Patch\n*** Add File: a.txt\n+hello\n*** End Patch";

function codexBody(): JsonObject {
  return {
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "medium", summary: "auto" },
    store: false,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "01a2b3c4-codex",
    client_metadata: { session: "conformance" },
    tools: [
      {
        type: "function",
        name: "exec_command",
        description: "Runs a command.",
        strict: false,
        parameters: { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"], additionalProperties: false },
      },
      {
        type: "custom",
        name: "apply_patch",
        description: "Edits files.",
        format: { type: "grammar", syntax: "lark", definition: 'start: "*** Begin Patch" /.+/' },
      },
      {
        type: "namespace",
        name: "multi_agent_v1",
        description: "Agents.",
        tools: [
          {
            type: "function",
            name: "spawn",
            description: "Starts an agent.",
            strict: false,
            parameters: { type: "object", properties: { task: { type: "string" } } },
          },
        ],
      },
      { type: "web_search", external_web_access: false },
    ],
  };
}

const HEADERS = { originator: "codex_exec", "user-agent": "codex_exec/0.171.0", session_id: "01a2b3c4-codex" };

const LADDER: Scenario = {
  name: "a turn of Codex",
  text: "Say hello.",
  headers: HEADERS,
  turns: (protocol, text) => [
    { type: "message", role: "developer", content: [{ type: "input_text", text: "You are Codex." }] },
    userTurn(protocol, text),
  ],
  extra: codexBody,
  script: (seen) => answer(seen, contentOf({ text: "Hello from the lab." })),
};

const REPLAY: Scenario = {
  ...LADDER,
  name: "a second turn of Codex",
  turns: (protocol, text): Json[] => [
    userTurn(protocol, "Run ls."),
    {
      type: "reasoning",
      summary: [{ type: "summary_text", text: "I run it." }],
      content: null,
      encrypted_content: "Z2F0ZXdheS1kb2VzLW5vdC1rbm93",
    },
    { type: "function_call", status: "completed", name: "exec_command", arguments: '{"cmd":"ls"}', call_id: "call_ls" },
    { type: "function_call_output", call_id: "call_ls", output: "a.txt" },
    userTurn(protocol, text),
  ],
};

const PATCHES: Scenario = {
  ...LADDER,
  name: "a patch of Codex",
  text: "Add the file.",
  script: (seen) => {
    const name = toolNames(seen.body).find((one) => one.includes("apply_patch")) ?? "apply_patch";
    // Another provider has no such tool: the gateway states the member in which it wants the patch.
    const member = firstMember(seen.body, name) ?? "input";
    return seen.protocol === "openai-responses"
      ? patched(seen.stream)
      : answer(seen, contentOf({ calls: [callOf("call_patch", JSON.stringify({ [member]: PATCH }), name)] }));
  },
};

/** A custom tool's call in OpenAI's format, which the lab can't produce. */
function patched(stream: boolean): Plan {
  const item = { id: "ctc_lab", type: "custom_tool_call", status: "completed", call_id: "call_patch", name: "apply_patch", input: PATCH };
  const response = {
    id: "resp_labpatch",
    object: "response",
    created_at: 1_793_500_000,
    status: "completed",
    error: null,
    incomplete_details: null,
    model: "lab",
    output: [item],
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    usage: {
      input_tokens: 1,
      output_tokens: 1,
      total_tokens: 2,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
  };
  if (!stream) return { headers: typeOf({ stream }), steps: [printed(response)] };
  const at = { item_id: item.id, output_index: 0 };
  const events: (JsonObject & { type: string })[] = [
    { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } },
    { type: "response.output_item.added", output_index: 0, item: { ...item, status: "in_progress", input: "" } },
    { type: "response.custom_tool_call_input.delta", ...at, delta: PATCH },
    { type: "response.custom_tool_call_input.done", ...at, input: PATCH },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response },
  ];
  return {
    headers: typeOf({ stream }),
    steps: events.map((event, number) => `event: ${event.type}\ndata: ${printed({ ...event, sequence_number: number })}\n\n`),
  };
}

/** A live model may call a tool instead of writing text. */
const RUNGS = [
  /^response\.created$/,
  /^response\.output_item\.added$/,
  /^response\.(?:output_text|function_call_arguments|custom_tool_call_input)\.delta$/,
  /^response\.output_item\.done$/,
  /^response\.completed$/,
];

/** Where the runtime supports it, as Codex compresses its bodies since 0.155. */
const pack = "zstdCompressSync" in zlib ? zlib.zstdCompressSync : gzipSync;
const ENCODING = "zstdCompressSync" in zlib ? "zstd" : "gzip";

const shared = { area: "codex", protocol: "openai-responses" } as const;

export const CODEX_CASES: readonly Case[] = [
  looking({
    ...shared,
    name: "the ladder of events",
    needs: "live",
    expected: "response.created, output_item.added, deltas, output_item.done, response.completed",
    breaks: "Codex: stream disconnected before completion; text that is never shown",
    scenario: LADDER,
    stream: true,
    check: (one) => incomplete(one) ?? (one.faults.length > 0 ? shown(one.faults[0]?.came) : climbed(one)),
  }),
  looking({
    ...shared,
    name: "a turn with its history",
    needs: "lab",
    expected: "an answer to a replayed call and to reasoning without an id",
    breaks: "Codex: each second turn",
    scenario: REPLAY,
    stream: true,
    check: (one) => incomplete(one) ?? (one.seen.at(-1)?.text.includes("a.txt") === true ? null : "the result did not reach the upstream"),
  }),
  looking({
    ...shared,
    name: "developer messages",
    needs: "lab",
    expected: "their text at the upstream",
    breaks: "Codex sends all its instructions that way",
    scenario: LADDER,
    stream: true,
    check: (one) => (one.seen.at(-1)?.text.includes("You are Codex.") === true ? null : `status ${one.status}: ${shown(one.text)}`),
  }),
  looking({
    ...shared,
    name: "apply_patch",
    needs: "lab",
    expected: "a custom_tool_call with the patch as its input, whatever the upstream",
    breaks: "Codex can't edit files",
    scenario: PATCHES,
    stream: true,
    check: (one) => {
      const item = one.said.turns.find((turn) => textAt(turn, "type") === "custom_tool_call");
      return (
        incomplete(one) ??
        (unequal([textAt(item, "name"), textAt(item, "input")], ["apply_patch", PATCH]) === null ? null : shown(one.said.turns))
      );
    },
  }),
  looking({
    ...shared,
    name: "encrypted reasoning",
    needs: "lab",
    expected: "encrypted_content in output_item.done, as it was asked for",
    breaks: "Codex loses its reasoning between two calls of one turn",
    scenario: {
      name: "encrypted reasoning",
      text: "Think.",
      extra: reasoningOf,
      script: (seen) => answer(seen, contentOf({ reasoning: "I think." })),
    },
    stream: true,
    fits: isOwn,
    check: ({ said }) =>
      textAt(
        said.turns.find((turn) => textAt(turn, "type") === "reasoning"),
        "encrypted_content",
      ) === ""
        ? shown(said.turns)
        : null,
  }),
  looking({
    ...shared,
    name: `a body packed with ${ENCODING}`,
    needs: "lab",
    expected: "an answer",
    breaks: "Codex since 0.155 with its own provider",
    scenario: {
      ...LADDER,
      name: "a packed turn of Codex",
      headers: { ...HEADERS, "content-encoding": ENCODING },
      packed: (text) => new Uint8Array(pack(new TextEncoder().encode(text))),
    },
    stream: true,
    check: incomplete,
  }),
  looking({
    ...shared,
    name: "context_length_exceeded",
    needs: "lab",
    expected: "the code context_length_exceeded, as an error or in response.failed",
    breaks: "Codex does not compact its history",
    scenario: {
      ...LADDER,
      name: "too long for Codex",
      script: (seen) =>
        refusal(
          seen,
          seen.protocol === "anthropic-messages"
            ? { status: 400, message: "prompt is too long: 250000 tokens > 200000 maximum" }
            : { status: 400, message: WINDOW, code: "context_length_exceeded" },
        ),
    },
    stream: true,
    // Google has neither a code nor a fixed text for it.
    fits: ({ upstream }) => upstream !== "gemini",
    check: (one) => (one.text.includes("context_length_exceeded") ? null : `status ${one.status}: ${shown(one.text)}`),
  }),
  looking({
    ...shared,
    name: "x-request-id",
    needs: "live",
    expected: "the header",
    breaks: "Codex prints it in its errors: nobody finds the call in the server's log",
    scenario: LADDER,
    stream: true,
    check: ({ headers }) => ((headers["x-request-id"] ?? "") === "" ? "none" : null),
  }),
  {
    ...shared,
    name: "WebSocket handshake",
    needs: "live",
    expected: "101, or 426, after which Codex goes on over HTTP at once",
    breaks: "Codex's own provider: 400 ends the run, other statuses cost seven tries, 6.5 s",
    run: async (world) => {
      const status = await upgradeStatus(world, "/v1/responses");
      return status === 101 || status === 426 ? null : `status ${status}`;
    },
  },
];
const WINDOW = "Your input exceeds the context window of this model. Please adjust your input and try again.";

function climbed({ text }: Answer): string | null {
  const types = blocksOf(text).blocks.map(({ data }) => textAt(objectIn(data), "type"));
  const missing = RUNGS.filter((rung) => !types.some((type) => rung.test(type)));
  return missing.length === 0 ? null : `no ${missing.map(({ source }) => source).join(", ")}`;
}
