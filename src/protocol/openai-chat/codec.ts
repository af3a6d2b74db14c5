// The codec of OpenAI Chat Completions, for its clients and for the many compatible servers.
// Never knows another protocol.

import type { Codec } from "../codec.ts";
import { fittedBy } from "../fitted-tools.ts";
import { structuredBy } from "../structured-output.ts";
import { limitsOf } from "./capabilities.ts";
import { editRequest } from "./edit.ts";
import { decodeError, editError, encodeError, errorEvent } from "./errors.ts";
import { decodeEnding, decodeReply, replyDecoder } from "./reply-decode.ts";
import { encodeReply, replyEncoder } from "./reply-encode.ts";
import { decodeRequest, requestHead } from "./request-decode.ts";
import { encodeRequest } from "./request-encode.ts";
import { toolLimits } from "./tools.ts";
import { isOwn } from "./wire.ts";

const plain: Codec = {
  id: "openai-chat",
  limitsOf,
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    ending: decodeEnding,
    encode: encodeReply,
    decoder: replyDecoder,
    encoder: replyEncoder,
    keepAlive: ": keep-alive\n\n",
  },
  error: { decode: decodeError, encode: encodeError, edit: editError, event: errorEvent },
};

/** OpenAI's answer format accepts only objects; a client of this protocol knows that. */
export const openaiChat: Codec = structuredBy(fittedBy(plain, toolLimits), ({ names }) => (isOwn(names) ? "format" : "object-format"));
