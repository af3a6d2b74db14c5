// What one call came to: a value made once, when the call has ended, for everybody who observes calls.
// Does not hold a key, a header or a body.

import type { UsageSource } from "../access/store.ts";
import type { GatewayError } from "../errors.ts";
import type { Pool } from "../models/catalog.ts";
import type { Cost } from "../models/price.ts";
import type { FinishReason, ProtocolId, Usage } from "../protocol/canonical.ts";
import type { CallTrace } from "./call-trace.ts";
import type { Timings } from "./phases.ts";

export interface CallSummary {
  /** Of the call in the ledger: made here, and never twice. The request id, unless the client chose that. */
  readonly id: string;
  /** Unix time in milliseconds. */
  readonly startedAtMs: number;
  /** The client's own `x-request-id` where that is well-formed, otherwise one made for the call. */
  readonly requestId: string;
  /** HTTP method. */
  readonly method: string;
  /** As the client wrote it, without the query. */
  readonly path: string;
  /** The client's protocol: that of the route. */
  readonly protocol: ProtocolId;
  /** The name of the client key; `anonymous`, or the first characters of the hash of a client's own Factory key, without one. Null: nobody was admitted. */
  readonly callerId: string | null;
  /** The program that calls, `claude-code` or `openai-node`, as far as it says so. Null: it does not. */
  readonly client: string | null;
  /** The client's own name of its session, else the id that Factory gets for the conversation. Null: nothing was sent, and the client has none. */
  readonly session: string | null;
  /** Which of several agents in the session. Null: the client does not say. */
  readonly agent: string | null;
  /** The model as the client named it. Null: the request was not read so far. */
  readonly model: string | null;
  /** Whether the client asked for a stream. Null: the request was not read so far. */
  readonly streaming: boolean | null;
  /** The model that answered, or was asked last, as its upstream calls it. Null: no model was found. */
  readonly upstreamModel: string | null;
  /** The protocol of that upstream. Null: no model was found. */
  readonly upstreamProtocol: ProtocolId | null;
  /** The value of `x-api-provider`. Null: no model was found. */
  readonly provider: string | null;
  /** Which allowance of the plan it draws on. Null: nobody has said, or no model was found. */
  readonly pool: Pool | null;
  /** The first 8 hex digits of the SHA-256 of the Factory key that was used last. Null: nothing was sent. */
  readonly factoryKey: string | null;
  /** The model that was asked for where another one answered; null otherwise. */
  readonly fallback: string | null;
  /**
   * HTTP status: the upstream's for its own answer, 499 where the client left, otherwise that of the error which the client got instead of
   * an answer, and 200 for a count of tokens that is estimated here. An answer that fails after its head went out keeps the status it began with.
   * Null: nothing was asked (`/explain`).
   */
  readonly status: number | null;
  /** Why there was no answer, or why it ended before it was complete. Null: the answer is complete. */
  readonly error: GatewayError | null;
  /** Why the model stopped. Null: it did not get there, or the upstream did not say. */
  readonly finish: FinishReason | null;
  /** Tokens; see `source`. Null: nothing was generated, as far as anybody can tell. */
  readonly usage: Usage | null;
  /**
   * `upstream`: all of `usage` is what the upstream said. `counted`: the output is counted from what was delivered, since the answer ended
   * before the upstream said it. `estimated`: the input too is a guess, made from the length of the request; without `usage`,
   * the answer is a count of tokens that was estimated here.
   */
  readonly source: UsageSource;
  /** What `usage` costs. Null: there is no usage, or no model was found. */
  readonly cost: Cost | null;
  /** Requests sent upstream for this answer, fallbacks included; of those for the rest of a paused answer only the repeated ones. 0: none. */
  readonly attempts: number;
  /** How often the answer paused and the rest was asked for. */
  readonly continuations: number;
  /** Request fields that a conversion could not carry, as the client's protocol calls them. */
  readonly dropped: readonly string[];
  /** Milliseconds from the beginning of the call until it was admitted and its body had come. Null: it was not. */
  readonly admissionMs: number | null;
  /** Milliseconds from the beginning of the call to the first byte of the answer. Null: there was none, or an error in its place. */
  readonly firstByteMs: number | null;
  /** Milliseconds from the beginning of the call to its end. */
  readonly durationMs: number;
  /** Where that went. All 0 until the call has ended. */
  readonly timings: Timings;
  /** The client's trace, or that of this program. Null: the client named none, and calls are not traced. */
  readonly traceId: string | null;
  /** What is told of it to a collector. Null: calls are not traced. */
  readonly trace: CallTrace | null;
}

/** Gets the summary of each call, once, when the call has ended. Must not wait; what it throws is logged, and changes nothing. */
export type CallObserver = (summary: CallSummary) => void;
