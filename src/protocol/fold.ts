// Turns a streamed answer into a non-streaming one and back; the grammar that every event stream obeys, and events with one part open
// at a time for protocols that need it. Never knows a protocol.

import { GatewayError } from "../errors.ts";
import type { Machine } from "../wire/machine.ts";
import type { Annotation, FinishReason, Logprob, Part, Proof, Reply, ReplyEvent, Usage } from "./canonical.ts";

/**
 * The reply that the events of a stream make up.
 * @throws GatewayError the stream's own error, or `upstream-failed` when it stops before its end.
 */
export function fold(events: Iterable<ReplyEvent>): Reply {
  const folder = new Folder();
  for (const event of events) folder.add(event);
  return folder.reply();
}

/** The events that make up a reply, each part in one delta. */
export function unfold(reply: Reply): ReplyEvent[] {
  const events: ReplyEvent[] = [{ type: "reply-start", id: reply.id, model: reply.model }];
  reply.parts.forEach((part, index) => {
    const { empty, text, logprobs, annotations, proof } = split(part);
    events.push({ type: "part-start", index, part: empty });
    if (logprobs.length > 0) events.push({ type: "logprobs", index, logprobs });
    if (text !== "") events.push({ type: "part-delta", index, text });
    for (const annotation of annotations) events.push({ type: "annotation", index, annotation });
    events.push({ type: "part-end", index, proof });
  });
  if (reply.usage !== null) events.push({ type: "usage", usage: reply.usage });
  events.push({ type: "reply-end", finish: reply.finish });
  return events;
}

/** Collects events one by one: `fold` as a machine. */
export class Folder {
  #id = "";
  #model = "";
  readonly #parts: OpenPart[] = [];
  #usage: Usage | null = null;
  #finish: FinishReason | null = null;
  #error: GatewayError | null = null;

  add(event: ReplyEvent): void {
    switch (event.type) {
      case "reply-start":
        this.#id = event.id;
        this.#model = event.model;
        return;
      case "part-start":
        this.#parts[event.index] = { part: event.part, texts: [], logprobs: [], annotations: [], proof: null };
        return;
      case "part-delta":
        this.#parts[event.index]?.texts.push(event.text);
        return;
      case "logprobs":
        for (const logprob of event.logprobs) this.#parts[event.index]?.logprobs.push(logprob);
        return;
      case "annotation":
        this.#parts[event.index]?.annotations.push(event.annotation);
        return;
      case "part-end": {
        const open = this.#parts[event.index];
        if (open !== undefined) open.proof = event.proof;
        return;
      }
      case "usage":
        this.#usage = event.usage;
        return;
      case "reply-end":
        this.#finish = event.finish;
        return;
      case "reply-error":
        this.#error ??= event.error;
    }
  }

  /** @throws GatewayError see `fold`. */
  reply(): Reply {
    if (this.#error !== null) throw this.#error;
    if (this.#finish === null) throw truncated();
    return { id: this.#id, model: this.#model, parts: this.#parts.map(join), usage: this.#usage, finish: this.#finish };
  }
}

/** The error of a stream that stopped before its terminal event. */
export function truncated(): GatewayError {
  return new GatewayError("upstream-failed", "The upstream ended the stream before the answer was complete.", { code: TRUNCATED });
}

export function isTruncation(error: GatewayError | null): boolean {
  return error?.code === TRUNCATED;
}

const TRUNCATED = "upstream_truncated";

/** The error of `an event`, or `an answer`, that is not JSON. */
export function notJson(what: "an event" | "an answer", cause: unknown): GatewayError {
  return new GatewayError("upstream-failed", `The upstream sent ${what} that is not JSON.`, { cause });
}

interface OpenPart {
  readonly part: Part;
  readonly texts: string[];
  readonly logprobs: Logprob[];
  readonly annotations: Annotation[];
  proof: Proof | null;
}

function join({ part, texts, logprobs, annotations, proof }: OpenPart): Part {
  const text = texts.join("");
  const probabilities = logprobs.length === 0 ? {} : { logprobs };
  switch (part.type) {
    case "text":
      return {
        ...part,
        ...probabilities,
        text: part.text + text,
        annotations: [...part.annotations, ...annotations],
        proof: proof ?? part.proof,
      };
    case "refusal":
      return { ...part, ...probabilities, text: part.text + text };
    case "reasoning":
      return { ...part, text: part.text + text, proof: proof ?? part.proof };
    case "tool-call":
      return { ...part, arguments: part.arguments + text, proof: proof ?? part.proof };
    default:
      return part;
  }
}

interface SplitPart {
  readonly empty: Part;
  readonly text: string;
  readonly logprobs: readonly Logprob[];
  readonly annotations: readonly Annotation[];
  readonly proof: Proof | null;
}

function split(part: Part): SplitPart {
  const rest = { text: "", logprobs: [], annotations: [], proof: null };
  switch (part.type) {
    case "text": {
      const { text, logprobs = [], annotations, proof, ...kept } = part;
      return { empty: { ...kept, text: "", annotations: [], proof: null }, text, logprobs, annotations, proof };
    }
    case "refusal": {
      const { text, logprobs = [] } = part;
      return { ...rest, empty: { type: "refusal", text: "" }, text, logprobs };
    }
    case "reasoning":
      return { ...rest, empty: { ...part, text: "", proof: null }, text: part.text, proof: part.proof };
    case "tool-call":
      return { ...rest, empty: { ...part, arguments: "" }, text: part.arguments, proof: part.proof };
    default:
      return { ...rest, empty: part };
  }
}

function isEmpty(part: Part): boolean {
  const { text, logprobs, annotations, proof } = split(part);
  return text === "" && logprobs.length === 0 && annotations.length === 0 && (proof === null || part.type === "tool-call");
}

/**
 * Passes events on unchanged, and throws an Error that names the violated rule; for tests.
 * See `ReplyEvent` for the grammar.
 */
export function grammar(): Machine<ReplyEvent, ReplyEvent> {
  let started = false;
  let over = false;
  let next = 0;
  const open = new Set<number>();
  const need = (condition: boolean, rule: string): void => {
    if (!condition) throw new Error(`event grammar: ${rule}`);
  };
  return {
    step(event) {
      need(!over, `nothing comes after the terminal event, but ${event.type} did`);
      if (event.type === "reply-error") {
        over = true;
        return [event];
      }
      if (event.type === "reply-start") need(!started, "reply-start comes once");
      else need(started, `reply-start comes before ${event.type}`);
      switch (event.type) {
        case "reply-start":
          started = true;
          break;
        case "part-start":
          need(event.index === next, `parts start in order: expected ${next}, got ${event.index}`);
          need(isEmpty(event.part), `a ${event.part.type} part starts empty; what it holds comes later`);
          next++;
          open.add(event.index);
          break;
        case "part-delta":
          need(event.text !== "", "a delta is not empty");
          need(open.has(event.index), `part ${event.index} is open for ${event.type}`);
          break;
        case "logprobs":
          need(event.logprobs.length > 0, "log probabilities are told of some token");
          need(open.has(event.index), `part ${event.index} is open for ${event.type}`);
          break;
        case "annotation":
          need(open.has(event.index), `part ${event.index} is open for ${event.type}`);
          break;
        case "part-end":
          need(open.delete(event.index), `part ${event.index} is open for ${event.type}`);
          break;
        case "usage":
          break;
        case "reply-end":
          need(open.size === 0, `every part has ended before reply-end; open: ${[...open].join(", ")}`);
          over = true;
      }
      return [event];
    },
    end() {
      need(over, "the stream has a terminal event");
      return [];
    },
  };
}

/**
 * One part open at a time: the first open part streams on, the others wait and follow in the order of their indices.
 * Nothing waits at the end: the grammar ends every part before `reply-end`. What waits when an error comes is never sent.
 */
export function inOrder(): PartOrder {
  return new PartOrder();
}

/** A class instead of closures: one is made for every stream. */
export class PartOrder implements Machine<ReplyEvent, ReplyEvent> {
  /** The part that streams on. */
  #current: number | null = null;
  /** The events of the parts that have started since, in the order of their starts. Null: none has so far. */
  #waiting: Map<number, ReplyEvent[]> | null = null;

  /** Whether `step` would emit just this event and keep its state, which is true of nearly all. */
  passes(event: ReplyEvent): boolean {
    return "index" in event ? event.index === this.#current && event.type !== "part-end" : true;
  }

  step(event: ReplyEvent): ReplyEvent[] {
    if (!("index" in event)) return [event];
    if (this.#current === null && event.type === "part-start") {
      this.#current = event.index;
      return [event];
    }
    if (event.index !== this.#current) {
      if (event.type === "part-start") (this.#waiting ??= new Map()).set(event.index, [event]);
      else this.#waiting?.get(event.index)?.push(event);
      return [];
    }
    if (event.type !== "part-end") return [event];
    this.#current = null;
    const out: ReplyEvent[] = [event];
    if (this.#waiting !== null) this.#flush(this.#waiting, out);
    return out;
  }

  /** Emits what may go now: all events of the first waiting part up to its end, then those of the next. */
  #flush(waiting: Map<number, ReplyEvent[]>, out: ReplyEvent[]): void {
    for (const [index, events] of waiting) {
      waiting.delete(index);
      for (const event of events) out.push(event);
      if (events.at(-1)?.type === "part-end") continue;
      this.#current = index;
      return;
    }
  }

  end(): ReplyEvent[] {
    return [];
  }
}
