// Room: openai-responses (row 2), answers.
// In:  a whole answer of an upstream, or a whole canonical reply for a client.
// Out: the one from the other, by way of the machines that stream them, so that no mapping is written twice.
// Never does: take an error, an unfinished response or an answer in another shape for an answer.
//
// The events of a stream, in order (openai-node 7.57.0, `internal/responses/response-accumulator`, read 2026-11):
//
//   response.created  response.in_progress
//   per item, output_index 0, 1, 2 ...:
//     response.output_item.added                       the item, still empty, with its id
//       message:          per part, content_index 0, 1, 2 ...:
//                           response.content_part.added
//                           response.output_text.delta*  response.output_text.annotation.added*  response.output_text.done
//                           (or response.refusal.delta*  response.refusal.done)
//                           response.content_part.done
//       reasoning:        response.reasoning_summary_part.added  response.reasoning_summary_text.delta*
//                         response.reasoning_summary_text.done   response.reasoning_summary_part.done
//       function_call:    response.function_call_arguments.delta*  response.function_call_arguments.done
//       custom_tool_call: response.custom_tool_call_input.delta*   response.custom_tool_call_input.done
//     response.output_item.done                        the item, complete
//   response.completed | response.incomplete           the response, with all items
//   or, at any place:  error  response.failed

import { GatewayError } from "../../errors.ts";
import { isObject, parseOrUndefined, print } from "../../wire/json.ts";
import { run } from "../../wire/machine.ts";
import type { Reply } from "../canonical.ts";
import type { Exchange } from "../codec.ts";
import { fold, notJson, unfold } from "../fold.ts";
import { chatShape, ReplyDecoder } from "./reply-decode.ts";
import { ReplyEncoder } from "./reply-encode.ts";
import { decodeInside } from "./errors.ts";
import { decodeUsage } from "./response-object.ts";

/** @throws GatewayError `upstream-failed` when the body is no answer, or the error that it holds. */
export function decode(body: string, exchange: Exchange): Reply {
  const response = parseOrUndefined(body);
  if (!isObject(response)) throw notJson("an answer", body);
  if (Array.isArray(response["choices"])) throw chatShape();
  if (isObject(response["error"]) && !Array.isArray(response["output"])) throw decodeInside(response);
  if (!Array.isArray(response["output"])) throw new GatewayError("upstream-failed", "The upstream's answer has no output.");
  const reply = fold(new ReplyDecoder(exchange).whole(response));
  // An answer that was cut at a stop sequence has been generated, and paid for, as a whole.
  return { ...reply, usage: decodeUsage(response["usage"]) };
}

export function encode(reply: Reply, exchange: Exchange): string {
  const encoder = new ReplyEncoder(exchange);
  run(encoder, unfold(reply));
  return print(encoder.response);
}
