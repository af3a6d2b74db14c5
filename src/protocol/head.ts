// What routing needs to know of a body that contains model and stream switch itself, unless its path does.
// Does not read more of the body than that.

import { GatewayError } from "../errors.ts";
import { firstItem, members } from "../wire/json-edit.ts";
import { parse, type Json } from "../wire/json.ts";
import type { RequestHead, WireRequest } from "./codec.ts";

/**
 * The head of a body that contains model and stream switch itself. `list` names the member with the conversation's items.
 * @throws GatewayError `invalid-request` when the body is not a JSON object or names no model.
 */
export function bodyHead({ body, members: found, path }: WireRequest, list: string): RequestHead {
  let model: Json = null;
  let stream = false;
  let conversation = "";
  for (const { key, valueStart, valueEnd } of found ?? members(body)) {
    if (key === "model") model = parse(body.slice(valueStart, valueEnd));
    else if (key === "stream") stream = body.startsWith("true", valueStart);
    else if (key === list) conversation = firstItem(body, valueStart);
  }
  if (path !== null) return { ...path, conversation };
  if (typeof model !== "string" || model === "") {
    throw new GatewayError("invalid-request", "model must be a model name. GET /v1/models lists the available ones.", {
      param: "model",
    });
  }
  return { model, stream, conversation };
}
