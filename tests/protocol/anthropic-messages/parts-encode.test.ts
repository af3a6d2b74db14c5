// The parts of a turn that an upstream is sent: citations, refusals, hosted tools, arguments and results.

import { test } from "node:test";
import { assistant, call, result, text, user } from "../../support/canonical.ts";
import { declared, isSent, LOOK, LOOP, LOOP_SENT, lost, message, SENT, USE, words, type EncodeRow } from "./requests.ts";

const ROWS: readonly EncodeRow[] = [
  {
    what: "citations and refusals in the history",
    request: {
      turns: [
        user(
          text("A", {
            annotations: [{ type: "url-citation", url: "https://example.com", title: null, start: null, end: null, quote: null }],
          }),
        ),
        assistant({ type: "refusal", text: "No." }),
        user("B"),
      ],
    },
    body: { ...SENT, messages: [message("user", words("A")), message("assistant", words("No.")), message("user", words("B"))] },
    losses: [lost("input.annotations", "dropped", "Messages accepts only its own citations.")],
  },
  {
    what: "hosted tools of another provider leave call and result together",
    request: {
      turns: [
        user("A"),
        assistant({ type: "opaque", protocol: "openai-responses", name: "web_search_call", value: "{}", severity: "reported" }, text("B")),
        user("C"),
      ],
    },
    body: { ...SENT, messages: [message("user", words("A")), message("assistant", words("B")), message("user", words("C"))] },
    losses: [lost("input.web_search_call", "reported", "Only its own provider understands web_search_call.")],
  },
  {
    what: "arguments that are empty, cut off, or no object",
    request: {
      tools: [declared("look")],
      turns: [
        user("Hi"),
        assistant(call("a", "look", " "), call("b", "look", '{"at": "se'), call("c", "look", "[1]")),
        user(result("a", []), result("b", []), result("c", [])),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        LOOP_SENT[0],
        message(
          "assistant",
          { ...USE, id: "a" },
          { ...USE, id: "b", input: { _raw: '{"at": "se' } },
          { ...USE, id: "c", input: { _raw: "[1]" } },
        ),
        message("user", ...["a", "b", "c"].map((id) => ({ type: "tool_result", tool_use_id: id }))),
      ],
    },
    losses: [
      lost("input.arguments", "refused", "The arguments of a call to look are not JSON; Messages accepts only JSON."),
      lost("input.arguments", "reported", "The arguments of a call to look are not a JSON object; they were wrapped in one."),
    ],
  },
  {
    what: "whether a result is an error, only the client says",
    request: { tools: [declared("look")], turns: [...LOOP.slice(0, 2), user(result("c1", [text('{"error":null}')], { isError: false }))] },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT.slice(0, 2),
        message("user", { type: "tool_result", tool_use_id: "c1", content: [words('{"error":null}')], is_error: false }),
      ],
    },
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));
