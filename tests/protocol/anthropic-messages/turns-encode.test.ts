// The order that the API demands of messages: where system messages, results, and what the assistant showed stand.

import { test } from "node:test";
import { assistant, call, image, result, system, text, url, user } from "../../support/canonical.ts";
import { CURRENT, declared, isSent, LOOK, LOOP, LOOP_SENT, lost, message, SENT, USE, words, type EncodeRow } from "./requests.ts";

const ROWS: readonly EncodeRow[] = [
  {
    what: "a system message behind a user turn keeps its place, where the model takes it",
    request: { turns: [user("A"), system("S"), assistant("B"), user("C")] },
    body: {
      ...SENT,
      messages: [message("user", words("A")), message("system", words("S")), message("assistant", words("B")), message("user", words("C"))],
    },
  },
  {
    what: "for a model that takes no system message it is user text in the same place",
    request: { model: "claude-sonnet-4-6", turns: [user("A"), system("S"), assistant("B"), user("C")] },
    body: {
      ...SENT,
      model: "claude-sonnet-4-6",
      messages: [message("user", words("A"), words("S")), message("assistant", words("B")), message("user", words("C"))],
    },
  },
  {
    what: "a system message between a call and its result moves behind the result",
    request: { tools: [declared("look")], turns: [...LOOP.slice(0, 2), system("S"), ...LOOP.slice(2)] },
    body: { ...SENT, tools: [LOOK], messages: [...LOOP_SENT, message("system", words("S"))] },
  },
  {
    what: "a system message between assistant and user, where the API allows none, is user text too",
    request: { turns: [user("A"), assistant("B"), system("S"), user("C")] },
    body: { ...SENT, messages: [message("user", words("A")), message("assistant", words("B")), message("user", words("S"), words("C"))] },
  },
  {
    what: "a system message is user text too where the assistant turn behind it says nothing; its effort counts for the whole request",
    request: { turns: [user("A"), { ...system(text("S")), effort: "low" }, assistant(" "), user("C")] },
    body: { ...SENT, messages: [message("user", words("A"), words("S"), words("C"))], output_config: { effort: "low" } },
  },
  {
    what: "a system message that says nothing is none, wherever it stands",
    request: { turns: [system(" "), user("A"), assistant("B"), system(""), user("C")] },
    body: { ...SENT, messages: [message("user", words("A")), message("assistant", words("B")), message("user", words("C"))] },
  },
  {
    what: "the effort of a system message goes along, with the beta that it needs",
    request: { turns: [user("A"), { ...system(text("S")), effort: "low" }] },
    body: { ...SENT, messages: [message("user", words("A")), { ...message("system", words("S")), output_config: { effort: "low" } }] },
    headers: { ...CURRENT, "anthropic-beta": "mid-conversation-output-config-2026-07-01" },
  },
  {
    what: "for a model that takes no system message, its effort holds for the whole request",
    request: {
      model: "claude-opus-4-6",
      turns: [user("A"), { ...system(text("S")), effort: "low" }],
      reasoning: { mode: "on", effort: "high", budgetTokens: null, display: null },
    },
    body: {
      ...SENT,
      model: "claude-opus-4-6",
      messages: [message("user", words("A"), words("S"))],
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low" },
    },
  },
  {
    what: "leading instructions are one array, one block each, with their marks",
    request: { system: [text("A", { cache: { ttl: "1h" } }), text("B", { cache: { ttl: null } })] },
    body: {
      ...SENT,
      system: [
        { ...words("A"), cache_control: { type: "ephemeral", ttl: "1h" } },
        { ...words("B"), cache_control: { type: "ephemeral" } },
      ],
    },
  },
  {
    what: "instructions alone get a user turn, with something in it",
    request: { system: [text("A")], turns: [] },
    body: { ...SENT, system: [words("A")], messages: [message("user", words("Continue."))] },
    losses: [lost("input", "reported", "Messages needs a user turn; a short one was added.")],
  },
  {
    what: "a history that begins with the assistant gets a user turn in front",
    request: { turns: [assistant("A"), user("B")] },
    body: {
      ...SENT,
      messages: [
        message("user", words("(The conversation begins with the assistant.)")),
        message("assistant", words("A")),
        message("user", words("B")),
      ],
    },
  },
  {
    what: "results stand first, all in one message, in the client's own order",
    request: {
      tools: [declared("look")],
      turns: [
        user("Hi"),
        assistant(call("c1", "look", ""), call("c2", "look", "")),
        user("So?", result("c2", [text("B")])),
        user(result("c1", [text("A")])),
      ],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        message("user", words("Hi")),
        message("assistant", USE, { ...USE, id: "c2" }),
        message(
          "user",
          { type: "tool_result", tool_use_id: "c2", content: [words("B")] },
          { type: "tool_result", tool_use_id: "c1", content: [words("A")] },
          words("So?"),
        ),
      ],
    },
  },
  {
    what: "a result without a call is refused, and is text for a client that goes on all the same",
    request: { turns: [user("Hi", result("c9", [text("Stray.")]))] },
    body: { ...SENT, messages: [message("user", words("Hi"), words("Stray."))] },
    losses: [lost("input", "refused", "The result for c9 does not match an earlier call.")],
  },
  {
    what: "of two results for one call the last is sent",
    request: { tools: [declared("look")], turns: [...LOOP, user(result("c1", [text("Sky.")]))] },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [...LOOP_SENT.slice(0, 2), message("user", { type: "tool_result", tool_use_id: "c1", content: [words("Sky.")] })],
    },
    losses: [lost("input", "reported", "Call c1 has several results; the last one was sent.")],
  },
  {
    what: "an interrupted call gets an error for a result",
    request: { tools: [declared("look")], turns: LOOP.slice(0, 2) },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT.slice(0, 2),
        message("user", {
          type: "tool_result",
          tool_use_id: "c1",
          content: [words("The call was interrupted before it gave a result.")],
          is_error: true,
        }),
      ],
    },
    losses: [lost("input", "refused", "Call c1 of look has no result.")],
  },
  {
    what: "ids that repeat between turns are told apart, and ids of another alphabet fitted",
    request: {
      tools: [declared("look")],
      turns: [...LOOP, assistant(call("c1", "look", "{}"), call("a.b", "look", "{}")), user(result("c1", []), result("a.b", []))],
    },
    body: {
      ...SENT,
      tools: [LOOK],
      messages: [
        ...LOOP_SENT,
        message("assistant", { ...USE, id: "c1_3" }, { ...USE, id: "a_b_108bf50c" }),
        message("user", { type: "tool_result", tool_use_id: "c1_3" }, { type: "tool_result", tool_use_id: "a_b_108bf50c" }),
      ],
    },
  },
  {
    what: "blank text is left out, its mark moved, an empty turn gone and its neighbours joined",
    request: {
      turns: [user("A", text(" ", { cache: { ttl: null } })), assistant(""), user("B")],
    },
    body: { ...SENT, messages: [message("user", { ...words("A"), cache_control: { type: "ephemeral" } }, words("B"))] },
  },
  {
    what: "a model that continues no assistant turn is asked to go on",
    request: { turns: [user("A"), assistant("B ")] },
    body: { ...SENT, messages: [message("user", words("A")), message("assistant", words("B ")), message("user", words("Continue."))] },
    losses: [lost("input", "reported", 'This model does not continue an assistant turn; the user turn "Continue." was added after it.')],
  },
  {
    what: "a model that continues an assistant turn gets it without the space at its end",
    request: { model: "claude-sonnet-4-5", turns: [user("A"), assistant("B \n")] },
    body: { ...SENT, model: "claude-sonnet-4-5", messages: [message("user", words("A")), message("assistant", words("B"))] },
  },
  {
    what: "what the assistant showed, the user shows",
    request: {
      turns: [user("A"), assistant("B", image(url("https://example.com/i.png"))), user("C")],
    },
    body: {
      ...SENT,
      messages: [
        message("user", words("A")),
        message("assistant", words("B")),
        message("user", words("C"), { type: "image", source: { type: "url", url: "https://example.com/i.png" } }),
      ],
    },
    losses: [lost("input", "reported", "In Messages only the user can send images and files; they were moved after the assistant's turn.")],
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));
