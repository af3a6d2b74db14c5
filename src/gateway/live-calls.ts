// The calls that run now, for whoever watches. Types only, so far.
// Never holds a prompt, an answer or a key.

import type { ProtocolId } from "../protocol/canonical.ts";

/** `connecting`: the request goes out. `waiting`: nothing of the answer has come. `thinking`: reasoning comes. */
export type CallPhase = "admitted" | "connecting" | "waiting" | "thinking" | "streaming";

export interface LiveCall {
  /** The ledger's own id. */
  readonly id: string;
  readonly requestId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly key: string | null;
  readonly client: string | null;
  readonly session: string | null;
  readonly protocol: ProtocolId;
  readonly upstreamProtocol: ProtocolId | null;
  readonly modelAsked: string | null;
  readonly modelServed: string | null;
  readonly streaming: boolean;
  readonly phase: CallPhase;
  readonly elapsedMs: number;
  readonly firstByteMs: number | null;
  /** As counted so far. */
  readonly outputTokens: number;
  readonly attempts: number;
}

/** What a watcher gets: a call began or changed its phase, ended, or a second has passed. */
export type LiveEvent =
  | { readonly type: "call"; readonly call: LiveCall }
  | { readonly type: "ended"; readonly id: string; readonly status: number | null; readonly finish: string }
  | { readonly type: "tick"; readonly calls: readonly LiveCall[] };
