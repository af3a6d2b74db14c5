// Gemini's generateContent and streamGenerateContent as one codec.
// Does not frame: server-sent events come from wire/sse.ts, and the gateway makes the JSON array for a client that asked for one.

import type { Codec } from "../codec.ts";
import { structuredBy } from "../structured-output.ts";
import { limitsOf } from "./capabilities.ts";
import { continuation } from "./continuation.ts";
import { editRequest } from "./edit.ts";
import { decodeError, editError, encodeError, errorEvent } from "./errors.ts";
import { schemaMeans } from "./generation-config.ts";
import { decodeEnding, decodeReply, replyDecoder } from "./reply-decode.ts";
import { encodeReply, replyEncoder } from "./reply-encode.ts";
import { decodeRequest, requestHead } from "./request-decode.ts";
import { encodeRequest } from "./request-encode.ts";

const plain: Codec = {
  id: "gemini",
  limitsOf,
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    ending: decodeEnding,
    encode: encodeReply,
    decoder: replyDecoder,
    encoder: replyEncoder,
    keepAlive: ": keep-alive\n\n",
    continuation,
  },
  error: { decode: decodeError, encode: encodeError, edit: editError, event: errorEvent },
};

export const gemini: Codec = structuredBy(plain, schemaMeans);
