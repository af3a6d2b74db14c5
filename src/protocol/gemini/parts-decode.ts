// The parts of a model's turn -> canonical events, one by one: in an answer, streamed or not, and in the history that a client sends
// back. The same code reads all of them, so that an answer and its echo are the same conversation.
// Gemini cuts a turn anywhere, puts a signature on an empty text part after the part it belongs to, and may omit ids.
// Does not decide whether an answer is complete.

import { isObject, print, type Json, type JsonObject } from "../../wire/json.ts";
import type { OpaquePart, Part, Proof, ReplyEvent } from "../canonical.ts";
import { decodeArguments, freeTextOf } from "./calls.ts";
import { decodeMedia } from "./media.ts";
import { PartialArguments } from "./partial-arguments.ts";
import { decodeSignature } from "./seals.ts";
import type { CalledTool } from "./tools.ts";

/** Parts of Google's own tools; another protocol's conversation continues without them. */
const HOSTED_PARTS: ReadonlySet<string> = new Set([
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
  "audioTranscription",
]);
/** Members that describe a part, and are not a part themselves. */
const PART_ADJECTIVES: ReadonlySet<string> = new Set(["thought", "thoughtSignature", "partMetadata", "mediaResolution", "mediaProcessing"]);

interface PartsDecoderOptions {
  /** The id of the n-th call of this turn, if the call has none. */
  readonly callId: (index: number) => string;
  /** The client's tool for a name that Gemini knows it by. */
  readonly tool: (name: string) => CalledTool;
}

interface OpenPart {
  readonly kind: "text" | "reasoning";
  readonly index: number;
  proof: Proof | null;
}

interface OpenCall {
  readonly index: number;
  readonly tool: CalledTool;
  readonly pieces: PartialArguments;
  proof: Proof | null;
}

export class PartsDecoder {
  readonly #options: PartsDecoderOptions;
  #next = 0;
  #calls = 0;
  #open: OpenPart | null = null;
  #call: OpenCall | null = null;
  /** The open text part so far, in the pieces in which it came. */
  #texts: string[] = [];

  constructor(options: PartsDecoderOptions) {
    this.#options = options;
  }

  /** The number of tool calls in the turn so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The number of parts in the turn so far. */
  get parts(): number {
    return this.#next;
  }

  /** The text part that is still open; null: none. */
  get openText(): number | null {
    return this.#open?.kind === "text" ? this.#open.index : null;
  }

  /** Its text so far. */
  get text(): string {
    return this.#texts.join("");
  }

  read(part: JsonObject): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    const proof = decodeSignature(part["thoughtSignature"]);
    const { text, functionCall } = part;
    const isThought = part["thought"] === true;
    if (isObject(functionCall)) this.#readCall(functionCall, proof, out);
    else {
      const media = decodeMedia(part);
      if (media !== null) this.#complete(media, out);
      else if (typeof text === "string" && text !== "") this.#readText(text, { kind: isThought ? "reasoning" : "text", proof }, out);
      else if (proof !== null) this.#readProof(isThought, proof, out);
      else if (typeof text !== "string") {
        const opaque = decodeOpaque(part);
        if (opaque !== null) this.#complete(opaque, out);
      }
    }
    return out;
  }

  /** A part that the wire has outside of its parts. */
  add(part: Part): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    this.#complete(part, out);
    return out;
  }

  /** Ends the open parts. */
  close(): ReplyEvent[] {
    const out: ReplyEvent[] = [];
    this.#end(out);
    return out;
  }

  #readText(text: string, { kind, proof }: Pick<OpenPart, "kind" | "proof">, out: ReplyEvent[]): void {
    // A signature ends its part; text after it is a part of its own.
    const open = this.#open?.kind === kind && this.#open.proof === null ? this.#open : this.#start(kind, out);
    if (kind === "text") this.#texts.push(text);
    out.push({ type: "part-delta", index: open.index, text });
    open.proof = proof;
  }

  /** A signature without text of its own belongs to the part before it; without one, it is a hidden thought. */
  #readProof(thought: boolean, proof: Proof, out: ReplyEvent[]): void {
    const open = this.#open;
    // Only Gemini signs text. What another model hid stays a thought of its own.
    const kind = thought ? "reasoning" : proof.origin === "google" ? "text" : null;
    if (open !== null && open.kind === kind && open.proof === null) {
      open.proof = proof;
      return;
    }
    if (thought) this.#start("reasoning", out).proof = proof;
    else this.#complete({ type: "reasoning", text: "", redacted: true, proof }, out);
  }

  #start(kind: OpenPart["kind"], out: ReplyEvent[]): OpenPart {
    this.#end(out);
    const index = this.#next++;
    const part: Part =
      kind === "text"
        ? { type: "text", text: "", annotations: [], cache: null, proof: null }
        : { type: "reasoning", text: "", redacted: false, proof: null };
    out.push({ type: "part-start", index, part });
    this.#texts = [];
    this.#open = { kind, index, proof: null };
    return this.#open;
  }

  /** A part that arrives complete. */
  #complete(part: Part, out: ReplyEvent[]): void {
    this.#end(out);
    const index = this.#next++;
    const proof = part.type === "reasoning" ? part.proof : null;
    out.push({ type: "part-start", index, part: part.type === "reasoning" ? { ...part, proof: null } : part });
    out.push({ type: "part-end", index, proof });
  }

  #end(out: ReplyEvent[]): void {
    if (this.#open !== null) out.push({ type: "part-end", index: this.#open.index, proof: this.#open.proof });
    this.#open = null;
    if (this.#call !== null) this.#finish(this.#call, this.#call.pieces.text(), out);
  }

  // ---- Calls -----------------------------------------------------------------------------------------------------

  /**
   * Vertex may cut a call into several parts: the first has the name, the last has no `willContinue`. Sometimes the last one is
   * missing; then the next name or the end of the turn ends the call.
   */
  #readCall(call: JsonObject, proof: Proof | null, out: ReplyEvent[]): void {
    const name = call["name"];
    const goesOn = call["willContinue"] === true;
    if (typeof name === "string" && name !== "") {
      this.#end(out);
      const begun = this.#begin({ name, id: call["id"], proof }, out);
      if (!goesOn && call["partialArgs"] === undefined) return this.#finish(begun, decodeArguments(call["args"]), out);
    }
    const open = this.#call;
    if (open === null) return;
    open.proof ??= proof;
    open.pieces.add(call["partialArgs"]);
    if (!goesOn) this.#finish(open, open.pieces.text(), out);
  }

  #begin({ name, id, proof }: { name: string; id: Json | undefined; proof: Proof | null }, out: ReplyEvent[]): OpenCall {
    const tool = this.#options.tool(name);
    const callId = typeof id === "string" && id !== "" ? id : this.#options.callId(this.#calls);
    this.#calls++;
    const index = this.#next++;
    const part: Part = { type: "tool-call", callId, name: tool.name, kind: tool.kind, arguments: "", cache: null, proof };
    out.push({ type: "part-start", index, part });
    this.#call = { index, tool, pieces: new PartialArguments(), proof };
    return this.#call;
  }

  #finish(call: OpenCall, text: string, out: ReplyEvent[]): void {
    const delta = call.tool.kind === "custom" ? freeTextOf(text) : text;
    if (delta !== "") out.push({ type: "part-delta", index: call.index, text: delta });
    out.push({ type: "part-end", index: call.index, proof: call.proof });
    this.#call = null;
  }
}

/** A part that no other protocol has; null for an empty one. */
export function decodeOpaque(part: JsonObject): OpaquePart | null {
  const name = Object.keys(part).find((key) => !PART_ADJECTIVES.has(key));
  if (name === undefined) return null;
  return { type: "opaque", protocol: "gemini", name, value: print(part), severity: HOSTED_PARTS.has(name) ? "reported" : "refused" };
}
