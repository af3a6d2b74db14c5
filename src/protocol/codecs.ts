// The table of codecs by protocol id. Routes, tests and README are made from it; a fifth protocol is one folder and one row here.
// Never knows a codec's internals.

import { anthropicMessages } from "./anthropic-messages/codec.ts";
import type { ProtocolId } from "./canonical.ts";
import type { Codec } from "./codec.ts";
import { gemini } from "./gemini/codec.ts";
import { openaiChat } from "./openai-chat/codec.ts";
import { openaiResponses } from "./openai-responses/codec.ts";
import { structuredBy } from "./structured-output.ts";

export const CODECS: Readonly<Record<ProtocolId, Codec>> = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  gemini,
};

/** The codec for an upstream; for a model without support for schemas, one that gets the answer as a tool's input. */
export function codecOf({ protocol, schema }: { readonly protocol: ProtocolId; readonly schema: "native" | "tool" }): Codec {
  return schema === "native" ? CODECS[protocol] : structuredBy(CODECS[protocol], () => "tool");
}
