// An answer in Bedrock's form: the Messages answer that was made for the call, its events as frames.
// Does not change what an event says.

import { frameOf } from "../protocol/bedrock.ts";
import { frameEncoder } from "../wire/event-stream.ts";
import type { Machine } from "../wire/machine.ts";
import { concat, type Pump } from "../wire/pump.ts";
import { sseDecoder, type SseEvent, type SseLimits } from "../wire/sse.ts";
import type { Answer } from "./answer.ts";
import type { CallProgress } from "./call-progress.ts";
import { failure } from "./call.ts";

const ENCODER = new TextEncoder();

interface Options {
  readonly progress: CallProgress;
  readonly limits: SseLimits;
}

/** The same answer in Bedrock's form: a stream's events as frames, and a passed error in the shape that all errors have. */
export async function inBedrockForm(answer: Answer, { progress, limits }: Options): Promise<Answer> {
  if (answer.type === "complete" && answer.error !== null) return failure(answer.error, progress, answer.headers);
  if (answer.headers["content-type"]?.startsWith("text/event-stream") !== true) return answer;
  const encode = await frameEncoder();
  const framed = (events: readonly SseEvent[]): Uint8Array<ArrayBuffer> => concat(events.map((event) => encode(frameOf(event))));
  const headers = { ...answer.headers, ...HEADERS };
  if (answer.type === "streaming") {
    const { pump, keepAlive } = answer;
    return {
      ...answer,
      headers,
      pump: framedPump(pump, { sse: sseDecoder(limits), framed }),
      keepAlive: keepAlive === null ? null : { ...keepAlive, sign: () => framed(eventsIn(keepAlive.sign(), limits)) },
    };
  }
  const bytes = typeof answer.body === "string" ? ENCODER.encode(answer.body) : answer.body;
  return { ...answer, headers, body: framed(eventsIn(bytes, limits)) };
}

const HEADERS = { "content-type": "application/vnd.amazon.eventstream", "x-amzn-bedrock-content-type": "application/json" };

function eventsIn(bytes: Uint8Array, limits: SseLimits): SseEvent[] {
  const sse = sseDecoder(limits);
  return [...sse.step(bytes), ...sse.end()];
}

interface Framing {
  readonly sse: Machine<Uint8Array, SseEvent>;
  readonly framed: (events: readonly SseEvent[]) => Uint8Array;
}

/** A pump emits whole events; only after its last output must nothing be left over. */
function framedPump(pump: Pump, { sse, framed }: Framing): Pump {
  const next = (out: Uint8Array | null): Uint8Array | null => (out === null ? null : framed(sse.step(out)));
  const last = (out: Uint8Array | null): Uint8Array => framed([...(out === null ? [] : sse.step(out)), ...sse.end()]);
  return {
    step: (chunk) => next(pump.step(chunk)),
    end: () => last(pump.end()),
    fail: (error) => last(pump.fail(error)),
    left: () => pump.left?.(),
    get finished() {
      return pump.finished;
    },
  };
}
