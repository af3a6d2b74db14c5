// Adds the closest known names to a refusal when the upstream does not know the model. Only names that are not in the table get
// that far.
// Never changes the status of a refusal, or the message of one in the client's own protocol.

import { GatewayError } from "../errors.ts";
import type { Models } from "../models/models.ts";
import { members, spliced } from "../wire/json-edit.ts";

/** What upstreams say of an unknown model, in OpenAI's words and in everybody else's. */
const CODES: ReadonlySet<string> = new Set(["model_not_found", "model_not_available", "unknown_model", "1211"]);
const UNKNOWN =
  /\b(?:unknown|invalid|unsupported|unrecogni[sz]ed|no such) (?:\w+ )?model\b|\bmodel\b.{0,250}?\b(?:(?:is |was |does )?not (?:be )?(?:found|exist|supported|available)|doesn't exist|(?:is )?(?:unknown|unavailable|invalid|unrecogni[sz]ed))\b|\bnot found the model\b|^models?[:/]/i;
const STATUSES: ReadonlySet<number> = new Set([400, 404, 422]);
const MAX_MESSAGE_LENGTH = 1000;

/** Whether the upstream refuses a name that is not in the table either. */
export function isUnknownModel({ status, code, message }: GatewayError, model: string, models: Models): boolean {
  if (!STATUSES.has(status) || models.knows(model)) return false;
  return CODES.has(code ?? "") || UNKNOWN.test(message.slice(0, MAX_MESSAGE_LENGTH));
}

/** The error in other words than the upstream's, for clients of another protocol. */
export function withNames(error: GatewayError, model: string, models: Models): GatewayError {
  const { kind, status, param, type, details, headers, cause } = error;
  const sentence = error.message.trim().replace(/[^.!?]$/, "$&.");
  const code = error.code ?? "model_not_found";
  const options = {
    status,
    headers,
    cause,
    param: param ?? "model",
    code,
    ...(type === null ? {} : { type }),
    ...(details === null ? {} : { details }),
  };
  return new GatewayError(kind, `${sentence} ${models.hintFor(model)}`, options);
}

/** The upstream's own body, a JSON object, with the names as an additional member beside its message. */
export function withNamesMember(body: string, model: string, models: Models): string {
  const names = models.nearest(model);
  if (names.length === 0) return body;
  const error = members(body).find(({ key }) => key === "error");
  const start = error !== undefined && body[error.valueStart] === "{" ? error.valueStart : body.indexOf("{");
  const end = start === error?.valueStart ? error.valueEnd : body.length;
  const isEmpty = members(body.slice(start, end)).length === 0;
  return spliced(body, [{ start: start + 1, end: start + 1, text: `"nearest_models":${JSON.stringify(names)}${isEmpty ? "" : ","}` }]);
}
