// What is kept of a call for the inspector: see INSPECT. Types only, so far.
// Never holds a secret; with `headers` no prompt and no answer.

import type { Loss, ProtocolId } from "../protocol/canonical.ts";

export interface CallInspection {
  readonly kept: "headers" | "bodies";
  readonly protocol: ProtocolId;
  readonly upstreamProtocol: ProtocolId | null;
  readonly clientRequest: Message & { readonly method: string; readonly path: string };
  /** One for each time that a request was sent, fallbacks and retries included; the last is the one that answered. */
  readonly attempts: readonly Attempt[];
  readonly clientAnswer: (Message & { readonly status: number; readonly events: readonly StreamEvent[] }) | null;
  readonly losses: readonly Loss[];
  /** Why the call ended other than well. Null: it ended well. */
  readonly error: { readonly kind: string; readonly message: string } | null;
}

export interface Message {
  /** With secrets masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: not kept, or there was none. */
  readonly body: string | null;
  /** In bytes, as it was. */
  readonly bodyBytes: number;
  /** Whether `body` is only its beginning. */
  readonly isCut: boolean;
}

export interface Attempt {
  readonly model: string;
  readonly protocol: ProtocolId;
  readonly url: string;
  readonly request: Message;
  /** Milliseconds from the beginning of the call. */
  readonly sentMs: number;
  readonly answeredMs: number | null;
  /** Null: none came. */
  readonly answer: (Message & { readonly status: number; readonly events: readonly StreamEvent[] }) | null;
  /** Why it was not the last one. Null: it was. */
  readonly why: string | null;
}

/** One event of a stream, under its own name. */
export interface StreamEvent {
  /** Milliseconds from the beginning of the call. */
  readonly atMs: number;
  readonly name: string;
  readonly bytes: number;
  /** Null: not kept. */
  readonly data: string | null;
}
