// What a traced call records while it runs; its spans are made from it at the end.
// Never holds a key, or a word of the client's.

import { Histogram } from "./families.ts";
import { GEN_AI_SECONDS } from "./gen-ai.ts";
import type { Conversion } from "./phases.ts";
import { shouldSample, parseTraceParent, printTraceParent, SpanIds, traceIdOf, TRACEPARENT } from "./trace-context.ts";
import type { Sampling, TraceParent } from "./trace-context.ts";

/** One request upstream. Times are milliseconds since the call began. */
export interface Attempt {
  readonly spanId: string;
  readonly startMs: number;
  readonly model: string;
  /** Only its host and port are ever reported. */
  readonly url: string;
  /** Null: no outcome yet. */
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
  /** Whether a model is asked for an answer, not for a token count. */
  readonly isInference: boolean;
  /** The id of the span of all attempts together. */
  readonly inferenceId: string;
  readonly attempts: Attempt[] = [];
  /** When the request was converted. Null: it was not. */
  conversion: Conversion | null = null;
  /** When the first bytes of the answer came, in milliseconds since the call began. Null: none yet. */
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

  /** A new span id for this call. */
  nextSpanId(): string {
    return this.#ids.next();
  }

  /** A request is about to go out; returns its traceparent header. */
  attempt(startMs: number, model: string, url: string): string {
    const spanId = this.#ids.next();
    this.attempts.push({ spanId, startMs, model, url, endMs: null, status: null, error: null });
    return printTraceParent({ traceId: this.traceId, spanId, isSampled: this.isSampled });
  }

  /** The outcome of the last request: a status, or the kind of an error. */
  attemptEnded(endMs: number, { status, error }: Pick<Attempt, "status" | "error">): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) Object.assign(attempt, { endMs, status, error });
  }

  /** A chunk of a stream has arrived. */
  chunk(atMs: number): void {
    if (this.firstChunkMs === null) this.firstChunkMs = atMs;
    else (this.chunkTimes ??= new Histogram(GEN_AI_SECONDS)).add((atMs - this.#lastChunkMs) / 1000);
    this.#lastChunkMs = atMs;
  }
}
