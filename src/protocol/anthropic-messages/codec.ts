// The codec of Anthropic's Messages API: for its clients, and for upstreams that speak it.

import type { Codec } from "../codec.ts";
import { fittedBy } from "../fitted-tools.ts";
import { structuredBy } from "../structured-output.ts";
import { limitsOf } from "./capabilities.ts";
import { continuation } from "./continuation.ts";
import { editRequest } from "./edit.ts";
import { decodeError, editError, encodeError, errorEvent } from "./errors.ts";
import { decodeEnding, decodeReply, replyDecoder } from "./reply-decode.ts";
import { encodeReply, replyEncoder } from "./reply-encode.ts";
import { decodeRequest, requestHead } from "./request-decode.ts";
import { encodeRequest } from "./request-encode.ts";
import { schemaMeans } from "./structured-output.ts";
import { toolLimits } from "./tools.ts";
import { ID } from "./wire.ts";

const plain: Codec = {
  id: ID,
  limitsOf,
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    ending: decodeEnding,
    encode: encodeReply,
    decoder: replyDecoder,
    encoder: replyEncoder,
    keepAlive: 'event: ping\ndata: {"type": "ping"}\n\n',
    continuation,
  },
  error: { decode: decodeError, encode: encodeError, edit: editError, event: errorEvent },
};

export const anthropicMessages: Codec = structuredBy(fittedBy(plain, toolLimits), schemaMeans);
