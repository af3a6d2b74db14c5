// Canonical requests -> what an upstream of Gemini's protocol gets, and what is lost on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, FunctionTool, Loss, Reasoning, WebSearchTool } from "../../../src/protocol/canonical.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import {
  anthropic,
  assistant,
  base64,
  call,
  customTool,
  file,
  google,
  image,
  reasoning,
  request,
  result,
  sampling,
  system,
  text,
  tool as aTool,
  url,
  user,
} from "../../support/canonical.ts";

const HI = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
const claude = anthropic("claude's own");

interface EncodeRow {
  readonly name: string;
  readonly given: Partial<CanonicalRequest>;
  /** Members beside `model`; `contents` only where it is not the smallest. */
  readonly body: object;
  readonly losses?: readonly Loss[];
}

const CALLED = [user("Hi"), assistant(call("toolu_1", "f", '{"a":1}')), user(result("toolu_1", "done"))];
const calledContents = (functionCall: object, response: object, more: object = {}): object => ({
  contents: [
    { role: "user", parts: [{ text: "Hi" }] },
    { role: "model", parts: [{ functionCall, ...more }] },
    { role: "user", parts: [{ functionResponse: response }] },
  ],
});
const reported = (field: string, reason: string): Loss => ({ field, severity: "reported", reason });
const refused = (field: string, reason: string): Loss => ({ field, severity: "refused", reason });
const dropped = (field: string): Loss => ({
  field,
  severity: "dropped",
  reason: "Gemini has no such field, and answers the same without it.",
});
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";
const picture = image(base64("image/jpg", PNG), { detail: "high" });
const A_SCHEMA = { type: "object", properties: { a: { type: "string" } } };
const thinking = (more: Partial<Reasoning>): Reasoning => ({ mode: "on", effort: null, budgetTokens: null, display: null, ...more });
const tool = (name: string, schema: string | null = JSON.stringify(A_SCHEMA)): FunctionTool => aTool(name, { schema });
const search = (more: Partial<WebSearchTool>): WebSearchTool => ({
  type: "web-search",
  allowedDomains: [],
  blockedDomains: [],
  location: null,
  contextSize: null,
  maxUses: null,
  ...more,
});

const ENCODED: readonly EncodeRow[] = [
  { name: "model and stream switch in the body", given: { stream: true }, body: { stream: true } },
  {
    name: "leading instructions block by block",
    given: { system: [text("Be brief."), text(""), text("Be kind.")] },
    body: { systemInstruction: { parts: [{ text: "Be brief." }, { text: "Be kind." }] } },
  },
  {
    name: "a system message in the middle stays where it is, as the user's",
    given: { turns: [user("Hi"), assistant("Hello"), system("Speak French."), user("Well?")] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hello" }] },
        { role: "user", parts: [{ text: "Speak French." }, { text: "Well?" }] },
      ],
    },
  },
  {
    name: "a system message behind results gets a content of its own, and its effort counts",
    given: {
      turns: [user("Hi"), assistant(call("c", "f", "{}")), user(result("c", "done"), text("And?")), { ...system("Think."), effort: "low" }],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ functionCall: { id: "c", name: "f", args: {} } }] },
        { role: "user", parts: [{ functionResponse: { id: "c", name: "f", response: { output: "done" } } }] },
        { role: "user", parts: [{ text: "And?" }, { text: "Think." }] },
      ],
      generationConfig: { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } },
    },
  },
  {
    name: "without a user turn there is one",
    given: { turns: [], system: [text("Hi")] },
    body: { systemInstruction: { parts: [{ text: "Hi" }] }, contents: [{ role: "user", parts: [{ text: "." }] }] },
  },
  {
    name: "a history that begins with the assistant gets a user turn in front",
    given: { turns: [assistant("Hello"), user("Hi")] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "." }] },
        { role: "model", parts: [{ text: "Hello" }] },
        { role: "user", parts: [{ text: "Hi" }] },
      ],
    },
  },
  {
    name: "a history that ends with the assistant goes on",
    given: { turns: [user("Hi"), assistant("Hel")] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hel" }] },
        { role: "user", parts: [{ text: "Continue." }] },
      ],
    },
  },
  {
    name: "a result has the name of its call",
    given: { turns: CALLED },
    body: calledContents({ id: "toolu_1", name: "f", args: { a: 1 } }, { id: "toolu_1", name: "f", response: { output: "done" } }),
  },
  {
    name: "ids that this gateway made are not said",
    given: { turns: [user("Hi"), assistant(call("call_1_0", "f", "")), user(result("call_1_0", "done"))] },
    body: calledContents({ name: "f", args: {} }, { name: "f", response: { output: "done" } }),
  },
  {
    name: "results that are no object are wrapped, objects that would be misread too",
    given: {
      turns: [
        user("Hi"),
        assistant(...["a", "b", "c", "d"].map((id) => call(id, id, "{}"))),
        user(result("a", "[1,2]"), result("b", '{"n":7}'), result("c", '{"error":null,"x":1}'), result("d", "boom", { isError: true })),
      ],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: ["a", "b", "c", "d"].map((id) => ({ functionCall: { id, name: id, args: {} } })) },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "a", response: { output: "[1,2]" } } },
            { functionResponse: { id: "b", name: "b", response: { n: 7 } } },
            { functionResponse: { id: "c", name: "c", response: { output: '{"error":null,"x":1}' } } },
            { functionResponse: { id: "d", name: "d", response: { error: "boom" } } },
          ],
        },
      ],
    },
  },
  {
    name: "results of one step stand together; a missing one says so, one without a call becomes text",
    given: {
      turns: [
        user("Hi"),
        assistant(call("a", "f", "{}"), call("b", "g", "{}")),
        user(result("b", "2")),
        user(text("And?"), result("z", "lost")),
      ],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ functionCall: { id: "a", name: "f", args: {} } }, { functionCall: { id: "b", name: "g", args: {} } }] },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "f", response: { error: "The call was interrupted before it gave a result." } } },
            { functionResponse: { id: "b", name: "g", response: { output: "2" } } },
          ],
        },
        { role: "user", parts: [{ text: "And?" }, { text: "lost" }] },
      ],
    },
    losses: [refused("turns", "Call a of f has no result."), refused("turns", "The result for z does not match an earlier call.")],
  },
  {
    name: "on Gemini 2 the image of a result follows behind all results, with its call's name",
    given: {
      turns: [user("Hi"), assistant(call("a", "look", "{}")), user(result("a", [text("one"), text("two"), picture]))],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ functionCall: { id: "a", name: "look", args: {} } }] },
        { role: "user", parts: [{ functionResponse: { id: "a", name: "look", response: { output: "one\ntwo" } } }] },
        { role: "user", parts: [{ text: "From the result of look (a):" }, { inlineData: { mimeType: "image/png", data: PNG } }] },
      ],
    },
  },
  {
    name: "on Gemini 3 the image stands in the result, and a call without a signature has Google's word for that",
    given: {
      model: "gemini-3-flash-preview",
      turns: [user("Hi"), assistant(call("a", "look", "{}")), user(result("a", [picture]))],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        {
          role: "model",
          parts: [{ functionCall: { id: "a", name: "look", args: {} }, thoughtSignature: "skip_thought_signature_validator" }],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "look", response: {}, parts: [{ inlineData: { mimeType: "image/png", data: PNG } }] } },
          ],
        },
      ],
    },
  },
  {
    name: "only the first call of a step, and only where there is no signature of Google",
    given: {
      model: "gemini-3-flash-preview",
      turns: [
        user("Hi"),
        assistant(text("Both."), call("a", "f", "{}", { proof: claude }), call("b", "f", "{}")),
        user(result("a", "1"), result("b", "2")),
        assistant(call("c", "f", "{}", { proof: google("R29v") }), call("d", "f", "{}")),
        user(result("c", "3"), result("d", "4")),
      ],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        {
          role: "model",
          parts: [
            { text: "Both." },
            { functionCall: { id: "a", name: "f", args: {} }, thoughtSignature: "skip_thought_signature_validator" },
            { functionCall: { id: "b", name: "f", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "f", response: { output: "1" } } },
            { functionResponse: { id: "b", name: "f", response: { output: "2" } } },
          ],
        },
        {
          role: "model",
          parts: [
            { functionCall: { id: "c", name: "f", args: {} }, thoughtSignature: "R29v" },
            { functionCall: { id: "d", name: "f", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "c", name: "f", response: { output: "3" } } },
            { functionResponse: { id: "d", name: "f", response: { output: "4" } } },
          ],
        },
      ],
    },
  },
  {
    name: "signatures on the part that they came with, foreign ones and thoughts that nobody can read left out",
    given: {
      turns: [
        user("Hi"),
        assistant(
          reasoning("Hm.", { proof: google("R29v") }),
          reasoning("Well.", { proof: claude }),
          reasoning("", { proof: claude, redacted: true }),
          reasoning("", { proof: google("QUJD"), redacted: true }),
          text("Yes.", { proof: google("REVG") }),
          text(""),
        ),
        user("OK"),
      ],
    },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        {
          role: "model",
          parts: [
            { text: "Hm.", thought: true, thoughtSignature: "R29v" },
            { text: "Well.", thought: true },
            { text: "", thoughtSignature: "QUJD" },
            { text: "Yes.", thoughtSignature: "REVG" },
          ],
        },
        { role: "user", parts: [{ text: "OK" }] },
      ],
    },
  },
  {
    name: "a signature that a client carried in front of a call goes back onto the call",
    given: {
      model: "gemini-3-pro-preview",
      turns: [
        user("Hi"),
        assistant(reasoning("", { proof: google("R29v"), redacted: true }), call("a", "f", "{}")),
        user(result("a", "1")),
      ],
    },
    body: calledContents({ id: "a", name: "f", args: {} }, { id: "a", name: "f", response: { output: "1" } }, { thoughtSignature: "R29v" }),
  },
  {
    name: "no arguments are an empty object, broken ones are not repaired",
    given: { turns: [user("Hi"), assistant(call("a", "f", '{"a":')), user(result("a", "1"))] },
    body: calledContents({ id: "a", name: "f", args: { _raw: '{"a":' } }, { id: "a", name: "f", response: { output: "1" } }),
    losses: [refused("turns", "The arguments of call a of f are not complete JSON.")],
  },
  {
    name: "a free-form tool is a function with one string, its calls too",
    given: {
      turns: [user("Hi"), assistant(call("a", "patch", "*** Begin", { kind: "custom" })), user(result("a", "ok", { kind: "custom" }))],
      tools: [customTool("patch", { description: "Patches.", grammar: { syntax: "lark", definition: "start: X" } })],
    },
    body: {
      ...calledContents({ id: "a", name: "patch", args: { input: "*** Begin" } }, { id: "a", name: "patch", response: { output: "ok" } }),
      tools: [
        {
          functionDeclarations: [
            {
              name: "patch",
              description: "Patches.\n\nThe input follows this lark grammar:\nstart: X",
              parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
            },
          ],
        },
      ],
    },
    losses: [reported("tools.patch", "Gemini cannot enforce a grammar on a tool; the grammar was added to the description.")],
  },
  {
    name: "names that Gemini does not take are fitted, in tools, choice and history alike",
    given: {
      turns: [user("Hi"), assistant(call("a", "mcp/read file", "{}")), user(result("a", "1"))],
      tools: [tool("mcp/read file"), tool("1st")],
      toolChoice: { type: "named", name: "mcp/read file" },
    },
    body: {
      ...calledContents(
        { id: "a", name: "mcp_read_file_ced71ffe", args: {} },
        { id: "a", name: "mcp_read_file_ced71ffe", response: { output: "1" } },
      ),
      tools: [
        {
          functionDeclarations: [
            { name: "mcp_read_file_ced71ffe", parametersJsonSchema: A_SCHEMA },
            { name: "_1st", parametersJsonSchema: A_SCHEMA },
          ],
        },
      ],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["mcp_read_file_ced71ffe"] } },
    },
  },
  {
    name: "a function without arguments has no schema",
    given: { tools: [tool("now", '{"type":"object","properties":{}}'), tool("then", null)] },
    body: { tools: [{ functionDeclarations: [{ name: "now" }, { name: "then" }] }] },
  },
  {
    name: "a model before 2.5 gets Google's subset, and what it lacks as words",
    given: {
      model: "gemini-2.0-flash",
      tools: [
        tool(
          "f",
          JSON.stringify({
            $schema: "https://json-schema.org/draft/2020-12/schema",
            type: "object",
            properties: {
              kind: { const: "a" },
              when: { type: ["string", "null"], format: "uri", description: "A link." },
              size: { type: "integer", exclusiveMinimum: 0 },
              who: { $ref: "#/$defs/person" },
              any: { oneOf: [{ type: "string" }, { type: "number" }] },
            },
            required: ["kind"],
            additionalProperties: false,
            $defs: { person: { type: "object", properties: { friend: { $ref: "#/$defs/person" }, name: { type: "string" } } } },
          }),
        ),
      ],
    },
    body: {
      tools: [
        {
          functionDeclarations: [
            {
              name: "f",
              parameters: {
                type: "OBJECT",
                properties: {
                  kind: { type: "STRING", enum: ["a"] },
                  when: { type: "STRING", description: 'A link. (format: "uri")', nullable: true },
                  size: { type: "INTEGER", description: "(exclusiveMinimum: 0)" },
                  who: { type: "OBJECT", properties: { friend: { type: "OBJECT" }, name: { type: "STRING" } } },
                  any: { anyOf: [{ type: "STRING" }, { type: "NUMBER" }] },
                },
                required: ["kind"],
              },
            },
          ],
        },
      ],
    },
    losses: [
      reported(
        "tools.f",
        "This Gemini model supports fewer schema keywords; format, exclusiveMinimum, a recursive $ref moved into a description.",
      ),
    ],
  },
  {
    name: "a search of the web alone is Google's, beside functions it is left out",
    given: {
      tools: [search({ blockedDomains: ["example.com"], maxUses: 3 })],
    },
    body: { tools: [{ googleSearch: { excludeDomains: ["example.com"] } }] },
    losses: [reported("tools.web_search", "Google's search accepts no allowed domains, location, context size or number of uses.")],
  },
  {
    name: "a search beside functions is left out and reported, never refused",
    given: {
      tools: [tool("f"), search({})],
    },
    body: { tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }] },
    losses: [reported("tools.web_search", "Gemini does not search while it has functions to call.")],
  },
  {
    name: "no tools, no choice; a demanded call without tools is refused",
    given: { toolChoice: { type: "required" } },
    body: {},
    losses: [refused("toolChoice", "A tool call is required, but Gemini has no tool to call.")],
  },
  {
    name: "none keeps the tools, one call at a time is reported",
    given: { tools: [tool("f")], toolChoice: { type: "none" }, parallelToolCalls: false },
    body: {
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }],
      toolConfig: { functionCallingConfig: { mode: "NONE" } },
    },
    losses: [reported("parallelToolCalls", "Gemini has no setting for one call at a time.")],
  },
  {
    name: "a subset that is not demanded is VALIDATED",
    given: { tools: [tool("f"), tool("g")], toolChoice: { type: "subset", names: ["g"], required: false } },
    body: {
      tools: [
        {
          functionDeclarations: [
            { name: "f", parametersJsonSchema: A_SCHEMA },
            { name: "g", parametersJsonSchema: A_SCHEMA },
          ],
        },
      ],
      toolConfig: { functionCallingConfig: { mode: "VALIDATED", allowedFunctionNames: ["g"] } },
    },
  },
  {
    name: "effort is a budget on 2.5",
    given: { reasoning: thinking({ effort: "medium" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 8192, includeThoughts: true } } },
  },
  {
    name: "a budget leaves room for the answer",
    given: { reasoning: thinking({ budgetTokens: 31_999, display: "none" }), maxOutputTokens: 4000 },
    body: { generationConfig: { maxOutputTokens: 4000, thinkingConfig: { thinkingBudget: 3999 } } },
  },
  {
    name: "off is the lowest budget where a model cannot stop thinking, and said",
    given: { reasoning: thinking({ mode: "off" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 128 } } },
    losses: [reported("reasoning", "This Gemini model cannot stop thinking; it got its lowest budget, 128 tokens.")],
  },
  {
    name: "off is 0 on Flash",
    given: { model: "gemini-2.5-flash", reasoning: thinking({ effort: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } },
  },
  {
    name: "a budget is a level on 3",
    given: { model: "gemini-3-flash-preview", reasoning: thinking({ budgetTokens: 400, display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "MINIMAL" } } },
  },
  {
    name: "minimal is the lowest level of a Pro",
    given: { model: "gemini-3-pro-preview", reasoning: thinking({ effort: "minimal", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW" } } },
  },
  {
    name: "medium of a Pro of 3.0 is the next level up",
    given: { model: "gemini-3-pro-preview", reasoning: thinking({ effort: "medium", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "HIGH" } } },
  },
  {
    name: "above the highest level is said",
    given: { model: "gemini-3.1-pro-preview", reasoning: thinking({ effort: "xhigh", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "HIGH" } } },
    losses: [reported("reasoning", "Gemini's highest level is HIGH, which replaced xhigh.")],
  },
  {
    name: "a model that does not think is not asked to",
    given: { model: "gemini-2.0-flash", reasoning: thinking({ effort: "high" }) },
    body: {},
    losses: [reported("reasoning", "This Gemini model does not think.")],
  },
  {
    name: "a JSON Schema for the answer, as it was written",
    given: { output: { type: "json-schema", name: "person", description: null, schema: '{"type":"object"}', strict: true } },
    body: { generationConfig: { responseMimeType: "application/json", responseJsonSchema: { type: "object" } } },
  },
  {
    name: "tools and a JSON format at once are for Gemini 3; an older one is told to answer with JSON",
    given: { tools: [tool("f")], output: { type: "json-object" } },
    body: {
      systemInstruction: { parts: [{ text: "Answer with one JSON object and nothing else: no introduction, no code fence." }] },
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }],
    },
    losses: [reported("output", "This Gemini model accepts tools or a JSON format, not both; it is told to answer with one JSON object.")],
  },
  {
    name: "numbers as they are, stop sequences five at most",
    given: { sampling: sampling({ temperature: 1.5, topP: 0.5, seed: 0, topLogprobs: 3 }), stop: ["a", "b", "", "c", "d", "e", "f"] },
    body: {
      generationConfig: {
        temperature: 1.5,
        topP: 0.5,
        seed: 0,
        stopSequences: ["a", "b", "c", "d", "e"],
        responseLogprobs: true,
        logprobs: 3,
      },
    },
    losses: [reported("stop", "Gemini accepts 5 stop sequences; the first ones were sent.")],
  },
  {
    name: "log probabilities of the chosen tokens alone",
    given: { sampling: sampling({ topLogprobs: 0 }) },
    body: { generationConfig: { responseLogprobs: true } },
    losses: [],
  },
  {
    name: "no tokens at all are refused",
    given: { maxOutputTokens: 0 },
    body: {},
    losses: [refused("maxOutputTokens", "Gemini cannot answer with no tokens at all.")],
  },
  {
    name: "tiers by their names; what only steers caches and accounts is dropped",
    given: {
      serviceTier: "default",
      verbosity: "low",
      store: true,
      endUser: "u",
      metadata: { a: "b" },
      cacheKey: "k",
      parallelToolCalls: true,
    },
    body: { serviceTier: "standard" },
    losses: [
      reported("verbosity", "Gemini has no setting for the length of an answer."),
      reported("store", "Gemini does not store answers."),
      dropped("endUser"),
      dropped("metadata"),
      dropped("cacheKey"),
    ],
  },
  {
    name: "a public address stays one, without a guessed type; a data URL is data",
    given: {
      turns: [
        user(
          image(url("https://example.com/picture"), { detail: "low" }),
          image(url(`data:image/png;charset=utf-8;base64,${PNG}`)),
          file(url("https://example.com/a.pdf?x=1"), { filename: "a.pdf" }),
        ),
      ],
    },
    body: {
      contents: [
        {
          role: "user",
          parts: [
            { fileData: { fileUri: "https://example.com/picture" } },
            { inlineData: { mimeType: "image/png", data: PNG } },
            { fileData: { mimeType: "application/pdf", fileUri: "https://example.com/a.pdf?x=1" } },
          ],
        },
      ],
    },
  },
  {
    name: "a document of text is text, with its title and what was said about it",
    given: {
      turns: [user(file({ type: "text", text: "Body." }, { filename: "Notes", context: "From Ada.", citations: true }))],
    },
    body: { contents: [{ role: "user", parts: [{ text: "From Ada." }, { text: "Notes\n\nBody." }] }] },
    losses: [reported("turns.citations", "Gemini does not cite documents in the conversation.")],
  },
  {
    name: "a file of another store and a part of another protocol are refused",
    given: {
      turns: [
        user(file({ type: "file-id", id: "file-1", owner: "openai-responses" }), {
          type: "opaque",
          protocol: "anthropic-messages",
          name: "container_upload",
          value: "{}",
          severity: "refused",
        }),
      ],
    },
    body: { contents: [{ role: "user", parts: [{ text: "[file that could not be sent]" }] }] },
    losses: [
      refused("turns.file", "Gemini cannot read the file: it is stored at another provider."),
      refused("turns.container_upload", "A part of type container_upload has meaning only in its own protocol."),
    ],
  },
  {
    name: "sounds, and images in the resolution that was asked for on 3",
    given: {
      model: "gemini-3-flash-preview",
      turns: [user({ type: "audio", source: base64("audio/wav", "AAAA") }, picture)],
    },
    body: {
      contents: [
        {
          role: "user",
          parts: [
            { inlineData: { mimeType: "audio/wav", data: "AAAA" } },
            { inlineData: { mimeType: "image/png", data: PNG }, mediaResolution: { level: "MEDIA_RESOLUTION_HIGH" } },
          ],
        },
      ],
    },
  },
  {
    name: "a strict tool is reported, a tool that another provider runs is left out",
    given: {
      tools: [
        aTool("f", { description: "Does f.", strict: true }),
        { type: "opaque", protocol: "openai-responses", name: "code_interpreter", value: "{}", severity: "reported" },
      ],
    },
    body: { tools: [{ functionDeclarations: [{ name: "f", description: "Does f." }] }] },
    losses: [
      reported("tools.code_interpreter", "Only its own provider runs code_interpreter; the model answers without it."),
      reported("tools.strict", "Gemini treats a function's schema as advice unless a call is forced."),
    ],
  },
  {
    name: "members of its own protocol go back to their place, others are said to be lost",
    given: {
      extensions: [
        {
          protocol: "gemini",
          field: "generationConfig.mediaResolution",
          value: '"MEDIA_RESOLUTION_LOW"',
          severity: "reported",
          reason: "own",
        },
        { protocol: "gemini", field: "labels", value: '{"a":"b"}', severity: "dropped", reason: "own" },
        { protocol: "openai-chat", field: "logit_bias", value: "{}", severity: "reported", reason: "No such switch." },
      ],
      losses: [reported("messages[0].name", "No names.")],
    },
    body: { generationConfig: { mediaResolution: "MEDIA_RESOLUTION_LOW" }, labels: { a: "b" } },
    losses: [reported("logit_bias", "No such switch."), reported("messages[0].name", "No names.")],
  },
];

for (const { name, given, body, losses } of ENCODED) {
  test(`encodes: ${name}`, () => {
    const asked = request({ model: "gemini-2.5-pro", turns: [user("Hi")], ...given });
    const encoded = gemini.request.encode(asked);
    assert.deepEqual(
      { body: JSON.parse(encoded.body), headers: encoded.headers, losses: encoded.losses },
      {
        body: { model: asked.model, ...HI, ...body },
        headers: {},
        losses: losses ?? [],
      },
    );
  });
}
