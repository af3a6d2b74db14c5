// What a traced call notes on its way, for the spans that are made of it when it has ended.
// Never holds a key, or a word of the client's.

import { Histogram } from "./families.ts";
import { GEN_AI_SECONDS } from "./gen-ai.ts";
import type { Conversion } from "./phases.ts";
import { shouldSample, parseTraceParent, printTraceParent, SpanIds, traceIdOf, TRACEPARENT } from "./trace-context.ts";
import type { Sampling, TraceParent } from "./trace-context.ts";

/** One request upstream. Times are milliseconds from the beginning of the call. */
export interface Attempt {
  readonly spanId: string;
  readonly startMs: number;
  readonly model: string;
  /** Of it, no more than host and port are told to anybody. */
  readonly url: string;
  /** Null: nothing has come of it so far. */
  endMs: number | null;
  /** HTTP status. Null: there was no answer. */
  status: number | null;
  /** Null: it was answered. */
  error: string | null;
}

export interface Tracing {
  readonly sampling: Sampling;
  /** A UUID. */
  readonly newId: () => string;
}

interface Origin extends Tracing {
  readonly isInference: boolean;
}

export class CallTrace {
  readonly traceId: string;
  readonly spanId: string;
  /** The client's span. Null: it named none. */
  readonly parent: TraceParent | null;
  readonly isSampled: boolean;
  /** Whether an answer of a model is asked for, and no count of tokens. */
  readonly isInference: boolean;
  /** Of the span of all attempts together. */
  readonly inferenceId: string;
  readonly attempts: Attempt[] = [];
  /** The times of the request's conversion. Null: there was none. */
  conversion: Conversion | null = null;
  /** When the answer's first bytes came, in milliseconds from the beginning of the call. Null: none have. */
  firstChunkMs: number | null = null;
  /** Seconds between the chunks of a stream. Null: there were fewer than two. */
  chunkTimes: Histogram | null = null;
  readonly #ids: SpanIds;
  #lastChunkMs = 0;

  constructor(headers: Readonly<Record<string, string>>, { sampling, newId, isInference }: Origin) {
    this.isInference = isInference;
    this.#ids = new SpanIds(newId());
    this.parent = parseTraceParent(headers[TRACEPARENT]);
    this.traceId = this.parent?.traceId ?? traceIdOf(newId());
    this.spanId = this.#ids.next();
    this.inferenceId = this.#ids.next();
    this.isSampled = shouldSample(this.traceId, this.parent, sampling);
  }

  /** Of one more span of this call. */
  nextSpanId(): string {
    return this.#ids.next();
  }

  /** A request is about to go out; returns what it says in the header traceparent. */
  attempt(startMs: number, model: string, url: string): string {
    const spanId = this.#ids.next();
    this.attempts.push({ spanId, startMs, model, url, endMs: null, status: null, error: null });
    return printTraceParent({ traceId: this.traceId, spanId, isSampled: this.isSampled });
  }

  /** What came of it: a status, or the kind of an error. */
  attemptEnded(endMs: number, { status, error }: Pick<Attempt, "status" | "error">): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) Object.assign(attempt, { endMs, status, error });
  }

  /** A chunk of a stream has come. */
  chunk(atMs: number): void {
    if (this.firstChunkMs === null) this.firstChunkMs = atMs;
    else (this.chunkTimes ??= new Histogram(GEN_AI_SECONDS)).add((atMs - this.#lastChunkMs) / 1000);
    this.#lastChunkMs = atMs;
  }
}
