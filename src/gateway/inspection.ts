// What is kept of the latest calls for the inspector, only in memory, and how it is shown: see INSPECT.
// Never shows a secret; with `headers`, no prompt and no answer. Redacts and parses only what is asked for, when it is asked for.

import type { Ledger } from "../access/ledger.ts";
import type { Loss, ProtocolId } from "../protocol/canonical.ts";
import { shownUrl, type Redactor } from "../telemetry/redaction.ts";
import {
  CallRecording,
  plainHeaders,
  type AnswerRecording,
  type AttemptRecording,
  type Passed,
  type RecordedCall,
  type RecordingRing,
} from "./call-recording.ts";
import type { CallSummary } from "../telemetry/call-summary.ts";
import { EndedCalls, type EndedCall } from "./ended-calls.ts";
import { SAFE_HEADERS } from "./headers.ts";
import type { LiveCalls } from "./live-calls.ts";
import { jsonItems, streamEvents, textOf, type TimedEvent } from "./stream-events.ts";
import type { IncomingRequest } from "./request.ts";

export interface CallInspection {
  readonly kept: "headers" | "bodies";
  readonly protocol: ProtocolId;
  readonly upstreamProtocol: ProtocolId | null;
  readonly clientRequest: Message & { readonly method: string; readonly path: string };
  /** One for each request sent, fallbacks and retries included; the last one got the answer. */
  readonly attempts: readonly Attempt[];
  readonly clientAnswer: (Message & { readonly status: number; readonly events: readonly StreamEvent[] }) | null;
  readonly losses: readonly Loss[];
  /** Why the call failed. Null: it succeeded, or is still running. */
  readonly error: { readonly kind: string; readonly message: string } | null;
}

export interface Message {
  /** With secrets masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: not kept, absent, or a stream. */
  readonly body: string | null;
  /** Of the original, in bytes; in characters for a text of which only the headers are kept. */
  readonly bodyBytes: number;
  /** Whether `body`, or the events, are only a part of the original. */
  readonly isCut: boolean;
}

export interface Attempt {
  readonly model: string;
  readonly protocol: ProtocolId;
  readonly url: string;
  readonly request: Message;
  /** Milliseconds since the call began. */
  readonly sentMs: number;
  readonly answeredMs: number | null;
  /** Null: none came. */
  readonly answer: (Message & { readonly status: number; readonly events: readonly StreamEvent[] }) | null;
  /** Why another attempt followed. Null: this was the last one. */
  readonly why: string | null;
}

/** One event of a stream, with its protocol's name. */
export interface StreamEvent {
  /** Milliseconds since the call began. */
  readonly atMs: number;
  readonly name: string;
  readonly bytes: number;
  /** Null: not kept. */
  readonly data: string | null;
}

export interface InspectionSettings {
  readonly inspect: "off" | "headers" | "bodies";
  /** Limit for all calls together, in bytes. */
  readonly inspectBytes: number;
  /** Names of client keys whose calls are not recorded. */
  readonly inspectExcept: readonly string[];
}

/** What an administrator sees of this process's calls, and can do to them. */
export type OwnCalls = Pick<LiveCalls, "live" | "watch" | "cancel"> &
  Pick<Inspector, "inspection" | "isInspected"> &
  Pick<Ledger, "waiting">;

/** Keeps the latest calls; beyond the limits the oldest are dropped. */
export class Inspector implements RecordingRing {
  readonly #settings: () => InspectionSettings;
  /** Calls that run, or whose bodies are kept, oldest first. A set, since every call comes and goes while look-ups by id are rare. */
  readonly #recordings = new Set<CallRecording>();
  readonly #ended = new EndedCalls(MOST_CALLS);
  #kept: InspectionSettings["inspect"] = "off";
  #held = 0;
  /** The second in which the last successful call ended, and how many of that second were kept. */
  #second = 0;
  #keptInSecond = 0;

  /** `settings` is called for each call, since the settings may change. */
  constructor(settings: () => InspectionSettings) {
    this.#settings = settings;
  }

  get maxMessageBytes(): number {
    return this.#settings().inspectBytes / MESSAGES;
  }

  /** Records the call from now on. Null: it is not recorded. */
  record(request: IncomingRequest, call: RecordedCall): CallRecording | null {
    const { inspect, inspectExcept } = this.#current();
    if (inspect === "off" || (call.summary.callerId !== null && inspectExcept.includes(call.summary.callerId))) return null;
    const recording = new CallRecording(request, call, { ring: this, keepsBodies: inspect === "bodies" });
    this.#recordings.add(recording);
    this.#makeRoom();
    return recording;
  }

  hold(_: CallRecording, bytes: number): void {
    this.#held += bytes;
    this.#makeRoom();
  }

  ended(recording: CallRecording): void {
    const { keepsBodies, redactor, held, summary } = recording;
    if (keepsBodies || !this.#recordings.delete(recording)) return;
    this.#held -= held;
    if (!this.#keeps(summary)) return;
    this.#ended.add(summary.id, { facts: recording.facts(), redactor });
    this.#makeRoom();
  }

  /** A burst of successful calls must not drive out everything that was there before. */
  #keeps({ startedAtMs, durationMs, error, attempts }: Readonly<CallSummary>): boolean {
    if (error !== null || attempts > 1) return true;
    const second = Math.floor((startedAtMs + durationMs) / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#keptInSecond = 0;
    }
    return this.#keptInSecond++ < MOST_A_SECOND;
  }

  isInspected(id: string): boolean {
    this.#current();
    return this.#find(id) !== undefined || this.#ended.has(id);
  }

  /** What is kept of a call, by its id in the ledger. Null: nothing, or no longer. */
  inspection(id: string): CallInspection | null {
    this.#current();
    const recording = this.#find(id);
    if (recording !== undefined) return shown({ facts: recording.facts(), redactor: recording.redactor });
    const ended = this.#ended.find(id);
    return ended === null ? null : shown(ended);
  }

  #find(id: string): CallRecording | undefined {
    for (const recording of this.#recordings) if (recording.summary.id === id) return recording;
    return undefined;
  }

  /** Drops what was kept under other settings. */
  #current(): InspectionSettings {
    const settings = this.#settings();
    if (settings.inspect !== this.#kept) {
      this.#kept = settings.inspect;
      for (const recording of this.#recordings) recording.drop();
      this.#recordings.clear();
      this.#ended.clear();
      this.#held = 0;
    }
    return settings;
  }

  #makeRoom(): void {
    const { inspectBytes } = this.#settings();
    while (this.#ended.count > 0 && this.#held + this.#ended.bytes > inspectBytes) this.#ended.dropOldest();
    while (this.#held > inspectBytes || this.#recordings.size > MOST_CALLS) {
      const oldest = this.#recordings.values().next().value;
      if (oldest === undefined) return;
      this.#recordings.delete(oldest);
      this.#held -= oldest.held;
      oldest.drop();
    }
  }
}

/** The most calls kept, however small they are. */
const MOST_CALLS = 1000;
/** Of calls that succeeded at the first attempt, without bodies: so a thousand of them span at least twenty seconds. */
const MOST_A_SECOND = 50;
/** No message takes more than this fraction of the limit. */
const MESSAGES = 8;

function shown({ facts, redactor }: EndedCall): CallInspection {
  const { kept, protocol, upstreamProtocol, method, path, headers, body, attempts, answer, isStream, losses, error } = facts;
  return {
    kept,
    protocol,
    upstreamProtocol,
    clientRequest: { method, path: redactor.text(path), ...message(body, headers, redactor) },
    attempts: attempts.map((attempt, index) => shownAttempt(attempt, { redactor, isLast: index === attempts.length - 1 })),
    clientAnswer: answer === null ? null : shownAnswer(answer, { redactor, mayBeList: isStream }),
    losses: losses.map((loss) => ({ ...loss, field: redactor.text(loss.field), reason: redactor.text(loss.reason) })),
    error: error === null ? null : { kind: error.kind, message: redactor.text(error.message) },
  };
}

function shownAnswer(answer: AnswerRecording, options: AnsweredOptions): NonNullable<CallInspection["clientAnswer"]> {
  const { headers, ...shownMessage } = answered(answer, options);
  return { status: answer.status, headers: { ...SAFE_HEADERS, ...headers }, ...shownMessage };
}

function shownAttempt(attempt: AttemptRecording, { redactor, isLast }: { redactor: Redactor; isLast: boolean }): Attempt {
  const { model, protocol, url, headers, body, sentMs, answeredMs, answer, failure } = attempt;
  return {
    model,
    protocol,
    url: redactor.text(shownUrl(url)),
    request: message(body, headers, redactor),
    sentMs: tenths(sentMs),
    answeredMs: answeredMs === null ? null : tenths(answeredMs),
    answer: answer === null ? null : { status: answer.status, ...answered(answer, { redactor, mayBeList: false }) },
    why: isLast ? null : redactor.text(failure ?? "The answer paused, and the rest of it was asked for."),
  };
}

function message(body: Passed, headers: Readonly<Record<string, string>>, redactor: Redactor): Message {
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a copy of strings is strings
    headers: redactor.value(headers) as Readonly<Record<string, string>>,
    body: body.pieces === null ? null : redactor.text(textOf(body.pieces).replaceAll(CUT_MARK, "\u2026")),
    bodyBytes: body.bytes,
    isCut: body.isCut,
  };
}

/** What marks a cut in the text of a large body. */
const CUT_MARK = /gw\.cut\.\d+\.\d+\./g;

interface AnsweredOptions {
  readonly redactor: Redactor;
  readonly mayBeList: boolean;
}

function answered(
  { headers, body, isStream }: AnswerRecording,
  { redactor, mayBeList }: AnsweredOptions,
): Message & { readonly events: readonly StreamEvent[] } {
  const whole = message(body, plainHeaders(headers), redactor);
  const isList = mayBeList && !isStream && whole.body?.startsWith("[") === true;
  if (!isStream && !isList) return { ...whole, events: [] };
  const found = isList ? jsonItems(body) : streamEvents(body);
  return { ...whole, body: null, events: found.map((event) => shownEvent(event, redactor)) };
}

function shownEvent({ atMs, name, bytes, data }: TimedEvent, redactor: Redactor): StreamEvent {
  return { atMs: tenths(atMs), name: redactor.text(name), bytes, data: redactor.text(data) };
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
