// Room: codecs (row 2).
// The table of codecs by protocol id. Doors, tests and README are made from it; a fifth protocol is one folder and one row here.
// Never does: know what is inside of a codec.

import { anthropicMessages } from "./anthropic-messages/codec.ts";
import type { ProtocolId } from "./canonical.ts";
import type { Codec } from "./codec.ts";
import { gemini } from "./gemini/codec.ts";
import { openaiChat } from "./openai-chat/codec.ts";
import { openaiResponses } from "./openai-responses/codec.ts";

export const CODECS: Readonly<Record<ProtocolId, Codec>> = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  gemini,
};
