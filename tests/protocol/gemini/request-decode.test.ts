// Gemini's codec, requests of clients: decode, head, and the named edits. What an upstream gets is in gemini-encode.test.ts.
// Numbers in the names are those of the specification's table of pitfalls, letters its mapping tables.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { GenerateContentConfig } from "@google/genai";
import { GatewayError } from "../../../src/errors.ts";
import type { CanonicalRequest } from "../../../src/protocol/canonical.ts";
import { gemini } from "../../../src/protocol/gemini/codec.ts";
import { UNSIGNED } from "../../../src/protocol/gemini/seals.ts";
import { FIELDS } from "../../../src/protocol/gemini/wire.ts";
import { asked, assistant, call, NO_SAMPLING, result, sent, text, thought, tool, user } from "../../support/gemini.ts";

const decode = (body: unknown, model = "gemini-2.5-pro"): CanonicalRequest => gemini.request.decode(sent(body, { model, stream: false }));
const HI = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
const google = (data: string) => ({ origin: "google", data }) as const;
const SEALED = btoa(`gw1.anthropic.${btoa("claude's own").replace(/=+$/, "")}`);
const claude = { origin: "anthropic", data: "claude's own" } as const;

// ---- Decode: the whole value -------------------------------------------------------------------------------------

test("a smallest request decodes to a value that says nothing else", () => {
  const { names, ...rest } = decode(HI);
  assert.equal(names.topK, "generationConfig.topK");
  const { names: _, ...expected } = asked({ includeUsage: true });
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
    name: "29: snake_case and camelCase are one",
    body: {
      contents: [{ role: "user", parts: [{ inline_data: { mime_type: "image/png", data: "AAAA" } }] }],
      system_instruction: { parts: [{ text: "Be brief." }] },
      generation_config: { top_k: 4, thinking_config: { thinking_budget: 0 } },
    },
    expected: {
      system: [text("Be brief.")],
      turns: [user({ type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null })],
      sampling: { ...NO_SAMPLING, topK: 4 },
      reasoning: { mode: "off", effort: null, budgetTokens: null, display: "none" },
    },
  },
  {
    name: "170: calls without ids get the same ones from their place, results are paired by name and order",
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
        user(text("Hi")),
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
    name: "11: a second result with the id of a call that is answered answers no other call",
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
        user(text("Hi")),
        assistant(call("a", "f", "{}"), call("b", "f", "{}")),
        user(result("a", "1", { name: "f" }), result("a", "2", { name: "f" }), result("b", "3", { name: "f" })),
      ],
    },
  },
  {
    name: "A.7: results are their output, their error or the whole object; an error beside data is data",
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
        user(text("Hi")),
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
    name: "A.8: a foreign proof in a signature is opened, Google's own stays, its word for none is none",
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
        user(text("Hi")),
        assistant(thought("Hm.", claude), thought("", claude, true), text("Yes.", { proof: google("R29vZ2xl") }), call("a", "f", "{}")),
        user(result("a", "1", { name: "f" })),
      ],
    },
  },
  {
    name: "C.5: each event of an answer, echoed as a content of its own, is one turn again",
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
    expected: { turns: [user(text("Hi")), assistant(text("Hello", { proof: google("R29vZ2xl") })), user(text("Go on"))] },
  },
  {
    name: "A.2: instructions as a list of strings and parts, empty ones left out",
    body: { ...HI, systemInstruction: ["Be brief.", { text: "Be kind." }, ""] },
    expected: { system: [text("Be brief."), text("Be kind.")] },
  },
  {
    name: "53: Google's schema words become JSON Schema's",
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
    expected: { tools: [tool("f", '{"type":"object","properties":{"a":{"type":["integer","null"],"format":"int64"}}}')] },
  },
  {
    name: "A.8: a level in lower case, as some clients write it, with thoughts shown",
    body: { ...HI, generationConfig: { thinkingConfig: { includeThoughts: true, thinkingLevel: "high" } } },
    expected: { reasoning: { mode: "on", effort: "high", budgetTokens: null, display: "auto" } },
  },
  {
    name: "A.8: -1 is as much as the model wants, thoughts are kept to itself unless asked for",
    body: { ...HI, generationConfig: { thinkingConfig: { thinkingBudget: -1 } } },
    expected: { reasoning: { mode: "adaptive", effort: null, budgetTokens: null, display: "none" } },
  },
  {
    name: "A.10: log probabilities, of the chosen tokens alone or with others",
    body: { ...HI, generationConfig: { responseLogprobs: true } },
    expected: { sampling: { ...NO_SAMPLING, topLogprobs: 0 } },
  },
  {
    name: "A.9: a schema in Google's subset",
    body: {
      ...HI,
      generationConfig: { responseMimeType: "application/json", responseSchema: { type: "ARRAY", items: { type: "STRING" } } },
    },
    expected: {
      output: { type: "json-schema", name: null, description: null, schema: '{"type":"array","items":{"type":"string"}}', strict: null },
    },
  },
  {
    name: "A.6: VALIDATED without names is auto, and said",
    body: { ...HI, toolConfig: { functionCallingConfig: { mode: "VALIDATED" } } },
    expected: {
      toolChoice: { type: "auto" },
      extensions: [
        {
          protocol: "gemini",
          field: "toolConfig.functionCallingConfig.mode",
          value: '"VALIDATED"',
          severity: "reported",
          reason: "Only Gemini validates calls against their schema without forcing one.",
        },
      ],
    },
  },
  {
    name: "A.13: settings that filter less than the default are reported",
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
    name: "A.13: settings that filter more than the default are refused",
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
    name: "115: members that nobody knows are kept for Gemini and reported to others",
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
    name: "106: more than one answer, and answers that are no text, are refused",
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
          reason: "This model answers in text alone.",
        },
      ],
    },
  },
  {
    name: "A.8: the signature of a picture is nobody's but Google's",
    body: {
      contents: [
        { role: "user", parts: [{ text: "Draw." }] },
        { role: "model", parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" }, thoughtSignature: "c2ln" }] },
      ],
    },
    expected: {
      turns: [
        user(text("Draw.")),
        assistant({ type: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: null, cache: null }),
      ],
      losses: [
        {
          field: "contents[1].parts[0].thoughtSignature",
          severity: "dropped",
          reason: "A picture's signature goes back to Google alone, and with the picture.",
        },
      ],
    },
  },
  {
    name: "A.4: what is said about media beside their content is reported",
    body: { contents: [{ role: "user", parts: [{ inlineData: { mimeType: "video/mp4", data: "AAAA" }, videoMetadata: { fps: 1 } }] }] },
    expected: {
      turns: [user({ type: "video", source: { type: "base64", mediaType: "video/mp4", data: "AAAA" } })],
      losses: [{ field: "contents[0].parts[0].videoMetadata", severity: "reported", reason: "Only Gemini cuts videos this way." }],
    },
  },
  {
    name: "A.4: a page of YouTube is a video, a file of Google's store goes back to Google alone",
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
  test(`decodes ${name}`, () => {
    const { names: _, ...found } = decode(body);
    const { names: __, ...whole } = asked({ includeUsage: true, ...expected });
    assert.deepEqual(found, whole);
  });
}

test("70: arguments and schemas keep their text", () => {
  const args = '{ "id" : 12345678901234567890, "b":1.50, "a":"\\u0041" }';
  const schema = '{ "type":"object", "properties":{ "b":{}, "a":{} } }';
  const body = `{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"x","name":"f","args":${args}}}]}],
    "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":${schema}}]}]}`;
  const found = decode(body);
  assert.deepEqual(found.turns, [user(text("Hi")), assistant(call("x", "f", args))]);
  assert.deepEqual(found.tools, [tool("f", schema)]);
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
  ["an unknown mode", { ...HI, toolConfig: { functionCallingConfig: { mode: "SOME" } } }, "toolConfig.functionCallingConfig.mode"],
  [
    "an unknown level",
    { ...HI, generationConfig: { thinkingConfig: { thinkingLevel: "deep" } } },
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
  assert.throws(() => gemini.request.head(sent(HI, null)), /model should be the name/);
});

test("116: a body that is not quite JSON, or says a member twice, is refused before it is routed", () => {
  const bodies = ['{"contents":[],}', '\uFEFF{"contents":[]}', '{"contents":[],"contents":[]}', "[]", ""];
  for (const body of bodies) assert.throws(() => gemini.request.head(sent(body)), GatewayError, body);
});

// ---- Edit --------------------------------------------------------------------------------------------------------

const EDITED: readonly (readonly [name: string, before: string, after: string])[] = [
  ["no instructions", '{ "contents":[] }', '{"systemInstruction":{"parts":[{"text":"P"}]}, "contents":[] }'],
  ["an empty body", "{}", '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "parts",
    '{"systemInstruction":{"role":"x", "parts": [ {"text":"a"} ]}}',
    '{"systemInstruction":{"role":"x", "parts": [{"text":"P"}, {"text":"a"} ]}}',
  ],
  ["no parts yet", '{"systemInstruction":{"parts":[]}}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "one part in the place of parts",
    '{"systemInstruction":{"parts":{"text":"a"}}}',
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
  ],
  [
    "one part in the place of a content",
    '{"system_instruction": {"text":"a"} }',
    '{"system_instruction": {"parts":[{"text":"P"},{"text":"a"}]} }',
  ],
  ["a role alone", '{"systemInstruction":{"role":"user"}}', '{"systemInstruction":{"parts":[{"text":"P"}],"role":"user"}}'],
  ["a string", '{"systemInstruction":"a"}', '{"systemInstruction":"P\\n\\na"}'],
  ["an empty string", '{"systemInstruction":""}', '{"systemInstruction":"P"}'],
  ["a list of strings", '{"systemInstruction":["a"]}', '{"systemInstruction":["P","a"]}'],
  ["a list of parts", '{"systemInstruction":[{"text":"a"}]}', '{"systemInstruction":[{"text":"P"},{"text":"a"}]}'],
  ["null", '{"systemInstruction":null}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  ["parts that are null", '{"systemInstruction":{"parts":null}}', '{"systemInstruction":{"parts":[{"text":"P"}]}}'],
  [
    "the prompt in front already",
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
    '{"systemInstruction":{"parts":[{"text":"P"},{"text":"a"}]}}',
  ],
  ["the prompt in front of a string already", '{"systemInstruction":"P\\n\\na"}', '{"systemInstruction":"P\\n\\na"}'],
];

for (const [name, before, after] of EDITED) {
  test(`117: the system prompt is spliced into ${name}, once`, () => {
    const edits = { model: null, systemPrompt: "P", stream: null };
    assert.equal(gemini.request.edit(before, edits), after);
    assert.equal(gemini.request.edit(after, edits), after);
  });
}

test("117: model and stream switch are put into a body that has none, and replaced in one that has", () => {
  const edit = (body: string, stream: boolean | null): string => gemini.request.edit(body, { model: "m", systemPrompt: null, stream });
  assert.equal(edit('{ "contents":[ 1.0 ]}', true), '{"model":"m","stream":true, "contents":[ 1.0 ]}');
  assert.equal(edit('{ "contents":[ 1.0 ]}', false), '{"model":"m", "contents":[ 1.0 ]}');
  assert.equal(edit('{"stream" : true,"model":"old"}', false), '{"stream" : false,"model":"m"}');
  assert.equal(edit('{"model":"old"}', null), '{"model":"m"}');
});

const SEALED_BODIES: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "a thought keeps its words",
    `{"contents":[{"role":"model","parts":[ {"text":"Hm.", "thought":true, "thoughtSignature":"${SEALED}"} , {"text":"Yes."} ]}]}`,
    '{"contents":[{"role":"model","parts":[ {"text":"Hm.", "thought":true} , {"text":"Yes."} ]}]}',
  ],
  [
    "a hidden thought goes, and a content of nothing else with it",
    `{"contents":[{"parts":[{"text":"","thought_signature":"${SEALED}"}]},{"parts":[{"thoughtSignature":"${SEALED}","text":"","thought":true},{"text":"A"}]}]}`,
    '{"contents":[{"parts":[{"text":"A"}]}]}',
  ],
  [
    "a call that another model made gets Google's word for that",
    `{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"n":1.0}},"thoughtSignature":"${UNSIGNED}"}]}]}`,
    '{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"n":1.0}},"thoughtSignature":"skip_thought_signature_validator"}]}]}',
  ],
  [
    "Gemini's own signature, and words that look like a seal, stay",
    '{"contents":[{"parts":[{"text":"Z3cxLm","thoughtSignature":"R29vZ2xl"},{"text":"\\"Z3cxLm"}]}]}',
    '{"contents":[{"parts":[{"text":"Z3cxLm","thoughtSignature":"R29vZ2xl"},{"text":"\\"Z3cxLm"}]}]}',
  ],
];

for (const [what, before, after] of SEALED_BODIES) {
  test(`79, A.8: what other vendors sealed is taken out of a conversation that goes to Gemini: ${what}`, () => {
    const edits = { model: "gemini-3.1-pro-preview", systemPrompt: null, stream: null };
    const put = (body: string): string => body.replace("{", '{"model":"gemini-3.1-pro-preview",');
    assert.equal(gemini.request.edit(before, edits), put(after));
    assert.equal(gemini.request.edit(put(before), { ...edits, model: null }), put(after));
  });
}

test("88: a model that asks for no signature is told of none", () => {
  const body = `{"contents":[{"parts":[{"functionCall":{"name":"f"},"thoughtSignature":"${UNSIGNED}"}]}],"model":"gemini-2.5-pro"}`;
  const edited = gemini.request.edit(body, { model: null, systemPrompt: null });
  assert.equal(edited, '{"contents":[{"parts":[{"functionCall":{"name":"f"}}]}],"model":"gemini-2.5-pro"}');
});

test("88: a call that says it is unsigned has no proof, in either alphabet, with and without padding", () => {
  for (const thoughtSignature of [UNSIGNED, UNSIGNED.replace(/=+$/, "")]) {
    const body = JSON.stringify({ contents: [{ role: "model", parts: [{ functionCall: { name: "f" }, thoughtSignature }] }] });
    const { turns } = gemini.request.decode({ body, headers: {}, path: { model: "m", stream: false } });
    const [part] = turns[0]?.parts ?? [];
    assert.equal(part?.type === "tool-call" ? part.proof : undefined, null);
  }
});

// ---- Completeness ------------------------------------------------------------------------------------------------

/** Members of the SDK's config that never reach the wire. */
type ClientOnly = "httpOptions" | "abortSignal" | "automaticFunctionCalling" | "automaticContinuation";
/** Members that the SDK puts beside `generationConfig`; `outputConfig` is its `generationOutputConfig` on the wire. */
const TOP_LEVEL = [
  "outputConfig",
  "systemInstruction",
  "safetySettings",
  "tools",
  "toolConfig",
  "labels",
  "cachedContent",
  "serviceTier",
  "modelArmorConfig",
  "continuationToken",
  "store",
] as const;
const GENERATION = [
  ...(["temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "responseLogprobs", "logprobs"] as const),
  ...([
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "routingConfig",
  ] as const),
  ...(["modelSelectionConfig", "responseModalities", "mediaResolution", "speechConfig", "audioTimestamp", "thinkingConfig"] as const),
  ...(["audioTranscriptionConfig", "imageConfig", "enableEnhancedCivicAnswers"] as const),
];

test("every member of the official SDK's request has its row in FIELDS", () => {
  // A new member of the SDK makes this line an error of the compiler.
  const unknown: Exclude<
    keyof GenerateContentConfig,
    ClientOnly | "generationOutputConfig" | (typeof TOP_LEVEL)[number] | (typeof GENERATION)[number]
  >[] = [];
  const paths = [...unknown, ...TOP_LEVEL, ...GENERATION.map((key) => `generationConfig.${key}`)];
  assert.deepEqual(
    paths.filter((path) => FIELDS[path] === undefined),
    [],
  );
});
