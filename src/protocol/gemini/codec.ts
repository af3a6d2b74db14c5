// Room: protocol/gemini/codec (row 2). Gemini's generateContent and streamGenerateContent, in both directions.
// A client keeps model and stream switch in the path, Factory's endpoint wants them in the body; edit.ts knows.
// Never does: frame. Server-sent events come from stream.ts; a client that asked for a JSON array gets it from the app.

import type { Codec } from "../codec.ts";
import { structuredBy } from "../structured-output.ts";
import { encodeReply, replyEncoder } from "./reply-encode.ts";
import { continuation } from "./continuation.ts";
import { editRequest, requestHead } from "./edit.ts";
import { decodeError, encodeError, errorEvent } from "./errors.ts";
import { schemaMeans } from "./generation-config.ts";
import { decodeReply, replyDecoder } from "./reply-decode.ts";
import { decodeRequest, encodeRequest } from "./request-decode.ts";

const plain: Codec = {
  id: "gemini",
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    encode: encodeReply,
    decoder: replyDecoder,
    encoder: replyEncoder,
    keepAlive: ": keep-alive\n\n",
    continuation,
  },
  error: { decode: decodeError, encode: encodeError, event: errorEvent },
};

export const gemini: Codec = structuredBy(plain, schemaMeans);
