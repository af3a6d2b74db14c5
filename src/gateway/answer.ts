// The result of a call, before it becomes a Response.
// Types only.

import type { GatewayError } from "../errors.ts";
import type { BodyReader } from "../runtime/ports.ts";
import type { KeepAlive, Pump } from "../wire/pump.ts";

/** The result of a call: a complete answer, or one whose body is still streaming. */
export type Answer = CompleteAnswer | StreamingAnswer;

interface Head {
  readonly status: number;
  /** In addition to the headers that every answer gets. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface CompleteAnswer extends Head {
  readonly type: "complete";
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** The error that the body reports. Null: none. */
  readonly error: GatewayError | null;
}

export interface StreamingAnswer extends Head {
  readonly type: "streaming";
  /** What has been read of the upstream's answer so far, and what follows; null: nothing follows. */
  readonly begun: readonly Uint8Array[];
  readonly rest: BodyReader | null;
  /** From the upstream's bytes to the client's bytes. */
  readonly pump: Pump;
  /** Null: no keep-alive is sent. */
  readonly keepAlive: KeepAlive | null;
}
