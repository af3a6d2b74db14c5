// Room: openai-chat (row 2). The codec of OpenAI Chat Completions, for its clients and for the many servers that speak like it.
// Reads in this order: wire.ts (words and shapes), request.ts (messages-*.ts, parts.ts, tools.ts, sampling.ts, models.ts),
// reply.ts (decoder.ts, encoder.ts, calls.ts, usage.ts), proofs.ts, errors.ts, edit.ts.
// Never does: know another protocol.

import type { Codec } from "../codec.ts";
import { structuredBy } from "../structured-output.ts";
import { replyDecoder } from "./reply-decode.ts";
import { editRequest, requestHead } from "./edit.ts";
import { replyEncoder } from "./reply-encode.ts";
import { decodeError, encodeError, errorEvent } from "./errors.ts";
import { decodeReply, encodeReply } from "./reply.ts";
import { decodeRequest, encodeRequest } from "./request-decode.ts";
import { isOwn } from "./wire.ts";

const plain: Codec = {
  id: "openai-chat",
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    encode: encodeReply,
    decoder: (exchange) => replyDecoder(exchange),
    encoder: replyEncoder,
    keepAlive: ": keep-alive\n\n",
  },
  error: { decode: decodeError, encode: encodeError, event: errorEvent },
};

/** OpenAI's answer format takes objects alone; a client of its own protocol knows that. */
export const openaiChat: Codec = structuredBy(plain, ({ names }) => (isOwn(names) ? "format" : "object-format"));
