// Requests of Gemini's clients -> canonical, and what routing needs to know of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../../src/errors.ts";
import type { CanonicalRequest } from "../../../src/protocol/canonical.ts";
import type { WireRequest } from "../../../src/protocol/codec.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import {
  anthropic,
  assistant,
  base64,
  call,
  google,
  image,
  reasoning,
  request,
  result,
  sampling,
  text,
  tool,
  user,
} from "../../support/canonical.ts";

const sent = (body: unknown, path: WireRequest["path"] = { model: "gemini-2.5-pro", stream: false }): WireRequest => ({
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers: {},
  path,
});
const asked = (more: Partial<CanonicalRequest> = {}): CanonicalRequest =>
  request({ model: "gemini-2.5-pro", turns: [user("Hi")], includeUsage: true, ...more });
const decode = (body: unknown, model = "gemini-2.5-pro"): CanonicalRequest => gemini.request.decode(sent(body, { model, stream: false }));
const HI = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
const SEALED = btoa(`gw1.anthropic.${btoa("claude's own").replace(/=+$/, "")}`);
const claude = anthropic("claude's own");

// ---- A smallest request -------------------------------------------------------------------------------------------

test("a smallest request decodes to a value that says nothing else", () => {
  const { names, ...rest } = decode(HI);
  assert.equal(names.topK, "generationConfig.topK");
  const { names: _, ...expected } = asked();
  assert.deepEqual(rest, expected);
});

// ---- Decode: rows ------------------------------------------------------------------------------------------------

interface DecodeRow {
  readonly name: string;
  readonly body: object;
  readonly model?: string;
  readonly expected: Partial<CanonicalRequest>;
}

const PARALLEL = [
  { functionCall: { name: "weather", args: { place: "Paris" } } },
  { functionCall: { name: "clock", args: {} } },
  { functionCall: { name: "weather", args: { place: "Rome" } } },
];

const DECODED: readonly DecodeRow[] = [
  {
    name: "snake_case and camelCase are one",
    body: {
      contents: [{ role: "user", parts: [{ inline_data: { mime_type: "image/png", data: "AAAA" } }] }],
      system_instruction: { parts: [{ text: "Be brief." }] },
      generation_config: { top_k: 4, thinking_config: { thinking_budget: 0 } },
    },
    expected: {
      system: [text("Be brief.")],
      turns: [user(image(base64("image/png", "AAAA")))],
      sampling: sampling({ topK: 4 }),
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: "none" },
    },
  },
  {
    name: "calls without ids get the same ones from their place, results are paired by name and order",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: PARALLEL },
        {
          role: "user",
          parts: [
            { functionResponse: { name: "weather", response: { output: "rain" } } },
            { functionResponse: { name: "weather", response: { output: "sun" } } },
            { functionResponse: { name: "clock", response: { output: "12:00" } } },
          ],
        },
      ],
    },
    expected: {
      turns: [
        user("Hi"),
        assistant(
          call("call_1_0", "weather", '{"place":"Paris"}'),
          call("call_1_1", "clock", "{}"),
          call("call_1_2", "weather", '{"place":"Rome"}'),
        ),
        user(
          result("call_1_0", "rain", { name: "weather" }),
          result("call_1_2", "sun", { name: "weather" }),
          result("call_1_1", "12:00", { name: "clock" }),
        ),
      ],
    },
  },
  {
    name: "a second result with the id of a call that is answered answers no other call",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ functionCall: { id: "a", name: "f" } }, { functionCall: { id: "b", name: "f" } }] },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "f", response: { output: "1" } } },
            { functionResponse: { id: "a", name: "f", response: { output: "2" } } },
            { functionResponse: { id: "b", name: "f", response: { output: "3" } } },
          ],
        },
      ],
    },
    expected: {
      turns: [
        user("Hi"),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("a", "1", { name: "f" }), result("a", "2", { name: "f" }), result("b", "3", { name: "f" })),
      ],
    },
  },
  {
    name: "results are their output, their error or the whole object; an error beside data is data",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: ["a", "b", "c", "d", "e"].map((id) => ({ functionCall: { id, name: id } })) },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "a", name: "a", response: { output: "done" } } },
            { functionResponse: { id: "b", name: "b", response: { error: "broken" } } },
            { functionResponse: { id: "c", name: "c", response: { error: null, rows: [1, 2] } } },
            { functionResponse: { id: "d", name: "d", response: { output: [1, 2] } } },
            { functionResponse: { id: "e", name: "e", response: {} } },
          ],
        },
      ],
    },
    expected: {
      turns: [
        user("Hi"),
        assistant(...["a", "b", "c", "d", "e"].map((id) => call(id, id, "{}"))),
        user(
          result("a", "done", { name: "a" }),
          result("b", "broken", { name: "b", isError: true }),
          result("c", '{"error":null,"rows":[1,2]}', { name: "c" }),
          result("d", "[1,2]", { name: "d" }),
          result("e", "{}", { name: "e" }),
        ),
      ],
    },
  },
  {
    name: "a foreign proof in a signature is opened, Google's own stays, its word for none is none",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        {
          role: "model",
          parts: [
            { text: "Hm.", thought: true },
            { text: "", thought: true, thoughtSignature: SEALED },
            { text: "", thoughtSignature: SEALED },
            { text: "Yes.", thoughtSignature: "R29vZ2xl" },
            { functionCall: { id: "a", name: "f" }, thoughtSignature: "skip_thought_signature_validator" },
          ],
        },
        { role: "user", parts: [{ functionResponse: { id: "a", name: "f", response: { output: "1" } } }] },
      ],
    },
    expected: {
      turns: [
        user("Hi"),
        assistant(
          reasoning("Hm.", { proof: claude }),
          reasoning("", { proof: claude, redacted: true }),
          text("Yes.", { proof: google("R29vZ2xl") }),
          call("a", "f", "{}"),
        ),
        user(result("a", "1", { name: "f" })),
      ],
    },
  },
  {
    name: "each event of an answer, echoed as a content of its own, is one turn again",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hel" }] },
        { role: "model", parts: [{ text: "lo" }] },
        { role: "model", parts: [{ text: "", thoughtSignature: "R29vZ2xl" }] },
        { role: "model", parts: [{ text: "" }] },
        { role: "user", parts: [{ text: "Go on" }] },
      ],
    },
    expected: { turns: [user("Hi"), assistant(text("Hello", { proof: google("R29vZ2xl") })), user("Go on")] },
  },
  {
    name: "instructions as a list of strings and parts, empty ones left out",
    body: { ...HI, systemInstruction: ["Be brief.", { text: "Be kind." }, ""] },
    expected: { system: [text("Be brief."), text("Be kind.")] },
  },
  {
    name: "Google's schema words become JSON Schema's",
    body: {
      ...HI,
      tools: [
        {
          functionDeclarations: [
            {
              name: "f",
              parameters: {
                type: "OBJECT",
                properties: { a: { type: "INTEGER", nullable: true, format: "int64" } },
                propertyOrdering: ["a"],
              },
            },
          ],
        },
      ],
    },
    expected: { tools: [tool("f", { schema: '{"type":"object","properties":{"a":{"type":["integer","null"],"format":"int64"}}}' })] },
  },
  {
    name: "a level in lower case, as some clients write it, with thoughts shown",
    body: { ...HI, generationConfig: { thinkingConfig: { includeThoughts: true, thinkingLevel: "high" } } },
    expected: { reasoning: { mode: "on", effort: "high", budgetTokens: null, display: "auto" } },
  },
  {
    name: "-1 is as much as the model wants, thoughts are kept to itself unless asked for",
    body: { ...HI, generationConfig: { thinkingConfig: { thinkingBudget: -1 } } },
    expected: { reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "none" } },
  },
  {
    name: "log probabilities, of the chosen tokens alone or with others",
    body: { ...HI, generationConfig: { responseLogprobs: true } },
    expected: { sampling: sampling({ topLogprobs: 0 }) },
  },
  {
    name: "a schema in Google's subset",
    body: {
      ...HI,
      generationConfig: { responseMimeType: "application/json", responseSchema: { type: "ARRAY", items: { type: "STRING" } } },
    },
    expected: {
      output: { type: "json-schema", name: null, description: null, schema: '{"type":"array","items":{"type":"string"}}', strict: null },
    },
  },
  {
    name: "VALIDATED without names is a choice of its own",
    body: { ...HI, toolConfig: { functionCallingConfig: { mode: "VALIDATED" } } },
    expected: {
      toolChoice: { type: "validated" },
    },
  },
  {
    name: "settings that filter less than the default are reported",
    body: { ...HI, safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }] },
    expected: {
      extensions: [
        {
          protocol: "gemini",
          field: "safetySettings",
          value: '[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}]',
          severity: "reported",
          reason: "Only Gemini's own models have these safety settings.",
        },
      ],
    },
  },
  {
    name: "settings that filter more than the default are refused",
    body: { ...HI, safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_LOW_AND_ABOVE" }] },
    expected: {
      extensions: [
        {
          protocol: "gemini",
          field: "safetySettings",
          value: '[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_LOW_AND_ABOVE"}]',
          severity: "refused",
          reason: "This model's provider cannot promise to filter as strictly as these settings ask.",
        },
      ],
    },
  },
  {
    name: "members that nobody knows are kept for Gemini and reported to others",
    body: { ...HI, somethingNew: { a: 1 }, generationConfig: { audioTimestamp: true, candidateCount: 1, responseModalities: ["TEXT"] } },
    expected: {
      extensions: [
        {
          protocol: "gemini",
          field: "generationConfig.audioTimestamp",
          value: "true",
          severity: "reported",
          reason: "Only Gemini's own models read audio timestamps.",
        },
        {
          protocol: "gemini",
          field: "somethingNew",
          value: '{"a":1}',
          severity: "reported",
          reason: "This gateway does not know this member.",
        },
      ],
    },
  },
  {
    name: "members inside of tools, results and the tool config that nobody knows are reported with their path",
    body: {
      contents: [{ role: "user", parts: [{ functionResponse: { id: "a", name: "f", response: { output: "1" }, willContinue: true } }] }],
      tools: [
        { functionDeclarations: [{ name: "f", response: { type: "STRING" } }] },
        { googleSearch: { excludeDomains: ["example.com"], timeRangeFilter: {} }, codeExecution: {} },
      ],
      toolConfig: { functionCallingConfig: { mode: "AUTO", somethingNew: 1 }, retrievalConfig: {} },
    },
    expected: {
      turns: [user(result("a", "1", { name: "f" }))],
      tools: [
        tool("f"),
        { type: "web-search", allowedDomains: [], blockedDomains: ["example.com"], location: null, contextSize: null, maxUses: null },
        { type: "opaque", protocol: "gemini", name: "codeExecution", value: "{}", severity: "reported" },
      ],
      toolChoice: { type: "auto" },
      extensions: [
        {
          protocol: "gemini",
          field: "toolConfig.retrievalConfig",
          value: "{}",
          severity: "reported",
          reason: "Only Google's own retrieval tools know it.",
        },
        {
          protocol: "gemini",
          field: "toolConfig.functionCallingConfig.somethingNew",
          value: "1",
          severity: "reported",
          reason: "This gateway does not know this member.",
        },
      ],
      losses: [
        {
          field: "contents[0].parts[0].functionResponse.willContinue",
          severity: "reported",
          reason: "Other protocols have one result a call, given at once.",
        },
        {
          field: "tools[0].functionDeclarations[0].response",
          severity: "reported",
          reason: "Other protocols describe what a function takes, not what it gives.",
        },
        { field: "tools[1].googleSearch.timeRangeFilter", severity: "reported", reason: "Only Google's own search knows it." },
      ],
    },
  },
  {
    name: "more than one answer, and answers that are no text, are refused",
    body: { ...HI, generationConfig: { candidateCount: 2, responseModalities: ["TEXT", "IMAGE"] } },
    expected: {
      extensions: [
        {
          protocol: "gemini",
          field: "generationConfig.candidateCount",
          value: "2",
          severity: "refused",
          reason: "This model gives one answer a call.",
        },
        {
          protocol: "gemini",
          field: "generationConfig.responseModalities",
          value: '["TEXT","IMAGE"]',
          severity: "refused",
          reason: "This model answers only in text.",
        },
      ],
    },
  },
  {
    name: "a kind of answer that nobody knows is asked for beside text: reported",
    body: { ...HI, generationConfig: { responseModalities: ["Text", "SMELL"] } },
    expected: {
      extensions: [
        {
          protocol: "gemini",
          field: "generationConfig.responseModalities",
          value: '["Text","SMELL"]',
          severity: "reported",
          reason: "This model answers only in text.",
        },
      ],
    },
  },
  {
    name: "the signature of a picture is nobody's but Google's",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Draw." }] },
        { role: "model", parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" }, thoughtSignature: "c2ln" }] },
      ],
    },
    expected: {
      turns: [user("Draw."), assistant(image(base64("image/png", "AAAA")))],
      losses: [
        {
          field: "contents[1].parts[0].thoughtSignature",
          severity: "dropped",
          reason: "A picture's signature goes back only to Google, together with the picture.",
        },
      ],
    },
  },
  {
    name: "what is said about media beside their content is reported",
    body: { contents: [{ role: "user", parts: [{ inlineData: { mimeType: "video/mp4", data: "AAAA" }, videoMetadata: { fps: 1 } }] }] },
    expected: {
      turns: [user({ type: "video", source: base64("video/mp4", "AAAA") })],
      losses: [{ field: "contents[0].parts[0].videoMetadata", severity: "reported", reason: "Only Gemini cuts videos this way." }],
    },
  },
  {
    name: "a page of YouTube is a video, a file of Google's store goes back to Google alone",
    body: {
      contents: [
        {
          role: "user",
          parts: [{ fileData: { fileUri: "https://www.youtube.com/watch?v=abc" } }, { fileData: { fileUri: "gs://bucket/a.pdf" } }],
        },
      ],
    },
    expected: {
      turns: [
        user(
          { type: "video", source: { type: "url", url: "https://www.youtube.com/watch?v=abc", mediaType: null } },
          {
            type: "opaque",
            protocol: "gemini",
            name: "fileData",
            value: '{"fileData":{"fileUri":"gs://bucket/a.pdf"}}',
            severity: "refused",
          },
        ),
      ],
    },
  },
];

for (const { name, body, expected } of DECODED) {
  test(`decodes: ${name}`, () => {
    const { names: _, ...found } = decode(body);
    const { names: __, ...whole } = asked(expected);
    assert.deepEqual(found, whole);
  });
}

test("arguments and schemas keep their text", () => {
  const args = '{ "id" : 12345678901234567890, "b":1.50, "a":"\\u0041" }';
  const schema = '{ "type":"object", "properties":{ "b":{}, "a":{} } }';
  const body = `{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"x","name":"f","args":${args}}}]}],
    "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":${schema}}]}]}`;
  const found = decode(body);
  assert.deepEqual(found.turns, [user("Hi"), assistant(call("x", "f", args))]);
  assert.deepEqual(found.tools, [tool("f", { schema: schema })]);
  const again = gemini.request.encode(found).body;
  assert.ok(again.includes(args) && again.includes(schema), again);
});

const REJECTED: readonly (readonly [name: string, body: unknown, param: string])[] = [
  ["no contents", {}, "contents"],
  ["contents as a string", { contents: "Hi" }, "contents"],
  ["an unknown role", { contents: [{ role: "system", parts: [] }] }, "contents[0].role"],
  ["a text that is a number", { contents: [{ parts: [{ text: 1 }] }] }, "contents[0].parts[0].text"],
  [
    "arguments as a string",
    { contents: [{ role: "model", parts: [{ functionCall: { name: "f", args: "{}" } }] }] },
    "contents[0].parts[0].functionCall.args",
  ],
  [
    "a call without a name",
    { contents: [{ role: "model", parts: [{ functionCall: { args: {} } }] }] },
    "contents[0].parts[0].functionCall.name",
  ],
  [
    "a result that is a string",
    { contents: [{ parts: [{ functionResponse: { name: "f", response: "done" } }] }] },
    "contents[0].parts[0].functionResponse.response",
  ],
  [
    "a result whose part holds no media",
    { contents: [{ parts: [{ functionResponse: { name: "f", response: {}, parts: [{ text: "x" }] } }] }] },
    "contents[0].parts[0].functionResponse.parts[0].inlineData",
  ],
  ["a mode that is a number", { ...HI, toolConfig: { functionCallingConfig: { mode: 3 } } }, "toolConfig.functionCallingConfig.mode"],
  [
    "a level that is a number",
    { ...HI, generationConfig: { thinkingConfig: { thinkingLevel: 3 } } },
    "generationConfig.thinkingConfig.thinkingLevel",
  ],
  ["both spellings at once", { ...HI, systemInstruction: "a", system_instruction: "b" }, "system_instruction"],
];

for (const [name, body, param] of REJECTED) {
  test(`a request with ${name} is a 400 that names ${param}`, () => {
    assert.throws(
      () => decode(body),
      (error) => error instanceof GatewayError && error.kind === "invalid-request" && error.param === param,
    );
  });
}

test("model and stream switch come from the path, or from the body where there is none", () => {
  const body = JSON.stringify({ model: "models/gemini-3-pro", stream: true, ...HI });
  const conversation = '{"role":"user","parts":[{"text":"Hi"}]}';
  assert.deepEqual(gemini.request.head(sent(body, { model: "models/gemini-2.5-flash", stream: false })), {
    model: "gemini-2.5-flash",
    stream: false,
    conversation,
  });
  assert.deepEqual(gemini.request.head(sent(body, null)), { model: "gemini-3-pro", stream: true, conversation });
  assert.throws(() => gemini.request.head(sent(HI, null)), /^GatewayError: model must be a model name in the path: /);
});

test("a body that is not quite JSON, or has a member twice, is refused before it is routed", () => {
  const bodies = ['{"contents":[],}', '\uFEFF{"contents":[]}', '{"contents":[],"contents":[]}', "[]", ""];
  for (const body of bodies) assert.throws(() => gemini.request.head(sent(body)), GatewayError, body);
});
