// Room: anthropic-messages/output (row 2).
// In:  the answer format that a client asks for.
// Out: how a Messages model is brought to it: `output_config.format`, a tool that it is made to answer with, or an instruction.
// The same function tells the decoder of the answer whether there was such a tool, so that its call comes back as text.
// Never does: promise a format that the model cannot hold to; then the loss says so.

import { JsonText, type JsonObject } from "../../json.ts";
import type { CanonicalRequest, Loss } from "../canonical.ts";
import { traitsOf } from "./models.ts";
import { isNative, lowerSchema, toolSchema } from "./schema.ts";

/** The tool whose input is the answer. */
export interface AnswerTool {
  readonly name: string;
  /** Whether the client's own tools may be called in its place. */
  readonly besideOthers: boolean;
}

export interface EncodedOutput {
  readonly format: JsonObject | null;
  /** A tool to send behind the client's own ones. */
  readonly tool: JsonObject | null;
  /** A line for the end of the instructions. */
  readonly instruction: string | null;
  readonly losses: readonly Loss[];
}

const JSON_INSTRUCTION = "Answer with one JSON object and nothing else: no introduction, no code fence.";

/** The tool that stands in for a JSON schema; null when the request needs none. */
export function answerTool(request: CanonicalRequest): AnswerTool | null {
  const { output, toolChoice, tools } = request;
  const traits = traitsOf(request.model);
  if (output?.type !== "json-schema" || !traits.forcedTools) return null;
  if (traits.structuredOutput && isNative(output.schema)) return null;
  // Who has to call a tool cannot be made to answer as well.
  if (toolChoice !== null && toolChoice.type !== "auto" && toolChoice.type !== "none") return null;
  const names = new Set(tools.map((tool) => ("name" in tool ? tool.name : "")));
  return { name: names.has("json") ? "answer_as_json" : "json", besideOthers: tools.length > 0 && toolChoice?.type !== "none" };
}

export function encodeOutput(request: CanonicalRequest): EncodedOutput {
  const { output, names } = request;
  const nothing: EncodedOutput = { format: null, tool: null, instruction: null, losses: [] };
  if (output === null) return nothing;
  const lost = (severity: Loss["severity"], reason: string): Loss => ({ field: names.output, severity, reason });
  if (output.type === "json-object") {
    const reason = "Messages has no JSON mode; the model is told to answer with one JSON object.";
    return { ...nothing, instruction: JSON_INSTRUCTION, losses: [lost("reported", reason)] };
  }
  const answer = answerTool(request);
  if (answer !== null) {
    const { schema } = toolSchema(output.schema);
    const description = output.description ?? "Gives the answer. Call it to answer.";
    return { ...nothing, tool: { name: answer.name, description, input_schema: new JsonText(schema) } };
  }
  if (!traitsOf(request.model).structuredOutput) {
    const instruction = `${JSON_INSTRUCTION} It has to fit this JSON Schema: ${output.schema}`;
    const reason = "This model takes no JSON schema, and while a tool has to be called none can stand in for it.";
    return { ...nothing, instruction, losses: [lost("refused", reason)] };
  }
  const format = { type: "json_schema", schema: new JsonText(lowerSchema(output.schema)) };
  const reason =
    "The schema is recursive, leaves objects open or has too many optional properties; this model closes what it cannot hold to.";
  return { ...nothing, format, losses: isNative(output.schema) ? [] : [lost("reported", reason)] };
}
