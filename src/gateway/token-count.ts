// Counts the tokens of a request: by the upstream where it can, otherwise by an estimate, which the answer's headers say.
// Does not generate anything, so no count is ever billed.

import { GatewayError } from "../errors.ts";
import type { Target } from "../models/models.ts";
import type { CanonicalRequest, ProtocolId } from "../protocol/canonical.ts";
import { readText } from "../upstream/upstream.ts";
import { members } from "../wire/json-edit.ts";
import { isObject, parseOrUndefined } from "../wire/json.ts";
import type { Answer, CompleteAnswer } from "./answer.ts";
import { WholeText, type BodyText } from "./body.ts";
import { attemptHeaders, headersForClient, JSON_HEADERS, reportHeaders } from "./headers.ts";
import { convertedBytes, ParsedBody, prepare, withPrompt, type PrepareContext, type PreparedCall, type ReceivedCall } from "./prepare.ts";
import { only } from "./retry.ts";
import { respond, SendOptions, textOf, type RespondContext } from "./respond.ts";
import { estimateTokens } from "./token-estimate.ts";

export async function countTokens(received: ReceivedCall, target: Target, context: RespondContext): Promise<Answer> {
  const { call } = received;
  const prepared = await prepareCount(received, target, context);
  if (prepared !== null) {
    const sent = await context.ports.attempts.post(only(prepared), new SendOptions(call, context));
    const { found, attempts } = sent;
    if (found.type === "refusal") {
      if (!COUNTS_NOTHING.has(found.status)) return respond(sent, context);
    } else {
      const text = await readText(found.rest, context.settings.limits.maxReplyBytes, found.begun);
      const body = prepared.asked === null ? text : converted(text, call.incoming.route.protocol);
      if (body !== null) {
        call.progress.answered(found, prepared);
        return counted(received, body, {
          ...headersForClient(found.headers),
          ...reportHeaders(call.incoming.requestId, prepared.losses),
          ...attemptHeaders({ count: attempts.count }),
        });
      }
    }
  }
  const { body, wire } = unwrapped(received);
  call.progress.clock.enter("convert");
  call.memory.need(convertedBytes(received));
  const request = withPrompt(call.reader.request.decode({ ...wire, body: body.whole() }), context.settings.systemPrompt);
  refuseStored(request);
  call.progress.estimated();
  return counted(received, countBody(await estimateTokens(request), call.incoming.route.protocol), {
    ...reportHeaders(call.incoming.requestId, []),
    "x-factory-proxy-estimated": "input_tokens",
  });
}

/** Refuses a request that refers to stored parts: an estimate without them would look like a count of all that the model reads. */
function refuseStored({ extensions }: CanonicalRequest): void {
  const stored = extensions.find(({ field }) => STORED.has(field));
  if (stored === undefined) return;
  const text = `${stored.field}: Stored content can't be counted here. Send it in the request itself.`;
  throw new GatewayError("invalid-request", text, { param: stored.field, code: "unsupported_by_upstream" });
}

const STORED: ReadonlySet<string> = new Set(["previous_response_id", "conversation", "prompt", "cachedContent"]);

/** The request that makes the upstream count; null where it can't. @throws GatewayError when it can't carry the request. */
export async function prepareCount(received: ReceivedCall, target: Target, context: PrepareContext): Promise<PreparedCall | null> {
  if (target.countTokensUrl === null) return null;
  const { body, ...rest } = unwrapped(received);
  // The body is read again where the upstream turns out not to count.
  const kept: BodyText = {
    length: body.length,
    text: body.text,
    whole: () => body.whole(),
    restored: (edited) => body.restored(edited, { final: false }),
  };
  const prepared = await prepare({ ...rest, body: kept }, { ...target, url: target.countTokensUrl }, context);
  return prepared.asked === null ? prepared : { ...prepared, body: countable(textOf(prepared.body)) };
}

/** Statuses of an upstream that does not count at all. An unknown model is left for the call itself to find. */
const COUNTS_NOTHING: ReadonlySet<number> = new Set([404, 405, 501]);

/** What Anthropic's endpoint takes (https://docs.claude.com/en/api/messages-count-tokens, read 2026-11); it refuses anything else. */
const COUNTED: ReadonlySet<string> = new Set(
  "model messages system tools tool_choice thinking output_config cache_control context_management mcp_servers".split(" "),
);

function countable(body: string): string {
  const kept = members(body).filter(({ key }) => COUNTED.has(key));
  return `{${kept.map(({ key, valueStart, valueEnd }) => `${JSON.stringify(key)}:${body.slice(valueStart, valueEnd)}`).join(",")}}`;
}

/** Gemini's clients may wrap the whole request, with instructions and tools, in one member. */
function unwrapped(received: ReceivedCall): ReceivedCall {
  const { call, body, wire } = received;
  if (call.reader.id !== "gemini") return received;
  const found = wire.members ?? members(wire.body);
  if (!found.some(({ key }) => key === "generateContentRequest")) return received;
  const whole = body.whole();
  const inner = members(whole).find(({ key }) => key === "generateContentRequest");
  const text = whole.slice(inner?.valueStart, inner?.valueEnd);
  return {
    ...received,
    body: new WholeText(text, body.length),
    wire: { ...wire, body: text, members: members(text) },
    parsed: new ParsedBody(undefined),
  };
}

/** Anthropic's answer in the client's protocol; null when it is not a count. */
function converted(text: string, protocol: ProtocolId): string | null {
  const answer = parseOrUndefined(text);
  const tokens = isObject(answer) ? Number(answer["input_tokens"] ?? Number.NaN) : Number.NaN;
  return Number.isNaN(tokens) ? null : countBody(tokens, protocol);
}

function countBody(tokens: number, protocol: ProtocolId): string {
  if (protocol === "gemini") return JSON.stringify({ totalTokens: tokens });
  if (protocol === "openai-responses") return JSON.stringify({ object: "response.input_tokens", input_tokens: tokens });
  return JSON.stringify({ input_tokens: tokens });
}

function counted({ call }: ReceivedCall, body: string, headers: Readonly<Record<string, string>>): CompleteAnswer {
  const { progress } = call;
  progress.sent(body);
  const shown = progress.redaction.headers({ ...headers, ...JSON_HEADERS });
  return { type: "complete", status: 200, headers: shown, body, error: null };
}
