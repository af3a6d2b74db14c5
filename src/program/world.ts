// What the program gets from the outside world, and what it says about itself.
// Types only.

import type { Sha256 } from "../access/key-ring.ts";
import type { Spill } from "../access/ledger.ts";
import type { Store } from "../access/store.ts";
import type { Operator } from "../http/admin/operator.ts";
import type { After, Peers, ProcessFigures, Send, Unpack } from "../runtime/ports.ts";
import type { ConnectionPorts } from "../upstream/connection.ts";
import type { FetchPorts } from "../upstream/http-fetch.ts";

export interface World extends Pick<ConnectionPorts, "after"> {
  /** For everything except calls to the upstream. */
  readonly fetch: FetchPorts["fetch"];
  /** For calls to the upstream. Absent: `fetch`. */
  readonly send?: Send;
  /** As `after`, for recurring tasks: it does not keep the process alive. Absent: `after`. */
  readonly background?: After;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  /** Calls back once the input that has already arrived is handled. Absent: at once. */
  readonly soon?: (callback: () => void) => void;
  /** At least 0, below 1. */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  readonly sha256: Sha256;
  /** Absent: there are no keys except those of the configuration, and nothing is stored. */
  readonly store?: Store;
  /** What the starter of the program can do for an administrator. Absent: nothing more. */
  readonly operator?: Operator;
  /** Whether only programs on this machine can reach the server. Absent: HOST decides. */
  readonly isLocal?: () => boolean;
  /** Name of this process among several on one store. Absent: a random name. */
  readonly replica?: string;
  /** The other processes on the same port. Absent: none. */
  readonly peers?: Peers;
  /** Where usage rows wait while the store is away. Absent: only a few wait, in memory. */
  readonly spill?: Spill;
  /** Decompresses what a client, or an upstream, compressed. */
  readonly unpack: Unpack;
  /** Gets each log line. */
  readonly sink: (line: string) => void;
  /** For when LOG_FORMAT is not set. */
  readonly logFormat: "text" | "json";
  /** Absent: not known. */
  readonly figures?: () => ProcessFigures;
}

export interface Facts {
  readonly version: string;
  readonly runtime: string;
  /** Whether a script answers instead of Factory. Absent: no. */
  readonly isDemo?: boolean;
}
