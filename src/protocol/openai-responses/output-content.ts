// The content of one message in an upstream's answer as canonical events: texts and refusals that start once they have content,
// with citations and log probabilities.
// Never emits an empty part, or text after a stop sequence.

import { isObject, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { Logprob, Part, ReplyEvent } from "../canonical.ts";
import { decodeAnnotation } from "./annotations.ts";
import { decodeLogprobs } from "./logprobs.ts";
import { StopScanner, type StopSequences } from "./stop-sequences.ts";

/** The canonical events of an answer, and the number of its parts. */
export class PartEvents {
  #events: ReplyEvent[] = [];
  #next = 0;

  /** How many parts have started. */
  get count(): number {
    return this.#next;
  }

  push(event: ReplyEvent): void {
    this.#events.push(event);
  }

  open(part: Part): number {
    const index = this.#next++;
    this.#events.push({ type: "part-start", index, part });
    return index;
  }

  end(index: number): void {
    this.#events.push({ type: "part-end", index, proof: null });
  }

  /** The events since the last call. */
  take(): ReplyEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/** `index` is null until the part has content. */
interface Content {
  readonly type: "text" | "refusal";
  readonly stop: StopScanner | null;
  index: number | null;
  received: string;
  /** How many tokens have come, and those whose text has not been emitted. */
  tokens: number;
  held: Logprob[];
  /** UTF-8 bytes of emitted text beyond its tokens; counted where a stop sequence may hold text back. */
  ahead: number;
  annotations: number;
  over: boolean;
}

/** A piece of text, and its tokens. */
interface Said {
  readonly text: string;
  readonly logprobs: readonly Logprob[];
}

export class Contents {
  readonly #events: PartEvents;
  readonly #stops: StopSequences;
  /** By `content_index`. */
  readonly #contents = new Map<number, Content>();

  constructor(events: PartEvents, stops: StopSequences) {
    this.#events = events;
    this.#stops = stops;
  }

  /** A piece of text. Returns the stop sequence that it completes, after which nothing may follow; otherwise null. */
  say({ index, type }: Pick<Content, "type"> & { readonly index: number }, said: Said): string | null {
    return this.#say(this.#content(index, type), said);
  }

  annotate(index: number, annotation: Json | undefined): void {
    const content = this.#content(index, "text");
    content.annotations++;
    this.#annotate(content, annotation);
  }

  /** The complete part: the rest of its text, and citations that were not streamed. Returns as `say` does. */
  finish(index: number, said: JsonObject): string | null {
    const type = said["type"];
    if (type !== "output_text" && type !== "refusal") {
      this.#strange(index, said);
      return null;
    }
    const content = this.#content(index, type === "refusal" ? "refusal" : "text");
    const full = said[type === "refusal" ? "refusal" : "text"];
    // A text that was streamed differently stays as it was.
    if (typeof full === "string" && full.startsWith(content.received)) {
      const logprobs = decodeLogprobs(said["logprobs"]).slice(content.tokens);
      const sequence = this.#say(content, { text: full.slice(content.received.length), logprobs });
      if (sequence !== null) return sequence;
    }
    const annotations = Array.isArray(said["annotations"]) ? said["annotations"] : [];
    for (const annotation of annotations.slice(content.annotations)) this.#annotate(content, annotation);
    this.#close(content);
    return null;
  }

  /** Ends open parts. */
  close(): void {
    for (const content of this.#contents.values()) this.#close(content);
  }

  /** Ends open parts, without what may be the beginning of a stop sequence. */
  cut(): void {
    for (const content of this.#contents.values()) {
      content.stop?.flush();
      content.held = [];
      this.#close(content);
    }
  }

  #content(index: number, type: Content["type"]): Content {
    let content = this.#contents.get(index);
    if (content === undefined) {
      const stop = type === "text" && !this.#stops.isEmpty ? new StopScanner(this.#stops) : null;
      content = { type, stop, index: null, received: "", tokens: 0, held: [], ahead: 0, annotations: 0, over: false };
      this.#contents.set(index, content);
    }
    return content;
  }

  #say(content: Content, { text, logprobs }: Said): string | null {
    if (content.over) return null;
    content.received += text;
    content.tokens += logprobs.length;
    for (const logprob of logprobs) content.held.push(logprob);
    if (content.stop === null) {
      this.#show(content, text);
      return null;
    }
    const scanned = content.stop.push(text);
    this.#show(content, scanned.text);
    return scanned.sequence;
  }

  #show(content: Content, text: string): void {
    // Tokens wait for the text that they begin.
    if (text === "" && content.index === null) return;
    const logprobs = shownTokens(content, text);
    if (logprobs.length > 0) this.#events.push({ type: "logprobs", index: this.#open(content), logprobs });
    if (text !== "") this.#events.push({ type: "part-delta", index: this.#open(content), text });
  }

  #open(content: Content): number {
    content.index ??= this.#events.open(
      content.type === "refusal" ? { type: "refusal", text: "" } : { type: "text", text: "", annotations: [], cache: null, proof: null },
    );
    return content.index;
  }

  #annotate(content: Content, value: Json | undefined): void {
    if (content.over || value === undefined) return;
    for (const annotation of decodeAnnotation(value)) this.#events.push({ type: "annotation", index: this.#open(content), annotation });
  }

  #close(content: Content): void {
    if (content.over) return;
    this.#show(content, content.stop?.flush() ?? "");
    content.over = true;
    if (content.index === null) return;
    if (content.held.length > 0) this.#events.push({ type: "logprobs", index: content.index, logprobs: content.held });
    this.#events.end(content.index);
  }

  /** An unknown kind of content is passed on as it is. */
  #strange(index: number, said: JsonObject): void {
    if (this.#contents.has(index)) return;
    this.#content(index, "text").over = true;
    const name = isObject(said) && typeof said["type"] === "string" ? said["type"] : "";
    const value = print({ type: "message", role: "assistant", content: [said] });
    this.#events.end(this.#events.open({ type: "opaque", protocol: "openai-responses", name, value, severity: "reported" }));
  }
}

const UTF8 = new TextEncoder();

/** Returns the tokens that go out with this text: all of them, or those that no stop sequence can cut off any more. */
function shownTokens(content: Content, text: string): readonly Logprob[] {
  const { held, stop } = content;
  if (stop === null) return held.length === 0 ? held : held.splice(0);
  content.ahead += UTF8.encode(text).length;
  let count = 0;
  for (const { bytes } of held) {
    if (bytes.length > content.ahead) break;
    content.ahead -= bytes.length;
    count++;
  }
  return held.splice(0, count);
}
