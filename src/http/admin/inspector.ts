// What the admin API asks of whoever follows the calls that run here. Beside it a stand-in that knows of none.

import type { CallInspection } from "../../gateway/inspection.ts";
import type { LiveCall, LiveEvent } from "../../gateway/live-calls.ts";
import type { LiveView } from "./admin.ts";

export interface Inspector {
  readonly keeps: "off" | "headers" | "bodies";
  /** The oldest first. */
  calls(): readonly LiveCall[];
  /** 60 seconds, the oldest first. */
  minute(): LiveView["minute"];
  /** Calls back at each change until what comes back is called. Never waits for the listener. */
  watch(listener: (event: LiveEvent) => void): () => void;
  /** False: no call of that id runs here. */
  cancel(id: string): boolean;
  has(id: string): boolean;
  inspection(id: string): CallInspection | null;
}

const SECONDS = 60;

export const NO_INSPECTOR: Inspector = {
  keeps: "off",
  calls: () => [],
  minute: () => Array.from({ length: SECONDS }, () => ({ calls: 0, errors: 0, outputTokens: 0 })),
  watch: () => () => {},
  cancel: () => false,
  has: () => false,
  inspection: () => null,
};
