// OpenAI's Responses API, as clients speak it and as upstreams speak it: the files of this folder as one codec.
// Never knows another protocol; the canonical form stands between.

import type { Codec } from "../codec.ts";
import { fittedBy } from "../fitted-tools.ts";
import { structuredBy } from "../structured-output.ts";
import { limitsOf } from "./capabilities.ts";
import { editRequest } from "./edit.ts";
import { decodeError, editError, encodeError, errorEvent, failureEvents } from "./errors.ts";
import { NumberedSigns } from "./keep-alive.ts";
import { decodeEnding, decodeReply, replyDecoder } from "./reply-decode.ts";
import { encodeReply, replyEncoder } from "./reply-encode.ts";
import { decodeRequest, requestHead } from "./request-decode.ts";
import { encodeRequest } from "./request-encode.ts";
import { toolLimits } from "./tools.ts";
import { NAMES } from "./wire.ts";

const plain: Codec = {
  id: "openai-responses",
  limitsOf,
  request: { decode: decodeRequest, encode: encodeRequest, head: requestHead, edit: editRequest },
  reply: {
    decode: decodeReply,
    ending: decodeEnding,
    encode: encodeReply,
    decoder: replyDecoder,
    encoder: replyEncoder,
    keepAlive: ": keep-alive\n\n",
    signsOfLife: () => new NumberedSigns(),
  },
  error: { decode: decodeError, encode: encodeError, edit: editError, event: (error) => errorEvent(error), events: failureEvents },
};

/** OpenAI's answer format accepts only objects; a client of this protocol knows that. */
export const openaiResponses: Codec = structuredBy(fittedBy(plain, toolLimits), ({ names }) =>
  names === NAMES ? "format" : "object-format",
);
