// The summary of one call: a value made once, when the call has ended, for everybody who observes calls.
// Does not hold a key, a header or a body.

import type { UsageSource } from "../access/store.ts";
import type { GatewayError } from "../errors.ts";
import type { Pool } from "../models/catalog.ts";
import type { Cost } from "../models/price.ts";
import type { FinishReason, ProtocolId, Usage } from "../protocol/canonical.ts";
import type { CallTrace } from "./call-trace.ts";
import type { Timings } from "./phases.ts";

export interface CallSummary {
  /** The call's id in the ledger: made here and unique. The same as the request id, unless the client chose that. */
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
  /** The name of the client key; without one `anonymous`, or the first characters of the hash of the client's own Factory key. Null: not admitted. */
  readonly callerId: string | null;
  /** The calling program, `claude-code` or `openai-node`, according to its headers. Null: it does not say. */
  readonly client: string | null;
  /** The client's own name for its session, otherwise the id that Factory gets for the conversation. Null: the client has none, and nothing was sent. */
  readonly session: string | null;
  /** Which of several agents in the session. Null: the client does not say. */
  readonly agent: string | null;
  /** The model as the client named it. Null: the request was not read. */
  readonly model: string | null;
  /** Whether the client asked for a stream. Null: the request was not read. */
  readonly streaming: boolean | null;
  /** The model that answered, or was asked last, as its upstream names it. Null: no model was found. */
  readonly upstreamModel: string | null;
  /** The protocol of that upstream. Null: no model was found. */
  readonly upstreamProtocol: ProtocolId | null;
  /** The value of `x-api-provider`. Null: no model was found. */
  readonly provider: string | null;
  /** The allowance of the plan that it draws on. Null: not known, or no model was found. */
  readonly pool: Pool | null;
  /** The first 8 hex digits of the SHA-256 of the last Factory key used. Null: nothing was sent. */
  readonly factoryKey: string | null;
  /** The model that was asked for where another one answered; null otherwise. */
  readonly fallback: string | null;
  /**
   * HTTP status: the upstream's for its own answer, 499 where the client left, otherwise that of the error sent instead of an answer, and 200
   * for an estimated token count. An answer that fails after its head went out keeps its first status.
   * Null: nothing was asked (`/explain`).
   */
  readonly status: number | null;
  /** Why there was no answer, or why it ended before it was complete. Null: the answer is complete. */
  readonly error: GatewayError | null;
  /** Why the model stopped. Null: it did not get there, or the upstream did not say. */
  readonly finish: FinishReason | null;
  /** Tokens; see `source`. Null: nothing was generated, as far as is known. */
  readonly usage: Usage | null;
  /**
   * `upstream`: all of `usage` was reported by the upstream. `counted`: the output was counted from what was delivered, since the answer ended
   * before the upstream's report. `estimated`: the input was estimated as well, from the length of the request; without `usage`, the
   * answer is itself an estimated token count.
   */
  readonly source: UsageSource;
  /** What `usage` costs. Null: there is no usage, or no model was found. */
  readonly cost: Cost | null;
  /** Requests sent upstream for this answer, fallbacks included. Of those that continue a paused answer only repeated ones count. 0: none. */
  readonly attempts: number;
  /** How often the answer paused and was continued. */
  readonly continuations: number;
  /** Request fields that the conversion dropped, by the names of the client's protocol. */
  readonly dropped: readonly string[];
  /** Milliseconds from the beginning of the call until it was admitted and its body had come. Null: not admitted. */
  readonly admissionMs: number | null;
  /** Milliseconds from the beginning of the call to the first byte of the answer. Null: there was none, or an error instead. */
  readonly firstByteMs: number | null;
  /** Milliseconds from the beginning of the call to its end. */
  readonly durationMs: number;
  /** How `durationMs` was spent. All 0 until the call has ended. */
  readonly timings: Timings;
  /** The client's trace, or this program's. Null: the client named none, and calls are not traced. */
  readonly traceId: string | null;
  /** For the collector. Null: calls are not traced. */
  readonly trace: CallTrace | null;
}

/** Gets the summary of each call, once, when the call has ended. Must not wait; an exception is logged and has no other effect. */
export type CallObserver = (summary: CallSummary) => void;
