// Room: openai-responses (row 2).
// OpenAI's Responses API, both as what clients speak and as what upstreams speak: the files of this folder as one codec.
// Never does: know another protocol; the canonical form stands between.

import type { Codec } from "../codec.ts";
import { structuredBy } from "../structured-output.ts";
import { encode as encodeRequest } from "./request-encode.ts";
import { ReplyDecoder } from "./reply-decode.ts";
import { edit } from "./edit.ts";
import { ReplyEncoder } from "./reply-encode.ts";
import { decode as decodeError, encode as encodeError, event } from "./errors.ts";
import { decode as decodeReply, encode as encodeReply } from "./reply.ts";
import { decode as decodeRequest, head } from "./request-decode.ts";
import { NAMES } from "./wire.ts";

const plain: Codec = {
  id: "openai-responses",
  request: { decode: decodeRequest, encode: encodeRequest, head, edit },
  reply: {
    decode: decodeReply,
    encode: encodeReply,
    decoder: (exchange) => new ReplyDecoder(exchange),
    encoder: (exchange) => new ReplyEncoder(exchange),
    keepAlive: ": keep-alive\n\n",
  },
  error: { decode: decodeError, encode: encodeError, event },
};

/** OpenAI's answer format takes objects alone; a client of its own protocol knows that. */
export const openaiResponses: Codec = structuredBy(plain, ({ names }) => (names === NAMES ? "format" : "object-format"));
