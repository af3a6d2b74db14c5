// Gemini's codec, what an upstream gets: encode, with what is lost on the way.
// Numbers in the names are those of the specification's table of pitfalls, letters its mapping tables.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest, Loss } from "../../../src/protocol/canonical.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { asked, assistant, call, NO_SAMPLING, result, system, text, thought, tool, user } from "../../support/gemini.ts";

const HI = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
const google = (data: string) => ({ origin: "google", data }) as const;
const claude = { origin: "anthropic", data: "claude's own" } as const;

interface EncodeRow {
  readonly name: string;
  readonly said: Partial<CanonicalRequest>;
  /** Members beside `model`; `contents` only where it is not the smallest. */
  readonly body: object;
  readonly losses?: readonly Loss[];
}

const CALLED = [user(text("Hi")), assistant(call("toolu_1", "f", '{"a":1}')), user(result("toolu_1", "done"))];
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
  reason: "Gemini has no place for it, and answers the same without.",
});
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB";
const image = { type: "image", source: { type: "base64", mediaType: "image/jpg", data: PNG }, detail: "high", cache: null } as const;
const A_SCHEMA = { type: "object", properties: { a: { type: "string" } } };
const reasoning = (said: Partial<NonNullable<CanonicalRequest["reasoning"]>>): CanonicalRequest["reasoning"] => ({
  mode: "on",
  effort: null,
  budgetTokens: null,
  display: null,
  ...said,
});

const ENCODED: readonly EncodeRow[] = [
  { name: "A.1: model and stream switch in the body", said: { stream: true }, body: { stream: true } },
  {
    name: "A.2, 3: leading instructions block by block",
    said: { system: [text("Be brief."), text(""), text("Be kind.")] },
    body: { systemInstruction: { parts: [{ text: "Be brief." }, { text: "Be kind." }] } },
  },
  {
    name: "1: a system message in the middle stays where it is, as the user's",
    said: { turns: [user(text("Hi")), assistant(text("Hello")), system("Speak French."), user(text("Well?"))] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hello" }] },
        { role: "user", parts: [{ text: "Speak French." }, { text: "Well?" }] },
      ],
    },
  },
  {
    name: "21: a system message behind results gets a content of its own, and its effort counts",
    said: {
      turns: [user(text("Hi")), assistant(call("c", "f", "{}")), user(result("c", "done"), text("And?")), system("Think.", "low")],
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
    name: "4: without a user turn there is one",
    said: { turns: [], system: [text("Hi")] },
    body: { systemInstruction: { parts: [{ text: "Hi" }] }, contents: [{ role: "user", parts: [{ text: "." }] }] },
  },
  {
    name: "20: a history that begins with the assistant gets a user turn in front",
    said: { turns: [assistant(text("Hello")), user(text("Hi"))] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "." }] },
        { role: "model", parts: [{ text: "Hello" }] },
        { role: "user", parts: [{ text: "Hi" }] },
      ],
    },
  },
  {
    name: "18: a history that ends with the assistant goes on",
    said: { turns: [user(text("Hi")), assistant(text("Hel"))] },
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hel" }] },
        { role: "user", parts: [{ text: "Continue." }] },
      ],
    },
  },
  {
    name: "74: a result has the name of its call",
    said: { turns: CALLED },
    body: calledContents({ id: "toolu_1", name: "f", args: { a: 1 } }, { id: "toolu_1", name: "f", response: { output: "done" } }),
  },
  {
    name: "170: ids that this gateway made are not said",
    said: { turns: [user(text("Hi")), assistant(call("call_1_0", "f", "")), user(result("call_1_0", "done"))] },
    body: calledContents({ name: "f", args: {} }, { name: "f", response: { output: "done" } }),
  },
  {
    name: "75, 41, 42: results that are no object are wrapped, objects that would be misread too",
    said: {
      turns: [
        user(text("Hi")),
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
    name: "76, 10, 12: results of one step stand together; a missing one says so, one without a call becomes text",
    said: {
      turns: [
        user(text("Hi")),
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
    losses: [refused("turns", "Call a of f has no result."), refused("turns", "The result for z answers no call before it.")],
  },
  {
    name: "39: on Gemini 2 the image of a result follows behind all results, with its call's name",
    said: {
      turns: [user(text("Hi")), assistant(call("a", "look", "{}")), user(result("a", "", { content: [text("one"), text("two"), image] }))],
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
    name: "39, 88: on Gemini 3 the image stands in the result, and a call without a signature has Google's word for that",
    said: {
      model: "gemini-3-flash-preview",
      turns: [user(text("Hi")), assistant(call("a", "look", "{}")), user(result("a", "", { content: [image] }))],
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
    name: "88: only the first call of a step, and only where there is no signature of Google",
    said: {
      model: "gemini-3-flash-preview",
      turns: [
        user(text("Hi")),
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
    name: "77, 85: signatures on the part that they came with, foreign ones and thoughts that nobody can read left out",
    said: {
      turns: [
        user(text("Hi")),
        assistant(
          thought("Hm.", google("R29v")),
          thought("Well.", claude),
          thought("", claude, true),
          thought("", google("QUJD"), true),
          text("Yes.", { proof: google("REVG") }),
          text(""),
        ),
        user(text("OK")),
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
    name: "A.8: a signature that a client carried in front of a call goes back onto the call",
    said: {
      model: "gemini-3-pro-preview",
      turns: [user(text("Hi")), assistant(thought("", google("R29v"), true), call("a", "f", "{}")), user(result("a", "1"))],
    },
    body: calledContents({ id: "a", name: "f", args: {} }, { id: "a", name: "f", response: { output: "1" } }, { thoughtSignature: "R29v" }),
  },
  {
    name: "71, 72: no arguments are an empty object, broken ones are not repaired",
    said: { turns: [user(text("Hi")), assistant(call("a", "f", '{"a":')), user(result("a", "1"))] },
    body: calledContents({ id: "a", name: "f", args: { _raw: '{"a":' } }, { id: "a", name: "f", response: { output: "1" } }),
    losses: [refused("turns", "The arguments of call a of f are not complete JSON.")],
  },
  {
    name: "67: a free-form tool is a function with one string, its calls too",
    said: {
      turns: [
        user(text("Hi")),
        assistant(call("a", "patch", "*** Begin", { kind: "custom" })),
        user(result("a", "ok", { kind: "custom" })),
      ],
      tools: [
        { type: "custom", name: "patch", namespace: null, description: "Patches.", grammar: { syntax: "lark", definition: "start: X" } },
      ],
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
    losses: [reported("tools[0]", "Gemini holds no tool to a grammar; it went into the description.")],
  },
  {
    name: "48: names that Gemini does not take are fitted, in tools, choice and history alike",
    said: {
      turns: [user(text("Hi")), assistant(call("a", "mcp/read file", "{}")), user(result("a", "1"))],
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
    name: "51: a function without arguments has no schema",
    said: { tools: [tool("now", '{"type":"object","properties":{}}'), tool("then", null)] },
    body: { tools: [{ functionDeclarations: [{ name: "now" }, { name: "then" }] }] },
  },
  {
    name: "53: a model before 2.5 gets Google's subset, and what it lacks as words",
    said: {
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
        "tools[0]",
        "This Gemini model takes a smaller schema language; format, exclusiveMinimum, a recursive $ref became words in a description.",
      ),
    ],
  },
  {
    name: "A.5: a search of the web alone is Google's, beside functions it is left out",
    said: {
      tools: [{ type: "web-search", allowedDomains: [], blockedDomains: ["example.com"], location: null, contextSize: null, maxUses: 3 }],
    },
    body: { tools: [{ googleSearch: { excludeDomains: ["example.com"] } }] },
    losses: [reported("tools.web_search", "Google's search takes no allowed domains, location, context size or number of uses.")],
  },
  {
    name: "69: a search beside functions is left out and reported, never refused",
    said: {
      tools: [tool("f"), { type: "web-search", allowedDomains: [], blockedDomains: [], location: null, contextSize: null, maxUses: null }],
    },
    body: { tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }] },
    losses: [reported("tools.web_search", "Gemini does not search while it has functions to call.")],
  },
  {
    name: "60: no tools, no choice; a demanded call without tools is refused",
    said: { toolChoice: { type: "required" } },
    body: {},
    losses: [refused("toolChoice", "A call is demanded, but Gemini got no tool that it could call.")],
  },
  {
    name: "61, 63: none keeps the tools, one call at a time is reported",
    said: { tools: [tool("f")], toolChoice: { type: "none" }, parallelToolCalls: false },
    body: {
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }],
      toolConfig: { functionCallingConfig: { mode: "NONE" } },
    },
    losses: [reported("parallelToolCalls", "Gemini has no switch for one call at a time.")],
  },
  {
    name: "A.6: a subset that is not demanded is VALIDATED",
    said: { tools: [tool("f"), tool("g")], toolChoice: { type: "subset", names: ["g"], required: false } },
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
    name: "A.8: effort is a budget on 2.5",
    said: { reasoning: reasoning({ effort: "medium" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 8192, includeThoughts: true } } },
  },
  {
    name: "90: a budget leaves room for the answer",
    said: { reasoning: reasoning({ budgetTokens: 31_999, display: "none" }), maxOutputTokens: 4000 },
    body: { generationConfig: { maxOutputTokens: 4000, thinkingConfig: { thinkingBudget: 3999 } } },
  },
  {
    name: "92: off is the lowest budget where a model cannot stop thinking, and said",
    said: { reasoning: reasoning({ mode: "off" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 128 } } },
    losses: [reported("reasoning", "This Gemini model cannot stop thinking; it got its lowest budget, 128 tokens.")],
  },
  {
    name: "92: off is 0 on Flash",
    said: { model: "gemini-2.5-flash", reasoning: reasoning({ effort: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } },
  },
  {
    name: "A.8: a budget is a level on 3",
    said: { model: "gemini-3-flash-preview", reasoning: reasoning({ budgetTokens: 400, display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "MINIMAL" } } },
  },
  {
    name: "91: minimal is the lowest level of a Pro",
    said: { model: "gemini-3-pro-preview", reasoning: reasoning({ effort: "minimal", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW" } } },
  },
  {
    name: "A.8: medium of a Pro of 3.0 is the next level up",
    said: { model: "gemini-3-pro-preview", reasoning: reasoning({ effort: "medium", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "HIGH" } } },
  },
  {
    name: "A.8: above the highest level is said",
    said: { model: "gemini-3.1-pro-preview", reasoning: reasoning({ effort: "xhigh", display: "none" }) },
    body: { generationConfig: { thinkingConfig: { thinkingLevel: "HIGH" } } },
    losses: [reported("reasoning", "Gemini's highest level is HIGH; xhigh became that.")],
  },
  {
    name: "A.8: a model that does not think is not asked to",
    said: { model: "gemini-2.0-flash", reasoning: reasoning({ effort: "high" }) },
    body: {},
    losses: [reported("reasoning", "This Gemini model does not think.")],
  },
  {
    name: "107: a JSON Schema for the answer, as it was written",
    said: { output: { type: "json-schema", name: "person", description: null, schema: '{"type":"object"}', strict: true } },
    body: { generationConfig: { responseMimeType: "application/json", responseJsonSchema: { type: "object" } } },
  },
  {
    name: "A.9: tools and a JSON format at once are for Gemini 3; an older one is told to answer with JSON",
    said: { tools: [tool("f")], output: { type: "json-object" } },
    body: {
      systemInstruction: { parts: [{ text: "Answer with one JSON object and nothing else: no introduction, no code fence." }] },
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: A_SCHEMA }] }],
    },
    losses: [reported("output", "This Gemini model takes tools or a JSON format, not both; it is told to answer with one JSON object.")],
  },
  {
    name: "A.10: numbers as they are, stop sequences five at most",
    said: { sampling: { ...NO_SAMPLING, temperature: 1.5, topP: 0.5, seed: 0, topLogprobs: 3 }, stop: ["a", "b", "", "c", "d", "e", "f"] },
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
    losses: [reported("stop", "Gemini takes 5 stop sequences; the first ones were sent.")],
  },
  {
    name: "A.10: log probabilities of the chosen tokens alone",
    said: { sampling: { ...NO_SAMPLING, topLogprobs: 0 } },
    body: { generationConfig: { responseLogprobs: true } },
    losses: [],
  },
  {
    name: "96: no tokens at all are refused",
    said: { maxOutputTokens: 0 },
    body: {},
    losses: [refused("maxOutputTokens", "Gemini cannot answer with no tokens at all.")],
  },
  {
    name: "A.12, A.13: tiers by their names; what only steers caches and accounts is dropped",
    said: {
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
      reported("verbosity", "Gemini has no switch for how much it says."),
      reported("store", "Gemini keeps no answers for later."),
      dropped("endUser"),
      dropped("metadata"),
      dropped("cacheKey"),
    ],
  },
  {
    name: "34, 31: a public address stays one, without a guessed type; a data URL is data",
    said: {
      turns: [
        user(
          { type: "image", source: { type: "url", url: "https://example.com/picture", mediaType: null }, detail: "low", cache: null },
          {
            type: "image",
            source: { type: "url", url: `data:image/png;charset=utf-8;base64,${PNG}`, mediaType: null },
            detail: null,
            cache: null,
          },
          {
            type: "file",
            source: { type: "url", url: "https://example.com/a.pdf?x=1", mediaType: null },
            filename: "a.pdf",
            context: null,
            citations: null,
            cache: null,
          },
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
    name: "43: a document of text is text, with its title and what was said about it",
    said: {
      turns: [
        user({
          type: "file",
          source: { type: "text", text: "Body." },
          filename: "Notes",
          context: "From Ada.",
          citations: true,
          cache: null,
        }),
      ],
    },
    body: { contents: [{ role: "user", parts: [{ text: "From Ada." }, { text: "Notes\n\nBody." }] }] },
    losses: [reported("turns.citations", "Gemini does not cite from documents in the conversation.")],
  },
  {
    name: "A.4: a file of another store and a part of another protocol are refused",
    said: {
      turns: [
        user(
          {
            type: "file",
            source: { type: "file-id", id: "file-1", owner: "openai-responses" },
            filename: null,
            context: null,
            citations: null,
            cache: null,
          },
          { type: "opaque", protocol: "anthropic-messages", name: "container_upload", value: "{}", severity: "refused" },
        ),
      ],
    },
    body: { contents: [{ role: "user", parts: [{ text: "[file that could not be sent]" }] }] },
    losses: [
      refused("turns.file", "Gemini cannot read the file: it lives in another provider's store."),
      refused("turns.container_upload", "A part of type container_upload means something in its own protocol alone."),
    ],
  },
  {
    name: "A.4: sounds, and images in the resolution that was asked for on 3",
    said: {
      model: "gemini-3-flash-preview",
      turns: [user({ type: "audio", source: { type: "base64", mediaType: "audio/wav", data: "AAAA" } }, image)],
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
    name: "A.5: a strict tool is reported, a tool that another provider runs is refused",
    said: {
      tools: [
        { type: "function", name: "f", namespace: null, description: "Does f.", schema: null, strict: true, cache: null },
        { type: "opaque", protocol: "openai-responses", name: "code_interpreter", value: "{}", severity: "refused" },
      ],
    },
    body: { tools: [{ functionDeclarations: [{ name: "f", description: "Does f." }] }] },
    losses: [
      reported("tools.strict", "Gemini takes a function's schema as advice unless a call is forced."),
      refused("tools.code_interpreter", "code_interpreter is a tool that only its own provider runs."),
    ],
  },
  {
    name: "115: members of its own protocol go back to their place, others are said to be lost",
    said: {
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

for (const { name, said, body, losses } of ENCODED) {
  test(`encodes ${name}`, () => {
    const request = asked(said);
    const encoded = gemini.request.encode(request);
    assert.deepEqual(
      { body: JSON.parse(encoded.body), headers: encoded.headers, losses: encoded.losses },
      {
        body: { model: request.model, ...HI, ...body },
        headers: {},
        losses: losses ?? [],
      },
    );
  });
}
