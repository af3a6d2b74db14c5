// Room: anthropic-messages/codec (row 2).
// The codec of Anthropic's Messages API: a client of it, and an upstream.
// In and out: see request.ts, reply.ts, error.ts.
// Never does: anything of its own.

import type { Codec } from "../codec.ts";
import { structuredBy } from "../structured-output.ts";
import { continuation } from "./continuation.ts";
import { decoder } from "./reply-decode.ts";
import { edit } from "./edit.ts";
import { encoder } from "./reply-encode.ts";
import * as error from "./errors.ts";
import { schemaMeans } from "./structured-output.ts";
import * as reply from "./reply.ts";
import * as request from "./request-encode.ts";
import { ID } from "./wire.ts";

const plain: Codec = {
  id: ID,
  request: { decode: request.decode, encode: request.encode, head: request.head, edit },
  reply: {
    decode: reply.decode,
    encode: reply.encode,
    decoder,
    encoder,
    keepAlive: 'event: ping\ndata: {"type": "ping"}\n\n',
    continuation,
  },
  error: { decode: error.decode, encode: error.encode, event: error.event },
};

export const anthropicMessages: Codec = structuredBy(plain, schemaMeans);
