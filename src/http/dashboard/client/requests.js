// What the playground sends: a request of each protocol, made from the same few choices, and the one after it. Never sends it.

import { parsed } from "./answers.js";

/** Claude models that are told how many tokens to think; later ones are told how hard. */
const BUDGETED = /^claude-.*-4(?:-[0-5])?(?:-\d{8})?$/;

/** Tokens of thinking, where they are counted. */
const BUDGETS = { low: 1_024, medium: 4_096, high: 16_384 };

const dataUrl = ({ type, data }) => `data:${type};base64,${data}`;

function chat({ model, system, text, image, stream, maxTokens, reasoning, tools }) {
  const content =
    image === null
      ? text
      : [
          { type: "text", text },
          { type: "image_url", image_url: { url: dataUrl(image) } },
        ];
  return {
    model,
    messages: [...(system === "" ? [] : [{ role: "system", content: system }]), { role: "user", content }],
    ...(maxTokens === null ? {} : { max_completion_tokens: maxTokens }),
    ...(reasoning === "" ? {} : { reasoning_effort: reasoning }),
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  };
}

function messages({ model, system, text, image, stream, maxTokens, reasoning, tools }) {
  const budget = BUDGETED.test(model) ? (BUDGETS[reasoning] ?? 0) : 0;
  const adaptive = { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: reasoning } };
  const source = image === null ? null : { type: "base64", media_type: image.type, data: image.data };
  return {
    model,
    max_tokens: (maxTokens ?? 4_096) + budget,
    ...(system === "" ? {} : { system }),
    messages: [
      {
        role: "user",
        content:
          source === null
            ? text
            : [
                { type: "image", source },
                { type: "text", text },
              ],
      },
    ],
    ...(budget === 0 ? {} : { thinking: { type: "enabled", budget_tokens: budget } }),
    ...(budget > 0 || reasoning === "" ? {} : adaptive),
    ...(tools.length === 0 ? {} : { tools: tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })) }),
    ...(stream ? { stream } : {}),
  };
}

function responses({ model, system, text, image, stream, maxTokens, reasoning, tools }) {
  const picture = image === null ? [] : [{ type: "input_image", image_url: dataUrl(image) }];
  return {
    model,
    ...(system === "" ? {} : { instructions: system }),
    input: [{ role: "user", content: [{ type: "input_text", text }, ...picture] }],
    ...(maxTokens === null ? {} : { max_output_tokens: maxTokens }),
    ...(reasoning === "" ? {} : { reasoning: { effort: reasoning, summary: "auto" } }),
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: "function", ...tool })) }),
    ...(stream ? { stream } : {}),
  };
}

function gemini({ system, text, image, maxTokens, reasoning, tools }) {
  const picture = image === null ? [] : [{ inlineData: { mimeType: image.type, data: image.data } }];
  const thinking = reasoning === "" ? {} : { thinkingConfig: { includeThoughts: true, thinkingBudget: BUDGETS[reasoning] } };
  const generationConfig = { ...(maxTokens === null ? {} : { maxOutputTokens: maxTokens }), ...thinking };
  const declared = tools.map(({ parameters, ...tool }) => ({ ...tool, parametersJsonSchema: parameters }));
  return {
    ...(system === "" ? {} : { systemInstruction: { parts: [{ text: system }] } }),
    contents: [{ role: "user", parts: [{ text }, ...picture] }],
    ...(Object.keys(generationConfig).length === 0 ? {} : { generationConfig }),
    ...(tools.length === 0 ? {} : { tools: [{ functionDeclarations: declared }] }),
  };
}

const BODIES = { "openai-chat": chat, "anthropic-messages": messages, "openai-responses": responses, gemini };
const PATHS = { "openai-chat": "/v1/chat/completions", "anthropic-messages": "/v1/messages", "openai-responses": "/v1/responses" };

export function bodyOf(protocol, choices) {
  return BODIES[protocol](choices);
}

export function pathOf(protocol, { model, stream }) {
  if (protocol !== "gemini") return PATHS[protocol];
  return `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
}

export function protocolOf(path) {
  return Object.keys(PATHS).find((protocol) => PATHS[protocol] === path) ?? "gemini";
}

/** The same body for another model; Gemini's names it in its path. */
export function forModel(protocol, body, model) {
  return protocol === "gemini" || typeof body !== "object" || body === null ? body : { ...body, model };
}

export function headersOf(protocol, key) {
  if (protocol === "anthropic-messages") return { "x-api-key": key, "anthropic-version": "2023-06-01" };
  return protocol === "gemini" ? { "x-goog-api-key": key } : { authorization: `Bearer ${key}` };
}

// ---- Going on -------------------------------------------------------------------------------------------------------

const argumentsOf = ({ text }) => parsed(text) ?? {};

function chatOn(body, parts, results) {
  const calls = parts.filter(({ kind }) => kind === "tool");
  const text = parts.filter(({ kind }) => kind === "text").map((part) => part.text);
  const called = calls.map(({ id, name, text: given }) => ({ id, type: "function", function: { name, arguments: given } }));
  const answered = calls.map(({ id }, at) => ({ role: "tool", tool_call_id: id, content: results[at] }));
  return { ...body, messages: [...body.messages, { role: "assistant", content: text.join("") || null, tool_calls: called }, ...answered] };
}

function messagesOn(body, parts, results) {
  const content = parts.flatMap((part) => {
    if (part.kind === "tool") return [{ type: "tool_use", id: part.id, name: part.name, input: argumentsOf(part) }];
    if (part.kind === "text") return [{ type: "text", text: part.text }];
    return part.kind === "reasoning" && part.signature ? [{ type: "thinking", thinking: part.text, signature: part.signature }] : [];
  });
  const calls = content.filter(({ type }) => type === "tool_use");
  const answered = calls.map(({ id }, at) => ({ type: "tool_result", tool_use_id: id, content: results[at] }));
  return { ...body, messages: [...body.messages, { role: "assistant", content }, { role: "user", content: answered }] };
}

function responsesOn(body, parts, results) {
  const said = parts.flatMap(({ kind, id, name, text }) => {
    if (kind === "tool") return [{ type: "function_call", call_id: id, name, arguments: text }];
    return kind === "text" ? [{ role: "assistant", content: [{ type: "output_text", text }] }] : [];
  });
  const calls = said.filter(({ type }) => type === "function_call");
  const answered = calls.map(({ call_id }, at) => ({ type: "function_call_output", call_id, output: results[at] }));
  return { ...body, input: [...body.input, ...said, ...answered] };
}

function geminiOn(body, parts, results) {
  const named = ({ id, name }) => (id === null ? { name } : { id, name });
  const said = parts.flatMap((part) => {
    if (part.kind === "text") return [{ text: part.text }];
    if (part.kind !== "tool") return [];
    const signature = part.signature ? { thoughtSignature: part.signature } : {};
    return [{ functionCall: { ...named(part), args: argumentsOf(part) }, ...signature }];
  });
  const calls = parts.filter(({ kind }) => kind === "tool");
  const answered = calls.map((call, at) => ({ functionResponse: { ...named(call), response: { result: results[at] } } }));
  return { ...body, contents: [...body.contents, { role: "model", parts: said }, { role: "user", parts: answered }] };
}

const GOING_ON = { "openai-chat": chatOn, "anthropic-messages": messagesOn, "openai-responses": responsesOn, gemini: geminiOn };

/** The request that goes on from an answer which calls tools; `results`: what each call came to, in order. */
export function continued(protocol, body, { parts, results }) {
  return GOING_ON[protocol](body, parts, results);
}
