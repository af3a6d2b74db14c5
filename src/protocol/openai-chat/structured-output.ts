// The format of the answer: any JSON object, or one with a schema; both directions.
// Never changes a schema.

import { JsonText, type Json } from "../../wire/json.ts";
import type { CanonicalRequest, OutputFormat } from "../canonical.ts";
import { isPlain } from "../closed-schema.ts";
import type { Fields } from "../fields.ts";
import { fitName } from "../tool-names.ts";
import type { Capabilities } from "./capabilities.ts";
import { textPart } from "./parts-decode.ts";
import { isOwn, WORDS } from "./wire.ts";

export function decodeOutput(body: Fields): OutputFormat | null {
  const format = body.optionalObject("response_format")?.ignoreRest();
  if (format === undefined) return null;
  switch (format.word("type", WORDS["response_format.type"])) {
    case null:
    case "text":
      return null;
    case "json_object":
      return { type: "json-object" };
    case "json_schema": {
      const schema = format.object("json_schema").ignoreRest();
      return {
        type: "json-schema",
        name: schema.optionalText("name"),
        description: schema.optionalText("description"),
        schema: schema.source("schema") ?? "{}",
        strict: schema.optionalBoolean("strict"),
      };
    }
  }
}

const NAME_RULE = { unfit: /[^A-Za-z0-9_-]/, maxLength: 64 };

export function encodeOutput({ output, names }: CanonicalRequest, { openai }: Capabilities): Json | undefined {
  if (output === null) return undefined;
  if (output.type === "json-object") return { type: "json_object" };
  const { name, description, schema } = output;
  // In other protocols a schema applies without a flag; for OpenAI, a plain one may be made strict.
  const strict = output.strict ?? (openai && !isOwn(names) && isPlain(schema) ? true : null);
  return {
    type: "json_schema",
    json_schema: {
      name: fitName(name ?? "response", NAME_RULE),
      ...(description === null ? {} : { description }),
      schema: new JsonText(schema),
      ...(strict === null ? {} : { strict }),
    },
  };
}

const JSON_WORD = /json/i;

/** OpenAI rejects the format `json_object` unless the messages mention JSON. */
export function withJsonWord(request: CanonicalRequest): CanonicalRequest {
  if (request.output?.type !== "json-object") return request;
  const parts = [...request.system, ...request.turns.flatMap((turn) => turn.parts)];
  if (parts.some((part) => part.type === "text" && JSON_WORD.test(part.text))) return request;
  return { ...request, system: [...request.system, textPart("Answer with one JSON object.")] };
}
