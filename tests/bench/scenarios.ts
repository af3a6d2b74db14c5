// The table of scenarios.
// A scenario runs against every target: the runtimes asked for, nginx, peers, and the upstream itself for what a call takes without any of them.
// Does not measure anything; that is measure.ts.

import type { Shape } from "./answers.ts";
import type { RequestBody, WireProtocol } from "./requests.ts";

export interface Scenario {
  /** For `--only`: a word or its beginning. */
  readonly name: string;
  readonly title: string;
  /** What the client speaks, and where it calls. */
  readonly client: WireProtocol;
  /** What the upstream speaks. */
  readonly upstream: WireProtocol;
  readonly body: RequestBody;
  /** How the upstream answers. */
  readonly shape: Shape;
  /** How many clients call at once while CPU time and calls per second are measured. */
  readonly clients: number;
  /**
   * What latency is: of whole answers by one client that has the machine for itself, or of the first event while all clients call.
   */
  readonly latency: "alone" | "first-event";
  /** Longest time of one round, in milliseconds; a call that has begun ends. */
  readonly roundMs: number;
  /** Null: measured and shown, without a bar. */
  readonly bar: Bar | null;
}

export type Bar =
  /** CPU time of the process per call or per delta, over that of nginx passing the same request through. */
  | { readonly type: "times-nginx"; readonly of: "call" | "delta"; readonly max: number }
  /** Added time to the first event, median and 99th percentile, in milliseconds. */
  | { readonly type: "added-ms"; readonly max: number; readonly maxP99: number }
  /** CPU time of the process per call, in milliseconds. */
  | { readonly type: "cpu-ms"; readonly max: number }
  /** CPU time per delta, over that in another scenario; a tenth is left to the measuring. */
  | { readonly type: "times-scenario"; readonly scenario: string; readonly max: number };

const CALL = { body: "small", clients: 16, latency: "alone", roundMs: 1000 } as const;
const STREAM = { ...CALL, shape: "burst" } as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    ...CALL,
    name: "whole-chat-messages",
    title: "whole call, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    shape: "whole",
    bar: { type: "times-nginx", of: "call", max: 4 },
  },
  {
    ...CALL,
    name: "whole-chat-responses",
    title: "whole call, Chat -> Responses",
    client: "chat",
    upstream: "responses",
    shape: "whole",
    bar: { type: "times-nginx", of: "call", max: 4 },
  },
  {
    ...CALL,
    name: "whole-messages-responses",
    title: "whole call, Messages -> Responses",
    client: "messages",
    upstream: "responses",
    shape: "whole",
    bar: { type: "times-nginx", of: "call", max: 4 },
  },
  {
    ...CALL,
    name: "whole-same",
    title: "whole call, Messages passed through",
    client: "messages",
    upstream: "messages",
    shape: "whole",
    bar: { type: "times-nginx", of: "call", max: 3.2 },
  },
  {
    ...STREAM,
    name: "burst-converted",
    title: "200 deltas at once, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    bar: { type: "times-nginx", of: "call", max: 4.2 },
  },
  {
    ...STREAM,
    name: "burst-responses",
    title: "200 deltas at once, Messages -> Responses",
    client: "messages",
    upstream: "responses",
    bar: { type: "times-nginx", of: "call", max: 4.2 },
  },
  {
    ...STREAM,
    name: "burst-same",
    title: "200 deltas at once, Messages passed through",
    client: "messages",
    upstream: "messages",
    bar: { type: "times-nginx", of: "call", max: 2.1 },
  },
  {
    ...CALL,
    name: "paced-converted",
    title: "a delta every 5 ms, Chat -> Messages, 100 clients",
    client: "chat",
    upstream: "messages",
    shape: "paced",
    clients: 100,
    latency: "first-event",
    bar: { type: "times-nginx", of: "delta", max: 1.7 },
  },
  {
    ...CALL,
    name: "paced-same",
    title: "a delta every 5 ms, Messages passed through, 100 clients",
    client: "messages",
    upstream: "messages",
    shape: "paced",
    clients: 100,
    latency: "first-event",
    bar: { type: "times-nginx", of: "delta", max: 1.5 },
  },
  {
    ...CALL,
    name: "first-event",
    title: "time to first event, Chat -> Messages, 16 clients",
    client: "chat",
    upstream: "messages",
    shape: "brief",
    latency: "first-event",
    bar: { type: "added-ms", max: 0.35, maxP99: 1.2 },
  },
  {
    ...CALL,
    name: "history-converted",
    title: "100k tokens of history, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    body: "history",
    shape: "whole",
    clients: 4,
    bar: { type: "cpu-ms", max: 2.5 },
  },
  {
    ...CALL,
    name: "history-same",
    title: "100k tokens of history, Messages passed through",
    client: "messages",
    upstream: "messages",
    body: "history",
    shape: "whole",
    clients: 4,
    bar: null,
  },
  {
    ...CALL,
    name: "images-converted",
    title: "10 MB with images, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    body: "images",
    shape: "whole",
    clients: 2,
    bar: null,
  },
  {
    ...CALL,
    name: "images-same",
    title: "10 MB with images, Messages passed through",
    client: "messages",
    upstream: "messages",
    body: "images",
    shape: "whole",
    clients: 2,
    bar: null,
  },
  {
    ...CALL,
    name: "arguments-converted",
    title: "tool arguments of 1 MB in 5,000 deltas, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    body: "tool",
    shape: "arguments",
    clients: 4,
    bar: null,
  },
  {
    ...STREAM,
    name: "long-converted",
    title: "20,000 deltas, Chat -> Messages",
    client: "chat",
    upstream: "messages",
    shape: "long",
    clients: 4,
    bar: { type: "times-scenario", scenario: "burst-converted", max: 1.1 },
  },
  {
    ...STREAM,
    name: "long-same",
    title: "20,000 deltas, Messages passed through",
    client: "messages",
    upstream: "messages",
    shape: "long",
    clients: 4,
    bar: { type: "times-scenario", scenario: "burst-same", max: 1.1 },
  },
];

/** The bars of what is no call: see states.ts and ledger.ts. */
export const LIMITS = {
  startMs: 25,
  residentMb: 52,
  idleResidentMb: 98,
  idleStreams: 1000,
  denoTimesBun: 2,
  inspectedUs: 3,
  unlimitedUs: 10,
  limitedUs: 40,
  rowBytes: 400,
  reportMs: 200,
  lagMs: 5,
} as const;
