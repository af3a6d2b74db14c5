// Adds the deltas of a streamed answer to their blocks.
// Never parses a tool's input: its pieces stay text until the block is complete.

import type { Json, JsonObject } from "../../wire/json.ts";

/** The input of calls while it arrives, by block. */
export type Inputs = Map<JsonObject, string>;

/** Adds a delta to its block; false for an unknown type of delta. */
export function grow(block: JsonObject, delta: JsonObject, inputs: Inputs): boolean {
  switch (delta["type"]) {
    case "text_delta":
      block["text"] = textOf(block["text"]) + textOf(delta["text"]);
      return true;
    case "thinking_delta":
      block["thinking"] = textOf(block["thinking"]) + textOf(delta["thinking"]);
      return true;
    case "signature_delta":
      block["signature"] = textOf(delta["signature"]);
      return true;
    case "citations_delta":
      if (Array.isArray(block["citations"])) block["citations"].push(delta["citation"] ?? null);
      else block["citations"] = [delta["citation"] ?? null];
      return true;
    case "input_json_delta": {
      const written = (inputs.get(block) ?? "") + textOf(delta["partial_json"]);
      if (written !== "") inputs.set(block, written);
      return true;
    }
    default:
      return false;
  }
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
