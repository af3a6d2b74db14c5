// Asks for the rest of an answer that paused while tools ran at the API (`pause_turn`): the same request with the assistant's turn so far as its
// last message, block by block verbatim. Tokens already written count against the client's limit; a container in use stays in use.
// https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause-turn (read 2026-11)
// Never continues a turn that it can't repeat exactly, or that waits for the client's tools.

import { isObject, JsonText, parseOrUndefined, print, type Json, type JsonObject } from "../../wire/json.ts";
import { members, spliced, type Splice } from "../../wire/json-edit.ts";
import type { SseEvent } from "../../wire/sse.ts";
import type { Continuation, Exchange } from "../codec.ts";
import { grow, textOf, type Inputs } from "./accumulator.ts";
import { isBlank } from "./parts-encode.ts";
import { ID } from "./wire.ts";

/** Only a turn in which the API may run tools can pause. */
export function continuation({ request }: Exchange): Continuation | null {
  const isServed = request.tools.some((tool) => tool.type === "web-search" || (tool.type === "opaque" && tool.protocol === ID));
  return isServed ? new TurnContinuation(request.maxOutputTokens !== null) : null;
}

/** What must be known of an answer: its blocks, and the values in `message_delta` or the message itself. */
interface Turn {
  readonly blocks: readonly JsonObject[];
  readonly container: Json | undefined;
  readonly usage: Json | undefined;
}

class TurnContinuation implements Continuation {
  readonly seamless = false;
  readonly #isLimited: boolean;
  /** The data of the current answer's events, to be read when it pauses. */
  #events: string[] = [];
  /** The current answer, if it is non-streaming. */
  #body: string | null = null;
  /** Total of all answers so far. */
  readonly #blocks: JsonObject[] = [];
  #container: string | null = null;
  #spentTokens = 0;

  /** `isLimited`: the client has limited the whole answer. */
  constructor(isLimited: boolean) {
    this.#isLimited = isLimited;
  }

  event({ data }: SseEvent): void {
    this.#events.push(data);
  }

  nonStreaming(body: string): void {
    this.#body = body;
  }

  resume(body: string): string | null {
    const turn = this.#body === null ? streamedTurn(this.#events) : messageTurn(this.#body);
    this.#events = [];
    this.#body = null;
    if (turn === null) return null;
    // The API refuses blank text, even its own.
    this.#blocks.push(...turn.blocks.filter((block) => block["type"] !== "text" || !isBlank(textOf(block["text"]))));
    if (this.#blocks.length === 0 || this.#blocks.some((block) => block["type"] === "tool_use")) return null;
    if (isObject(turn.container) && typeof turn.container["id"] === "string") this.#container = turn.container["id"];
    const spent = isObject(turn.usage) ? turn.usage["output_tokens"] : 0;
    if (typeof spent === "number") this.#spentTokens += spent;
    return this.#request(body);
  }

  #request(body: string): string | null {
    const found = members(body);
    const splices: Splice[] = [];
    let budget = 0;
    let left = Infinity;
    for (const { key, valueStart: start, valueEnd: end } of found) {
      if (key === "messages") {
        splices.push({ start: end - 1, end: end - 1, text: `,${print({ role: "assistant", content: this.#blocks })}` });
      } else if (key === "max_tokens" && this.#isLimited) {
        left = Number(body.slice(start, end)) - this.#spentTokens;
        splices.push({ start, end, text: String(left) });
      } else if (key === "thinking") {
        const thinking = parseOrUndefined(body.slice(start, end));
        if (isObject(thinking) && typeof thinking["budget_tokens"] === "number") budget = thinking["budget_tokens"];
      }
    }
    // Thinking requires its whole budget within the limit; with less there is no room for an answer.
    if (left <= budget) return null;
    if (this.#container !== null && !found.some(({ key }) => key === "container")) {
      const at = body.indexOf("{") + 1;
      splices.push({ start: at, end: at, text: `"container":${JSON.stringify(this.#container)},` });
    }
    return spliced(body, splices);
  }
}

/** What is sent back verbatim. */
const VERBATIM: ReadonlySet<string> = new Set(["input", "content"]);

function messageTurn(body: string): Turn | null {
  const message = parseOrUndefined(body, { verbatim: VERBATIM });
  if (!isObject(message) || !(message["content"] instanceof JsonText)) return null;
  const blocks = parseOrUndefined(message["content"].text, { verbatim: VERBATIM });
  if (!Array.isArray(blocks) || !blocks.every(isObject)) return null;
  return { blocks, container: message["container"], usage: message["usage"] };
}

/** The turn that a stream's events build up; null where one of them is unknown. */
function streamedTurn(events: readonly string[]): Turn | null {
  const blocks = new Map<Json | undefined, JsonObject>();
  const inputs: Inputs = new Map();
  let container: Json | undefined;
  let usage: Json | undefined;
  for (const data of events) {
    const event = parseOrUndefined(data, { verbatim: VERBATIM });
    if (!isObject(event)) continue;
    const { type, index, content_block: begun, delta } = event;
    if (type === "content_block_start" && isObject(begun)) blocks.set(index, begun);
    else if (type === "message_delta") {
      usage = event["usage"] ?? usage;
      if (isObject(delta)) container = delta["container"] ?? container;
    } else if (type === "content_block_delta") {
      const block = blocks.get(index);
      if (block === undefined || !isObject(delta) || !grow(block, delta, inputs)) return null;
    }
  }
  for (const [block, input] of inputs) {
    if (parseOrUndefined(input) === undefined) return null;
    block["input"] = new JsonText(input);
  }
  return { blocks: [...blocks.values()], container, usage };
}
