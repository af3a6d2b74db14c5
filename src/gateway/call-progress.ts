// What is known of one call while it runs. However it ends (complete, failed, refused, stream cut, client left), its observers get one
// summary. Under LOG_LEVEL=debug the headers and bodies are logged too.
// Does not end a call twice.

import type { Caller } from "../access/keys.ts";
import type { Granted } from "../access/limiter.ts";
import { asGatewayError, GatewayError } from "../errors.ts";
import type { Pool } from "../models/catalog.ts";
import type { Target } from "../models/models.ts";
import type { Cost } from "../models/price.ts";
import type { Loss, Usage } from "../protocol/canonical.ts";
import type { BodyMaker } from "../runtime/ports.ts";
import { logCall, logFault, named } from "../telemetry/call-log.ts";
import type { CallObserver, CallSummary } from "../telemetry/call-summary.ts";
import { CallTrace, type Tracing } from "../telemetry/call-trace.ts";
import { PhaseClock, serverTiming } from "../telemetry/phases.ts";
import { parseTraceParent, TRACEPARENT } from "../telemetry/trace-context.ts";
import type { Log, LogFields } from "../telemetry/log.ts";
import { shownUrl, type Redactor } from "../telemetry/redaction.ts";
import type { UpstreamAnswer, UpstreamCall, UpstreamRefusal } from "../upstream/upstream.ts";
import { NOTHING, through, type Outcome } from "../wire/pump.ts";
import type { Answer, StreamingAnswer } from "./answer.ts";
import { clientInfo } from "./client-name.ts";
import type { CallRecording } from "./call-recording.ts";
import type { CallPhase, LiveCalls, RunningCall } from "./live-calls.ts";
import { safeResponse } from "./headers.ts";
import { observed } from "./observed-pump.ts";
import type { Call, Route } from "./request.ts";
import { UNCOUNTED, UsageMeter } from "./usage-meter.ts";

export interface CallPorts {
  readonly log: Log;
  readonly redactor: Redactor;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  /** A UUID. */
  readonly newId: () => string;
  readonly priceOf: (target: Target, usage: Usage) => Cost;
  readonly running: LiveCalls;
  /** Null: no call is traced. */
  readonly tracing: Tracing | null;
  /** Each gets the call's summary, after its slot was released and its log line written. */
  readonly observers: readonly CallObserver[];
}

/** A shared resource that a call holds: a slot, memory, a reservation. */
export interface Held {
  /** Called once, when the call has ended. */
  release(summary: CallSummary): void;
}

/** What is known of a call while it runs. It lives as long as the answer, so it does not hold the request. */
export class CallProgress implements RunningCall {
  /** Keeps the secrets of the program and of this call out of what the client sees. */
  redaction: Redactor;
  /** Filled as the answer passes. */
  readonly meter = new UsageMeter();
  /** What the observers will get, as far as it is known yet. */
  readonly summary: { -readonly [Field in keyof CallSummary]: CallSummary[Field] };
  /** Makes the body of a streamed answer. Undefined: a plain web stream. */
  streamed: BodyMaker | undefined;
  /** The form of the client's requests and answers. */
  readonly form: Route["form"];
  /** Estimated tokens of the request, for when nobody else counts them. 0: it asks for no answer, or has not been read yet. */
  inputEstimate = 0;
  /** For the inspector. Null: this call is not recorded. */
  recording: CallRecording | null = null;
  /** Headers that tell the client of the plan's limits, by the pool of the model that answers. Null: the limits are not known. */
  planHeaders: Readonly<Record<Pool, Readonly<Record<string, string>>>> | null = null;
  #target: Target | null = null;
  readonly #priceOf: CallPorts["priceOf"];
  /** What the client is told of its key's limits. Null: the key has none. */
  #granted: Pick<Granted, "headers" | "hides"> | null = null;
  /** Where the time goes. */
  readonly clock: PhaseClock;
  readonly #observers: readonly CallObserver[];
  /** What the call holds; released in reverse order. */
  readonly #held: Held[] = [];
  readonly #running: LiveCalls;
  /** Ends the call from outside. Null: the call has not started. */
  #fail: ((error: GatewayError) => void) | null = null;
  #log: Log;
  /** Whether the log includes headers and bodies. */
  readonly isDebugged: boolean;
  #isOver = false;
  #phase: CallPhase = "admitted";
  /** What to stop when an administrator ends the call: a request that has gone out and has not failed. Null: none. */
  #connection: Stoppable | null = null;

  constructor(call: Call, ports: CallPorts) {
    const { raw, path, secrets, headers, streamed } = call.request;
    this.streamed = streamed;
    this.redaction = ports.redactor.with(secrets);
    this.form = call.route.form;
    this.#priceOf = ports.priceOf;
    this.#running = ports.running;
    this.clock = new PhaseClock(ports.monotonic);
    this.#log = ports.log.knowing(secrets);
    this.#observers = ports.observers;
    this.isDebugged = this.#log.enabled("debug");
    const { client, session, agent } = clientInfo(headers);
    this.summary = {
      // Two calls of a client may carry the same id.
      id: headers["x-request-id"] === call.requestId ? ports.newId() : call.requestId,
      startedAtMs: ports.now(),
      requestId: call.requestId,
      method: raw.method,
      path,
      protocol: call.route.protocol,
      callerId: null,
      client,
      session,
      agent,
      model: null,
      streaming: null,
      upstreamModel: null,
      upstreamProtocol: null,
      provider: null,
      pool: null,
      factoryKey: null,
      fallback: null,
      status: null,
      error: null,
      finish: null,
      usage: null,
      source: "upstream",
      cost: null,
      attempts: 0,
      continuations: 0,
      dropped: [],
      admissionMs: null,
      firstByteMs: null,
      durationMs: 0,
      timings: NO_TIME,
      trace:
        ports.tracing === null ? null : new CallTrace(headers, { ...ports.tracing, isInference: call.route.endpoint !== "count-tokens" }),
      traceId: null,
    };
    this.summary.traceId = this.summary.trace?.traceId ?? parseTraceParent(headers[TRACEPARENT])?.traceId ?? null;
    this.#running.add(this);
    if (this.isDebugged) this.debug("client request", { headers });
  }

  /** Milliseconds since the call began. */
  get elapsedMs(): number {
    return this.clock.elapsedMs;
  }

  get phase(): CallPhase {
    if (this.meter.isReasoning) return "thinking";
    return this.summary.firstByteMs === null ? this.#phase : "streaming";
  }

  get outputTokens(): number {
    return this.meter.outputTokens;
  }

  /** Ends the call from outside: an administrator, or the end of the server. */
  fail(error: GatewayError): void {
    const connection = this.#connection;
    this.#fail?.(error);
    connection?.stop(error);
  }

  /** Registers what ends the call from outside. */
  failing(fail: (error: GatewayError) => void): void {
    this.#fail = fail;
  }

  identified(caller: Caller): void {
    this.summary.callerId = caller.id;
    // Admission may have found a key that is neither in the request nor in the configuration.
    const secrets = [caller.upstreamKey];
    this.redaction = this.redaction.with(secrets);
    this.#log = this.#log.knowing(secrets);
  }

  /** Registers a resource to release at the end, or releases it at once where the call has ended. @throws GatewayError `cancelled` then. */
  admitted(held: Held): void {
    if (this.#isOver) {
      held.release(this.summary);
      throw over();
    }
    this.#held.push(held);
    this.summary.admissionMs = Math.round(this.elapsedMs);
  }

  limited(granted: Granted): void {
    this.#granted = granted;
  }

  /** Headers of an answer: the upstream's, with its limits replaced by those of the key, and those of the plan. */
  withLimits(upstream: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const plan = this.planHeaders?.[this.summary.pool ?? "standard"];
    const found = plan === undefined ? upstream : { ...upstream, ...plan };
    return this.#granted === null ? found : this.#withGranted(found, this.#granted);
  }

  #withGranted(upstream: Readonly<Record<string, string>>, granted: Pick<Granted, "headers" | "hides">): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const name in upstream) if (!granted.hides(name)) found[name] = upstream[name] ?? "";
    return Object.assign(found, granted.headers);
  }

  targeted(target: Target): void {
    const { summary } = this;
    this.#target = target;
    summary.upstreamModel = target.model;
    summary.upstreamProtocol = target.protocol;
    summary.provider = target.provider;
    summary.pool = target.pool;
  }

  /**
   * A request is about to be sent for the `count`th time. For the rest of a paused answer the count starts again at 1.
   * @throws GatewayError `cancelled` where the call was ended meanwhile
   */
  attemptStarted(count: number): void {
    if (this.#isOver) throw over();
    if (count > 1 || this.summary.attempts === 0) this.summary.attempts++;
  }

  /** `factoryKey`: the first digits of its hash. */
  sending({ url, headers, body }: UpstreamCall, { target, factoryKey }: { readonly target: Target; readonly factoryKey: string }): void {
    this.targeted(target);
    this.clock.enter("upstream");
    this.summary.factoryKey = factoryKey;
    this.summary.session ??= headers["x-session-id"] ?? null;
    this.#become("connecting");
    this.recording?.sending({ url, headers, body }, this.clock.enteredMs);
    if (this.isDebugged) this.debug("upstream request", { url: shownUrl(url), headers, body });
  }

  /** The request goes out; `connection` can still stop it. */
  goesOut(connection: Stoppable): void {
    if (this.#isOver) return connection.stop(over());
    this.#connection = connection;
    this.#become("waiting");
  }

  /** The outcome of an attempt, whether or not it becomes the answer. */
  attemptEnded(result: Result): void {
    if (hasFailed(result)) this.#connection = null;
    this.summary.trace?.attemptEnded(this.elapsedMs, attemptResult(result));
    this.recording?.answered(result, this.elapsedMs);
  }

  #become(phase: CallPhase): void {
    this.#phase = phase;
    this.#running.changed(this);
  }

  /** The answer begins to go out. Only the first call counts. */
  begin(): void {
    if (this.summary.firstByteMs !== null) return;
    this.summary.firstByteMs = Math.round(this.elapsedMs);
    this.#running.changed(this);
  }

  /** The answer that was chosen, and the prepared call that got it. */
  answered(
    found: UpstreamAnswer | UpstreamRefusal,
    { target, losses }: { readonly target: Target; readonly losses: readonly Loss[] },
  ): void {
    this.clock.enter("own");
    this.targeted(target);
    if (losses.length > 0) this.summary.dropped = losses.map(({ field }) => field);
    if (this.recording !== null) this.recording.losses = losses;
    this.summary.status = found.status;
    if (!this.isDebugged) return;
    const body = found.type === "refusal" ? { body: found.body } : {};
    this.debug("upstream answer", { status: found.status, headers: Object.fromEntries(found.headers), ...body });
  }

  /** The answer is an estimate made here, whatever an upstream answered. */
  estimated(): void {
    this.summary.status = 200;
    this.summary.source = "estimated";
  }

  debug(event: string, fields: LogFields): void {
    this.#log.debug(event, { ...named(this.summary), ...fields });
  }

  /** The answer begins to go out, or goes out in one piece. */
  sent(body: string | Uint8Array): void {
    this.begin();
    if (this.isDebugged) this.debug("client answer", { body: typeof body === "string" ? body : new TextDecoder().decode(body) });
  }

  /** Called once. Ends the call, or makes the end of the body do so. */
  respond(answer: Answer): Response {
    const { status, headers } = answer;
    this.recording?.answering(status, headers);
    this.clock.enter(answer.type === "streaming" ? "upstream" : "own");
    if (answer.type === "streaming") return this.#stream(answer);
    this.recording?.sent(answer.body, this.clock.enteredMs);
    const timings = this.clock.read();
    const response = safeResponse(answer.body, answer);
    if (this.summary.attempts > 0) response.headers.set("server-timing", serverTiming(timings));
    if (answer.error !== null) this.summary.status = status;
    this.#end(answer.error ?? this.meter.error, timings);
    return response;
  }

  #stream(answer: StreamingAnswer): Response {
    const { begun, rest, pump, keepAlive } = answer;
    const closed = (outcome: Outcome): void => this.#end(errorOf(outcome, this.meter));
    const failing = (fail: (error: unknown) => void): void => void (this.#fail = fail);
    const options = { closed, failing, keepAlive, begun, body: this.streamed };
    return safeResponse(through(rest ?? NOTHING, observed(pump, this), options), answer);
  }

  /** The timings of a non-streaming answer are in its headers, and must be the same in the summary. */
  #end(error: GatewayError | null, timings = this.clock.read()): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { summary, meter } = this;
    summary.error = error;
    if (error?.kind === "cancelled") summary.status = error.status;
    summary.finish = meter.finish;
    this.#account();
    this.#connection = null;
    summary.timings = timings;
    if (summary.trace !== null) summary.trace.conversion = this.clock.conversion;
    summary.durationMs = Math.round(summary.timings.totalMs);
    this.#running.remove(this);
    for (let held = this.#held.pop(); held !== undefined; held = this.#held.pop()) this.#release(held);
    this.#observe(null);
    for (const observe of this.#observers) this.#observe(observe);
    this.recording?.ended();
  }

  #release(held: Held): void {
    try {
      held.release(this.summary);
    } catch (cause) {
      logFault(this.#log, this.summary, cause);
    }
  }

  /** Null is the log. A failing observer affects neither the answer nor other observers. */
  #observe(observe: CallObserver | null): void {
    try {
      if (observe === null) logCall(this.#log, this.summary);
      else observe(this.summary);
    } catch (cause) {
      logFault(this.#log, this.summary, cause);
    }
  }

  /** Works out usage and cost. */
  #account(): void {
    const { summary, meter } = this;
    const { usage, source } = meter.total();
    summary.usage = usage;
    if (usage !== null) summary.source = source;
    const isLost = usage === null && LEFT.has(summary.error?.kind) && this.#connection !== null && this.inputEstimate > 0;
    if (isLost || (usage !== null && usage.inputTokens === null)) {
      summary.usage = { ...(usage ?? UNCOUNTED), inputTokens: this.inputEstimate };
      summary.source = "estimated";
    }
    if (summary.usage !== null && this.#target !== null) summary.cost = this.#priceOf(this.#target, summary.usage);
  }
}

/** Whether an attempt failed by itself, not because the call was ended. */
function hasFailed(result: Result): boolean {
  return "thrown" in result ? !LEFT.has(result.thrown.kind) : result.found.type === "refusal";
}

function attemptResult(result: Result): { readonly status: number | null; readonly error: string | null } {
  if ("thrown" in result) return { status: null, error: result.thrown.kind };
  const { found } = result;
  return { status: found.status, error: found.type === "refusal" ? String(found.status) : null };
}

const NO_TIME = { admissionMs: 0, convertMs: 0, upstreamMs: 0, ownMs: 0, totalMs: 0 };

/** Something that can be stopped before it has an answer. */
interface Stoppable {
  stop(error: GatewayError): void;
}

type Result = Parameters<CallRecording["answered"]>[0];

/** Ends after which the input of a request that went out counts as used. */
const LEFT: ReadonlySet<string | undefined> = new Set(["cancelled", "ended"]);

function over(): GatewayError {
  return new GatewayError("cancelled", "The call was ended before it could go out.");
}

/** A connection that breaks after the end of an answer does not make the call fail. */
function errorOf(outcome: Outcome, { finish, error }: UsageMeter): GatewayError | null {
  if (outcome.type === "complete" || (outcome.type === "failed" && finish !== null)) return error;
  return outcome.type === "failed" ? asGatewayError(outcome.error) : new GatewayError("cancelled", "The client closed the connection.");
}
