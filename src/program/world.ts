// What the program is given of the world around it, and what it says of itself.
// Types only.

import type { Sha256 } from "../access/key-ring.ts";
import type { Spill } from "../access/ledger.ts";
import type { Store } from "../access/store.ts";
import type { Operator } from "../http/admin/operator.ts";
import type { After, Peers, ProcessFigures, Send, Unpack } from "../runtime/ports.ts";
import type { ConnectionPorts } from "../upstream/connection.ts";
import type { FetchPorts } from "../upstream/http-fetch.ts";

export interface World extends Pick<ConnectionPorts, "after"> {
  /** For everything but calls to the upstream. */
  readonly fetch: FetchPorts["fetch"];
  /** For calls to the upstream. Absent: `fetch`. */
  readonly send?: Send;
  /** As `after`, for what comes back again and again: it keeps no process from its end. Absent: `after`. */
  readonly background?: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  /** Calls back when what has come in by now has been looked at. Absent: at once. */
  readonly soon?: (callback: () => void) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  readonly sha256: Sha256;
  /** Absent: there are no keys but those of the configuration, and nothing is remembered. */
  readonly store?: Store;
  /** What whoever started the program can do for an administrator. Absent: nothing more. */
  readonly operator?: Operator;
  /** Whether only programs on this machine reach the server. Absent: HOST says it. */
  readonly isLocal?: () => boolean;
  /** Names this process among several on one store. Absent: a random name. */
  readonly replica?: string;
  /** The other processes on the same port. Absent: there are none. */
  readonly peers?: Peers;
  /** Where usage rows wait while the store is away. Absent: few wait, in memory. */
  readonly spill?: Spill;
  /** Undoes what a client, or an upstream, compressed. */
  readonly unpack: Unpack;
  /** Gets each log line. */
  readonly sink: (line: string) => void;
  /** Where LOG_FORMAT says nothing. */
  readonly logFormat: "text" | "json";
  /** Absent: nobody knows. */
  readonly figures?: () => ProcessFigures;
}

export interface Facts {
  readonly version: string;
  readonly runtime: string;
}
