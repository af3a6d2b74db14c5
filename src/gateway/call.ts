// Room: record (row 4).
// In:  what each step of a call finds out.
// Out: one log line when the call ends, and under LOG_LEVEL=debug the headers and bodies on the way.
// Never does: change anything that passes, or write the line twice.

import { shownUrl } from "../telemetry/redaction.ts";
import { ERRORS, GatewayError } from "../errors.ts";
import type { IncomingRequest } from "./request.ts";
import type { Caller } from "../access/keys.ts";
import type { Log, LogFields } from "../telemetry/log.ts";
import type { Target } from "../models/models.ts";
import type { Loss, ProtocolId, Reply } from "../protocol/canonical.ts";
import type { RequestHead } from "../protocol/codec.ts";
import { Meter, asGatewayError } from "./convert.ts";
import type { Outcome, Pump } from "../wire/pump.ts";
import type { UpstreamAnswer, UpstreamRefusal } from "../upstream/upstream.ts";

export interface RecordPorts {
  readonly log: Log;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

export interface RecordedCall {
  readonly request: IncomingRequest;
  readonly requestId: string;
  readonly route: { readonly protocol: ProtocolId };
}

/** How much of a streamed answer a debug log keeps, in bytes. */
const MAX_DEBUG_BYTES = 256 * 1024;

export class CallRecord {
  /** Filled by the relay while the answer passes. */
  readonly meter = new Meter();
  readonly #monotonic: () => number;
  readonly #startedMs: number;
  readonly #fields: Record<string, unknown>;
  #log: Log;
  #firstByteMs: number | null = null;
  #leave: () => void = () => {};
  #isOver = false;

  constructor(ports: RecordPorts, call: RecordedCall) {
    const { raw, path, keys, headers } = call.request;
    this.#monotonic = ports.monotonic;
    this.#startedMs = ports.monotonic();
    this.#log = ports.log.knowing(keys);
    this.#fields = { requestId: call.requestId, method: raw.method, path, protocol: call.route.protocol };
    this.#debug("client request", () => ({ headers }));
  }

  /** `leave` is called when the call ends. */
  caller(caller: Caller, leave: () => void): void {
    this.#leave = leave;
    this.#fields["caller"] = caller.id;
    this.#log = this.#log.knowing([caller.upstreamKey]);
  }

  clientBody(body: string): void {
    this.#debug("client body", () => ({ body }));
  }

  head(head: RequestHead): void {
    this.#fields["model"] = head.model;
    this.#fields["streamed"] = head.stream;
  }

  target(target: Target): void {
    this.#fields["upstreamModel"] = target.model;
    this.#fields["upstreamProtocol"] = target.protocol;
  }

  /** A request is sent for the `count`th time; an answer that paused has several requests. */
  attempts(count: number): void {
    if (count > 1) this.#fields["attempts"] = Number(this.#fields["attempts"] ?? 1) + 1;
  }

  /** The answer paused, and the rest is asked for. Returns when the call began, in monotonic milliseconds. */
  continued(): number {
    this.#fields["continuations"] = Number(this.#fields["continuations"] ?? 0) + 1;
    return this.#startedMs;
  }

  upstreamRequest(call: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: unknown }): void {
    this.#debug("upstream request", () => ({ url: shownUrl(call.url), headers: call.headers, body: call.body }));
  }

  /** The answer that was found, and for which target. */
  answer({ target, losses }: { readonly target: Target; readonly losses: readonly Loss[] }, found: UpstreamAnswer | UpstreamRefusal): void {
    this.target(target);
    if (losses.length > 0) this.#fields["dropped"] = losses.map(({ field }) => field);
    this.#fields["status"] = found.status;
    const body = found.type === "refusal" ? { body: found.body } : {};
    this.#debug("upstream answer", () => ({ status: found.status, headers: Object.fromEntries(found.headers), ...body }));
  }

  reply(reply: Reply): void {
    this.meter.usage = reply.usage;
    this.meter.finish = reply.finish;
  }

  /** What the client gets, for the debug log. */
  sent(body: () => string): void {
    this.#firstByteMs ??= this.#monotonic();
    this.#debug("client answer", () => ({ body: body() }));
  }

  /** The same pump, with the time of its first byte noted. */
  timed(pump: Pump): Pump {
    const debug = this.#log.enabled("debug") ? new DebugText() : null;
    const note = (out: Uint8Array | null): Uint8Array | null => {
      if (out !== null) {
        this.#firstByteMs ??= this.#monotonic();
        debug?.add(out);
      }
      return out;
    };
    const last = (out: Uint8Array | null): Uint8Array | null => {
      note(out);
      this.sent(() => debug?.text() ?? "");
      return out;
    };
    return {
      step: (chunk) => {
        const out = pump.step(chunk);
        return pump.finished ? last(out) : note(out);
      },
      end: () => last(pump.end()),
      fail: (error) => last(pump.fail(error)),
      left: () => pump.left?.(),
      get finished() {
        return pump.finished;
      },
    };
  }

  /** The answer has been sent, or can't be sent any more. */
  end(outcome: Outcome): void {
    if (outcome.type === "complete") return this.#write(this.meter.error);
    if (outcome.type === "cancelled") return this.#write(new GatewayError("cancelled", "The client closed the connection."));
    this.#write(asGatewayError(outcome.error));
  }

  /** The call ended with an error that the client got with this status. */
  fail(error: GatewayError, status: number): void {
    this.#fields["status"] = status;
    this.#write(error);
  }

  #write(error: GatewayError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    const { usage, finish } = this.meter;
    const fields = this.#fields;
    fields["durationMs"] = Math.round(this.#monotonic() - this.#startedMs);
    fields["firstByteMs"] = this.#firstByteMs === null ? null : Math.round(this.#firstByteMs - this.#startedMs);
    fields["finish"] = finish?.kind ?? null;
    if (usage !== null) {
      fields["inputTokens"] = (usage.inputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0);
      fields["cacheReadTokens"] = usage.cacheReadTokens;
      fields["outputTokens"] = usage.outputTokens;
    }
    if (error === null) return this.#log.info("request", fields);
    fields["error"] = error.kind;
    fields["message"] = error.message;
    if (error.kind === "cancelled") fields["status"] = error.status;
    if (error.cause !== undefined) fields["cause"] = describe(error.cause);
    this.#log[ERRORS[error.kind].level]("request", fields);
  }

  #debug(event: string, fields: () => LogFields): void {
    if (this.#log.enabled("debug")) this.#log.debug(event, { requestId: this.#fields["requestId"], ...fields() });
  }
}

/** The beginning of an answer, for the debug log. */
class DebugText {
  readonly #utf8 = new TextDecoder();
  #text = "";
  #bytes = 0;

  add(chunk: Uint8Array): void {
    if (this.#bytes > MAX_DEBUG_BYTES) return;
    this.#bytes += chunk.length;
    this.#text += this.#utf8.decode(chunk, { stream: true });
  }

  text(): string {
    return this.#text;
  }
}

/** A value that an upstream sent is not asked for its text: it may have a `toString` of its own. */
function describe(cause: unknown): string {
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === "string" ? cause : `(${typeof cause})`;
}
