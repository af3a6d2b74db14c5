// What the official clients have in common, so that one table of scenarios fits them all.
// A driver per SDK (beside this file) writes the program that a user of this SDK would write.

import type { JsonObject } from "../../../src/wire/json.ts";
import type { ProtocolId } from "../../../src/protocol/canonical.ts";

/** `whole`: one answer. `streamed`: the SDK's stream helper. `raw`: the SDK's bare stream, or another way that users stream. */
export type Mode = "whole" | "streamed" | "raw";

/** Where a conversation is held. */
export interface Place {
  /** `http://<host>:<port>` */
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly schema: JsonObject;
}

/** Options of a whole conversation. */
export interface Settings {
  readonly system?: string;
  readonly tools?: readonly Tool[];
  /** The JSON schema of the answer. */
  readonly schema?: JsonObject;
  /** Low effort, with visible reasoning. */
  readonly reasoning?: boolean;
  readonly stop?: readonly string[];
  readonly maxTokens?: number;
  /** Default: 0. */
  readonly retries?: number;
}

export type Content =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly mediaType: string; readonly data: string }
  | { readonly type: "pdf"; readonly filename: string; readonly data: string };

export interface How {
  readonly mode: Mode;
  readonly signal?: AbortSignal;
  /** Called with each piece of text as it arrives. */
  readonly onText?: (piece: string) => void;
}

export interface ToldCall {
  readonly name: string;
  /** The arguments as a value. */
  readonly input: unknown;
  /** The arguments as text, where the SDK shows them. */
  readonly text: string | null;
  /** The same in the pieces in which they were streamed; null where the SDK does not show them. */
  readonly pieces: readonly string[] | null;
}

/** What the user's code received. */
export interface Told {
  readonly text: string;
  /** The text in its streamed pieces; null: not streamed. */
  readonly pieces: readonly string[] | null;
  readonly reasoning: string;
  readonly calls: readonly ToldCall[];
  /** In the SDK's words. */
  readonly finish: string;
  /** The SDK's own counters. */
  readonly usage: Readonly<Record<string, number | null | undefined>>;
}

/** A conversation; the driver keeps its history in the SDK's own objects, as users do. */
export interface Conversation {
  say(content: readonly Content[], how: How): Promise<Told>;
  /** Answers the calls of the last turn, in order. */
  answer(results: readonly string[], how: How): Promise<Told>;
}

/** An error as the SDK throws it. */
export interface Failure {
  /** The name of the error's class. */
  readonly type: string;
  readonly status: number | undefined;
  readonly message: string | undefined;
  /** Null where the SDK does not show it. */
  readonly retryAfter: string | null;
}

export type Finish = "end" | "stop-sequence" | "tool-calls" | "length";

export interface Counts {
  /** Includes `cached`. */
  readonly input: number;
  readonly cached: number;
  /** Includes `reasoning`. */
  readonly output: number;
  readonly reasoning: number;
}

export interface Client {
  readonly name: string;
  /** The protocol that it speaks. */
  readonly protocol: ProtocolId;
  readonly modes: readonly Mode[];
  start(place: Place, settings: Settings): Conversation;
  failure(error: unknown): Failure;
  /** How the SDK names what a scenario expects. */
  readonly words: {
    readonly finish: Readonly<Record<Finish, string>>;
    /** Null: the upstream has counted nothing. */
    usage(counts: Counts | null): Told["usage"];
    /** The class of the error for a status. */
    readonly errors: Readonly<Record<401 | 404 | 429 | 500, string>>;
    /** Whether the SDK shows the headers of an error. */
    readonly errorHeaders: boolean;
  };
}

/** Completes what a driver found out for a test to compare. */
export function toldCall(name: string, arguments_: string, pieces: readonly string[] | null): ToldCall {
  return { name, input: JSON.parse(arguments_), text: arguments_, pieces };
}

export function dataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`;
}
