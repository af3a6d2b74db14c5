// The answer format that a client asks for, both directions: `output_config.format`, or an instruction, or a tool in place of a schema
// (made by `protocol/structured-output.ts`).
// Never promises a format that the model can't follow; the loss says so instead.

import { JsonText, type JsonObject } from "../../wire/json.ts";
import type { CanonicalRequest, Loss, OutputFormat } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { JSON_INSTRUCTION, type SchemaMeans } from "../structured-output.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { isNative, lowerSchema } from "./schema.ts";
import { WORDS } from "./wire.ts";

export function decodeOutput(format: Fields | null): OutputFormat | null {
  if (format === null) return null;
  format.word("type", WORDS["output_config.format.type"]);
  const schema = format.source("schema");
  if (schema === null) throw format.fail("schema", "a JSON Schema");
  return { type: "json-schema", name: null, description: null, schema, strict: null };
}

export interface EncodedOutput {
  readonly format: JsonObject | null;
  /** A line for the end of the instructions. */
  readonly instruction: string | null;
  readonly losses: readonly Loss[];
}

/** A model without support for schemas, or for everything that this one allows, answers with a tool's input. */
export function schemaMeans({ model, output }: CanonicalRequest): SchemaMeans {
  const { structuredOutput, forcedTools } = capabilitiesOf(model);
  const holds = structuredOutput && output?.type === "json-schema" && isNative(output.schema);
  return holds || !forcedTools ? "format" : "tool";
}

export function encodeOutput({ output, names }: CanonicalRequest): EncodedOutput {
  if (output === null) return { format: null, instruction: null, losses: [] };
  const reported = (reason: string): Loss => ({ field: names.output, severity: "reported", reason });
  if (output.type === "json-object") {
    const reason = "Messages has no JSON mode; the model is told to answer with one JSON object.";
    return { format: null, instruction: JSON_INSTRUCTION, losses: [reported(reason)] };
  }
  const format = { type: "json_schema", schema: new JsonText(lowerSchema(output.schema)) };
  const reason =
    "The schema is recursive, leaves objects open or has too many optional properties; this model closes what it cannot enforce.";
  return { format, instruction: null, losses: isNative(output.schema) ? [] : [reported(reason)] };
}
