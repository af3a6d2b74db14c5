// The turns of a request for a Responses upstream: its items, and what they could not carry.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiResponses } from "../../../src/protocol/openai-responses/codec.ts";
import { anthropic, assistant, base64, call, file, image, openai, reasoning, result, text, url, user } from "../../support/canonical.ts";
import { HI, inputText, loss, message, outputText, SENT, testEncoding } from "./encoded.ts";

const PNG = "iVBORw0KGgoAAAA=";

testEncoding([
  {
    what: "texts and calls of one turn keep their order, without ids and without empty texts",
    request: {
      turns: [
        user("Hi"),
        assistant(text("a"), text(""), text("b"), call("1", "f"), { type: "refusal", text: "No." }),
        user(result("1", "ok"), text("Go")),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        message("assistant", outputText("a"), outputText("b")),
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        message("assistant", { type: "refusal", refusal: "No." }),
        { type: "function_call_output", call_id: "1", output: "ok" },
        message("user", inputText("Go")),
      ],
    },
  },
  {
    what: "arguments are sent as they are, also when they are cut off; none at all are an empty object",
    request: {
      turns: [
        assistant(call("1", "f", '{"n":12345678901234567890}'), call("2", "f", ""), call("3", "f", '{"a":"b')),
        user(result("1", "x"), result("2", "x"), result("3", "x")),
      ],
    },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: '{"n":12345678901234567890}' },
        { type: "function_call", call_id: "2", name: "f", arguments: "{}" },
        { type: "function_call", call_id: "3", name: "f", arguments: '{"a":"b' },
        ...["1", "2", "3"].map((id) => ({ type: "function_call_output", call_id: id, output: "x" })),
      ],
    },
  },
  {
    what: "results keep their parts, images among them; an error is said in words unless the text says it",
    request: {
      turns: [
        assistant(call("1", "f"), call("2", "f"), call("3", "f"), call("4", "f")),
        user(
          result("1", [text("a"), image(base64("image/png", PNG))]),
          result("2", "no such file", { isError: true }),
          result("3", "Error: no such file", { isError: true }),
          result("4", [], { isError: true }),
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...["1", "2", "3", "4"].map((id) => ({ type: "function_call", call_id: id, name: "f", arguments: "{}" })),
        {
          type: "function_call_output",
          call_id: "1",
          output: [inputText("a"), { type: "input_image", image_url: `data:image/png;base64,${PNG}` }],
        },
        { type: "function_call_output", call_id: "2", output: "Error: no such file" },
        { type: "function_call_output", call_id: "3", output: "Error: no such file" },
        { type: "function_call_output", call_id: "4", output: "Error: The tool failed." },
      ],
    },
  },
  {
    what: "a result that is JSON with an error in it is no failed one",
    request: { turns: [assistant(call("1", "f")), user(result("1", '{"error":null}'))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: '{"error":null}' },
      ],
    },
  },
  {
    what: "a call without a result and a result without a call are repaired, and refused",
    request: { turns: [assistant(call("1", "f")), user(result("9", "lost"))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "Error: The call was interrupted before it gave a result." },
        message("user", inputText("lost")),
      ],
    },
    losses: [
      loss("turns", "refused", "Call 1 of f has no result."),
      loss("turns", "refused", "The result for 9 does not match an earlier call."),
    ],
  },
  {
    what: "an id that comes again in a later turn is made unique",
    request: { turns: [assistant(call("c", "f")), user(result("c", "a")), assistant(call("c", "f")), user(result("c", "b"))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "a" },
        { type: "function_call", call_id: "c_2", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c_2", output: "b" },
      ],
    },
  },
  {
    what: "ids longer than 64 are shortened, the same on both sides",
    request: { turns: [assistant(call("x".repeat(80), "f")), user(result("x".repeat(80), "a"))] },
    body: {
      ...SENT,
      input: [
        { type: "function_call", call_id: `${"x".repeat(55)}_67b9d905`, name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: `${"x".repeat(55)}_67b9d905`, output: "a" },
      ],
    },
  },
  {
    what: "images and files in each form; text documents are text",
    request: {
      turns: [
        user(
          image(url("https://example.com/a.png"), { detail: "low" }),
          image(base64(null, "/9j/AAAA")),
          image({ type: "file-id", id: "file-1", owner: "openai-chat" }),
          file(base64("application/pdf", "JVBERi0="), { context: "A log." }),
          file(url("https://example.com/a.pdf"), { filename: "a.pdf" }),
          file({ type: "text", text: "Tides." }, { filename: "Almanac" }),
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        message(
          "user",
          { type: "input_image", detail: "low", image_url: "https://example.com/a.png" },
          { type: "input_image", image_url: "data:image/jpeg;base64,/9j/AAAA" },
          { type: "input_image", file_id: "file-1" },
          inputText("A log."),
          { type: "input_file", filename: "document.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
          { type: "input_file", filename: "a.pdf", file_url: "https://example.com/a.pdf" },
          inputText("Almanac\n\nTides."),
        ),
      ],
    },
  },
  {
    what: "sound, video and files of another vendor can't be sent, and a note says so in their place; citations are told",
    request: {
      turns: [
        user(
          { type: "video", source: { type: "url", url: "https://example.com/a.mp4", mediaType: null } },
          file({ type: "file-id", id: "file_1", owner: "anthropic-messages" }, { citations: true }),
          text("Hi"),
        ),
      ],
    },
    body: {
      ...SENT,
      input: [
        message(
          "user",
          inputText("[video left out: The Responses API does not accept video.]"),
          inputText("[file left out: A file's id is known only to the provider that stores the file; send its bytes or a URL.]"),
          inputText("Hi"),
        ),
      ],
    },
    losses: [
      loss("turns.video", "refused", "The Responses API does not accept video."),
      loss("turns.citations", "reported", "The Responses API does not cite documents in the request."),
      loss("turns.file", "refused", "A file's id is known only to the provider that stores the file; send its bytes or a URL."),
    ],
  },
  {
    what: "another vendor's blocks are left out as they say themselves",
    request: {
      turns: [
        ...HI.turns,
        assistant(
          { type: "opaque", protocol: "anthropic-messages", name: "server_tool_use", value: "{}", severity: "reported" },
          text("a"),
        ),
      ],
    },
    body: { ...SENT, input: [...SENT.input, message("assistant", outputText("a"))] },
    losses: [loss("turns.server_tool_use", "reported", "The Responses API has no server_tool_use.")],
  },
  {
    what: "at most four breakpoints, the last ones",
    request: { model: "gpt-5.6", turns: [user(...["1", "2", "3", "4", "5"].map((one) => text(one, { cache: { ttl: null } })))] },
    body: {
      ...SENT,
      model: "gpt-5.6",
      input: [
        message(
          "user",
          inputText("1"),
          ...["2", "3", "4", "5"].map((one) => ({ ...inputText(one), prompt_cache_breakpoint: { mode: "explicit" } })),
        ),
      ],
    },
  },

  // ---- Reasoning in the history
  {
    what: "OpenAI's own reasoning goes back without an id, in front of what it led to",
    request: { turns: [...HI.turns, assistant(reasoning("Hm.", { proof: openai("gAAA") }), call("1", "f")), user(result("1", "ok"))] },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "gAAA" },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "ok" },
      ],
    },
  },
  {
    what: "reasoning of other makers, without proof, or that leads to nothing is left out",
    request: {
      turns: [
        ...HI.turns,
        assistant(reasoning("A", { proof: anthropic("gAAA") }), reasoning("B"), text("a"), reasoning("C", { proof: openai("gAAA") })),
      ],
    },
    body: { ...SENT, input: [...SENT.input, message("assistant", outputText("a"))] },
    losses: [
      loss("turns.reasoning", "dropped", "OpenAI accepts only reasoning that it encrypted itself."),
      loss("turns.reasoning", "dropped", "OpenAI accepts only reasoning that it encrypted itself."),
      loss("turns.reasoning", "dropped", "Reasoning is accepted only with the message or call it led to."),
    ],
  },
  {
    what: "reasoning that led to an empty text alone is left out; several in a row stay with what they led to",
    request: {
      turns: [
        ...HI.turns,
        assistant(reasoning("A", { proof: openai("gAAA") }), text("")),
        user("And?"),
        assistant(reasoning("B", { proof: openai("gAAA") }), reasoning("C", { proof: openai("gAAA") }), text("c")),
      ],
    },
    body: {
      ...SENT,
      input: [
        ...SENT.input,
        message("user", inputText("And?")),
        { type: "reasoning", summary: [{ type: "summary_text", text: "B" }], encrypted_content: "gAAA" },
        { type: "reasoning", summary: [{ type: "summary_text", text: "C" }], encrypted_content: "gAAA" },
        message("assistant", outputText("c")),
      ],
    },
    losses: [loss("turns.reasoning", "dropped", "Reasoning is accepted only with the message or call it led to.")],
  },
]);

test("encode: a conversation that comes back to OpenAI brings its own reasoning, and only that", () => {
  const turns = [
    ...HI.turns,
    assistant(reasoning("A", { proof: anthropic("gAAA") }), call("1", "f")),
    user(result("1", "ok")),
    assistant(reasoning("", { proof: openai("gAAA") }), text("Done.")),
  ];
  const { body } = openaiResponses.request.encode({ ...HI, turns: [...turns, user("More")] });
  assert.deepEqual(
    (JSON.parse(body) as { input: { type: string }[] }).input.map(({ type }) => type),
    ["message", "function_call", "function_call_output", "reasoning", "message", "message"],
  );
});
