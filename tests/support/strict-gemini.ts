// What a strict Gemini endpoint refuses (https://ai.google.dev/api/generate-content, read 2026-11).

import type { JsonObject } from "../../src/wire/json.ts";
import { has, inCamelCase, listOf, objectOf, objectsOf, textOf } from "./reading.ts";
import { isForeignProof, refuse, refuseUnknown } from "./strict.ts";
import { PROOF_MARKS } from "./wire-reply.ts";

// `model` and `stream` are in the body at Factory's endpoint.
const KNOWN = new Set(
  "model stream contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent labels serviceTier store".split(
    " ",
  ),
);
const SETTINGS = new Set(
  (
    "temperature topP topK candidateCount maxOutputTokens stopSequences presencePenalty frequencyPenalty seed responseMimeType responseSchema " +
    "responseJsonSchema responseModalities responseLogprobs logprobs thinkingConfig mediaResolution speechConfig audioTimestamp routingConfig " +
    "imageConfig enableEnhancedCivicAnswers"
  ).split(" "),
);
const LOGPROBS = new Set(Array.from({ length: 20 }, (_, index) => index + 1));
const NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/;
const DATA = [
  "text",
  "inlineData",
  "fileData",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
];
/** JSON Schema keywords that the OpenAPI subset of `parameters` lacks. */
const NOT_IN_SUBSET = ["$schema", "additionalProperties", "const", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "$ref", "$defs"];
const SENTINEL = "skip_thought_signature_validator";
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const unknownName = (key: string): string => `Invalid JSON payload received. Unknown name "${key}": Cannot find field.`;

export function refuseGemini(sent: JsonObject): void {
  const body = inCamelCase(sent);
  refuseUnknown(body, KNOWN, unknownName);
  refuse(textOf(body["model"]) === "", "model is not specified");
  const config = objectOf(body["generationConfig"]);
  refuseUnknown(config, SETTINGS, (key) => unknownName(key).replace("Unknown name", "Unknown name at 'generation_config'"));
  refuse(listOf(config["stopSequences"]).length > 5, "The number of stop sequences must be at most 5.");
  refuse(has(config, "logprobs") && config["responseLogprobs"] !== true, "Logprobs is set without response_logprobs.");
  refuse(has(config, "logprobs") && !LOGPROBS.has(Number(config["logprobs"])), "Logprobs must be in the range [1, 20].");
  const instruction = body["systemInstruction"];
  refuse(instruction !== undefined && objectsOf(objectOf(instruction)["parts"]).length === 0, "systemInstruction: must have parts");
  refuseTools(body);
  refuseContents(body);
}

function refuseTools(body: JsonObject): void {
  const entries = objectsOf(body["tools"]).filter((tool) => has(tool, "functionDeclarations"));
  refuse(entries.length > 1, "Multiple tools are supported only when they are all search tools.");
  const declared = entries.flatMap((tool) => objectsOf(tool["functionDeclarations"]));
  refuse(entries.length === 1 && declared.length === 0, "tools[0].function_declarations: should not be empty");
  for (const [index, tool] of declared.entries()) {
    const path = `tools[0].function_declarations[${index}]`;
    refuse(!NAME.test(textOf(tool["name"])), `${path}.name: Invalid function name. Must start with a letter or an underscore.`);
    refuseUnknown(
      tool,
      new Set(["name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema", "behavior"]),
      unknownName,
    );
    refuse(
      has(tool, "parameters") && has(tool, "parametersJsonSchema"),
      `${path}: parameters and parameters_json_schema are mutually exclusive.`,
    );
    if (!has(tool, "parameters")) continue;
    const parameters = objectOf(tool["parameters"]);
    const isEmpty = textOf(parameters["type"]).toLowerCase() === "object" && Object.keys(objectOf(parameters["properties"])).length === 0;
    refuse(isEmpty, `${path}.parameters.properties: should be non-empty for OBJECT type`);
    refuseOutsideSubset(parameters, `${path}.parameters`);
  }
  const calling = objectOf(objectOf(body["toolConfig"])["functionCallingConfig"]);
  const names = listOf(calling["allowedFunctionNames"]).map(textOf);
  refuse(
    names.length > 0 && !["ANY", "VALIDATED"].includes(textOf(calling["mode"])),
    "Allowed function names should be set only when function calling mode is ANY.",
  );
  for (const name of names) refuse(!declared.some((tool) => tool["name"] === name), `allowed_function_names: '${name}' is not declared.`);
  refuse(calling["mode"] === "ANY" && declared.length === 0, "Function calling config is set without function_declarations.");
}

function refuseOutsideSubset(schema: JsonObject, path: string): void {
  for (const key of NOT_IN_SUBSET)
    refuse(key in schema, `Invalid JSON payload received. Unknown name "${key}" at '${path}': Cannot find field.`);
  refuse(Array.isArray(schema["type"]), `Proto field is not repeating, cannot start list at '${path}.type'.`);
  for (const [name, member] of Object.entries(objectOf(schema["properties"])))
    refuseOutsideSubset(objectOf(member), `${path}.properties[${name}]`);
  if (has(schema, "items")) refuseOutsideSubset(objectOf(schema["items"]), `${path}.items`);
  for (const variant of objectsOf(schema["anyOf"])) refuseOutsideSubset(variant, `${path}.any_of`);
}

function refuseContents(body: JsonObject): void {
  const contents = objectsOf(body["contents"]);
  refuse(contents.length === 0, "* GenerateContentRequest.contents: contents is not specified");
  refuse(contents.at(-1)?.["role"] === "model", "Please ensure that multiturn requests end with a user role or a function response.");
  let lastWasUser = false;
  let previousRole = "";
  let pending: string[] = [];
  for (const [index, content] of contents.entries()) {
    const path = `GenerateContentRequest.contents[${index}]`;
    const named = textOf(content["role"]) || "user";
    const role = named === "function" ? "user" : named;
    refuse(role !== "user" && role !== "model", "Please use a valid role: user, model.");
    const parts = objectsOf(content["parts"]);
    refuse(parts.length === 0, `* ${path}.parts: contents.parts must not be empty.`);
    for (const [at, part] of parts.entries()) {
      refusePart(part, `${path}.parts[${at}]`);
      // Gemini's own streams end with an empty text, which the official client sends back unchanged.
      const isOwnEnd = role === "model" && at === parts.length - 1;
      refuse(part["text"] === "" && !isOwnEnd && !has(part, "thoughtSignature"), `* ${path}.parts[${at}].data: text must not be empty`);
    }
    const calls = parts.filter((part) => has(part, "functionCall")).map((part) => objectOf(part["functionCall"]));
    const responses = parts.filter((part) => has(part, "functionResponse")).map((part) => objectOf(part["functionResponse"]));
    // Adjacent contents of the model are one turn.
    if (previousRole !== role) lastWasUser = previousRole === "user";
    refuse(
      calls.length > 0 && (role !== "model" || !lastWasUser),
      "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
    );
    if (responses.length > 0 || (pending.length > 0 && role === "user")) {
      const names = responses.map((response) => textOf(response["name"]));
      refuse(
        names.length !== pending.length,
        "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
      );
      refuse(names.join() !== pending.join(), `Function responses ${names.join(", ")} do not match the calls ${pending.join(", ")}.`);
      const alone = parts.every((part) => has(part, "functionResponse"));
      refuse(!alone, "Please ensure that a function response turn holds function responses only.");
    }
    const called = calls.map((call) => textOf(call["name"]));
    pending = role === "model" && previousRole === "model" ? [...pending, ...called] : called;
    previousRole = role;
  }
  if (/^(models\/)?gemini-3/.test(textOf(body["model"]))) refuseUnsigned(contents);
}

/** Gemini 3: each step of the current turn begins with a signed call. */
function refuseUnsigned(contents: readonly JsonObject[]): void {
  const isPlainUser = (content: JsonObject): boolean =>
    content["role"] !== "model" && !objectsOf(content["parts"]).some((part) => has(part, "functionResponse"));
  const turnStart = contents.findLastIndex(isPlainUser);
  for (const content of contents.slice(turnStart + 1)) {
    const first = objectsOf(content["parts"]).find((part) => has(part, "functionCall"));
    if (first === undefined) continue;
    refuse(
      textOf(first["thoughtSignature"]) === "",
      "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.",
    );
  }
}

function refusePart(part: JsonObject, path: string): void {
  const data = DATA.filter((key) => has(part, key));
  refuse(data.length !== 1, `* ${path}.data: required oneof field 'data' must have one initialized field`);
  const signature = part["thoughtSignature"];
  if (signature !== undefined) {
    refuse(!BASE64.test(textOf(signature)), `Invalid value at '${path}.thought_signature' (TYPE_BYTES), Base64 decoding failed`);
    const foreign = signature !== SENTINEL && isForeignProof(textOf(signature), PROOF_MARKS.google, Object.values(PROOF_MARKS));
    refuse(foreign, `Thought signature is not valid at ${path}.`);
  }
  if (has(part, "functionCall")) {
    const call = objectOf(part["functionCall"]);
    refuse(!NAME.test(textOf(call["name"])), `${path}.function_call.name: invalid`);
    refuse(
      has(call, "args") && Object.keys(objectOf(call["args"])).length === 0 && JSON.stringify(call["args"]) !== "{}",
      `Invalid value at '${path}.function_call.args': expected an object`,
    );
  }
  if (has(part, "functionResponse")) {
    const response = objectOf(part["functionResponse"]);
    refuse(textOf(response["name"]) === "", `* ${path}.function_response.name: Name cannot be empty.`);
    refuse(
      JSON.stringify(objectOf(response["response"])) !== JSON.stringify(response["response"]),
      `Invalid value at '${path}.function_response.response': expected an object`,
    );
  }
  if (has(part, "inlineData")) {
    const inline = objectOf(part["inlineData"]);
    refuse(textOf(inline["mimeType"]) === "" || textOf(inline["data"]) === "", `* ${path}.inline_data: must have one initialized field`);
  }
}
