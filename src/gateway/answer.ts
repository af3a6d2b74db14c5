// What a call comes to, before it is a Response.
// Types only.

import type { GatewayError } from "../errors.ts";
import type { BodyReader } from "../runtime/ports.ts";
import type { KeepAlive, Pump } from "../wire/pump.ts";

/** What a call comes to: all of an answer, or one whose body is still under way. */
export type Answer = CompleteAnswer | StreamingAnswer;

interface Head {
  readonly status: number;
  /** Beside those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface CompleteAnswer extends Head {
  readonly type: "complete";
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** The error that the body says. Null: it says none. */
  readonly error: GatewayError | null;
}

export interface StreamingAnswer extends Head {
  readonly type: "streaming";
  /** What has been read of the upstream's answer, and what follows; null where nothing does. */
  readonly begun: readonly Uint8Array[];
  readonly rest: BodyReader | null;
  /** From the upstream's bytes to the client's. */
  readonly pump: Pump;
  /** Null: the client may wait as long as it takes. */
  readonly keepAlive: KeepAlive | null;
}
