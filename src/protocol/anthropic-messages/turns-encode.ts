// Canonical turns as `messages` in the order that the API requires: a user message first, results right after their calls, system messages
// only where they are allowed, and no assistant message at the end for a model that does not continue it. What had to be invented or moved
// is a loss, or a form with the same meaning. Never throws for content.

import { JsonText } from "../../wire/json.ts";
import type { CanonicalRequest, Effort, Loss, Turn } from "../canonical.ts";
import type { NameTable } from "../tool-names.ts";
import { arePaired, mergeTurns, pairResults, uniqueCallIds } from "../turns.ts";
import { encodeContent, type PartContext } from "./parts-encode.ts";
import type { Capabilities } from "./capabilities.ts";
import type * as wire from "./wire.ts";

export interface TurnContext {
  readonly capabilities: Capabilities;
  readonly names: NameTable;
  readonly losses: Loss[];
}

export interface EncodedTurns {
  /** Instructions at the head of the conversation; they follow the request's own. */
  readonly system: readonly wire.TextBlock[];
  readonly messages: readonly wire.Message[];
  /** Whether a message has an effort of its own. */
  readonly hasMessageEffort: boolean;
  /** The last effort of a system turn that no message carries. */
  readonly turnEffort: Effort | null;
  readonly unsignedLoop: boolean;
}

/** Used where the API requires a user message and the client had none. */
const OPENING = "(The conversation begins with the assistant.)";
const GO_ON = "Continue.";

export function encodeTurns(request: CanonicalRequest, context: TurnContext): EncodedTurns {
  const turns = request.turns.some(callsOrAnswers) ? uniqueCallIds(pair(request, context.losses)) : mergeTurns(request.turns);
  const writer = new Writer({ field: request.names.turns, names: context.names, losses: context.losses }, context.capabilities);
  turns.forEach((turn, index) => writer.add(turn, index === turns.length - 1));
  const messages = writer.messages();
  return {
    system: writer.system,
    messages,
    hasMessageEffort: writer.hasMessageEffort,
    turnEffort: writer.turnEffort,
    unsignedLoop: endsInUnsignedLoop(messages),
  };
}

function callsOrAnswers({ parts }: Turn): boolean {
  return parts.some(({ type }) => type === "tool-call" || type === "tool-result");
}

/** Calls and results in pairs; a valid conversation keeps the order of its results, and so its cached prefix. */
function pair(request: CanonicalRequest, losses: Loss[]): readonly Turn[] {
  const merged = mergeTurns(request.turns);
  if (arePaired(merged)) return merged;
  const paired = pairResults(request);
  for (const loss of paired.losses) losses.push(loss);
  return paired.turns;
}

/** With a budget, the API requires the last assistant message to begin with a signed thought if it makes calls. */
function endsInUnsignedLoop(messages: readonly wire.Message[]): boolean {
  const last = messages.findLast(({ role }) => role === "assistant");
  const has = (...types: readonly string[]): boolean =>
    last?.content.some((block) => !(block instanceof JsonText) && types.includes(block.type)) === true;
  return has("tool_use") && !has("thinking", "redacted_thinking");
}

/** Builds the list of messages. */
class Writer {
  readonly system: wire.TextBlock[] = [];
  turnEffort: Effort | null = null;
  readonly #messages: wire.Message[] = [];
  readonly #context: PartContext;
  readonly #capabilities: Capabilities;
  /** What an assistant turn wanted to show; the next user message shows it. */
  #shown: wire.Block[] = [];

  constructor(context: PartContext, capabilities: Capabilities) {
    this.#context = context;
    this.#capabilities = capabilities;
  }

  get hasMessageEffort(): boolean {
    return this.#messages.some((message) => message.output_config !== undefined);
  }

  add(turn: Turn, isLast: boolean): void {
    if (turn.role === "system") return this.#addSystem(turn);
    const { blocks, shown } = encodeContent(turn, this.#context);
    if (turn.role === "assistant") {
      this.#append("assistant", blocks);
      if (shown.length === 0) return;
      for (const block of shown) this.#shown.push(block);
      this.#say("reported", "In Messages only the user can send images and files; they were moved after the assistant's turn.");
      if (isLast) this.#flushShown();
      return;
    }
    this.#append("user", blocks);
    this.#flushShown();
  }

  messages(): wire.Message[] {
    const messages = this.#messages;
    // What was put after results may contain some of its own.
    for (const message of messages) if (message.role === "user") message.content = resultsFirst(message.content);
    const [first] = messages;
    if (first === undefined) {
      this.#say("reported", "Messages needs a user turn; a short one was added.");
      return [userMessage(GO_ON)];
    }
    if (first.role !== "user" && first.content.length > 0) messages.unshift(userMessage(OPENING));
    const last = messages.at(-1);
    if (last?.role === "assistant") this.#finish(last);
    return messages;
  }

  /** Models that support it continue a last assistant message; for the others, the user asks to go on. */
  #finish(last: wire.Message): void {
    // A turn that paused while a tool ran at Anthropic is sent back verbatim.
    if (endsHosted(last)) return;
    if (!this.#capabilities.prefill) {
      this.#messages.push(userMessage(GO_ON));
      this.#say("reported", `This model does not continue an assistant turn; the user turn "${GO_ON}" was added after it.`);
      return;
    }
    const block = last.content.at(-1);
    if (block !== undefined && !(block instanceof JsonText) && block.type === "text") block.text = block.text.trimEnd();
  }

  #addSystem(turn: Turn): void {
    const { blocks } = encodeContent(turn, this.#context);
    // Blank text alone has no effect.
    if (blocks.length === 0 && turn.effort === null) return;
    const before = this.#messages.at(-1);
    if (before === undefined) {
      for (const block of blocks) if (!(block instanceof JsonText) && block.type === "text") this.system.push(block);
      this.turnEffort = turn.effort ?? this.turnEffort;
      return;
    }
    if (!this.#capabilities.systemMessages || !(before.role === "user" || endsHosted(before))) {
      this.turnEffort = turn.effort ?? this.turnEffort;
      this.#append("user", blocks);
      return;
    }
    const message: wire.Message = { role: "system", content: blocks };
    if (turn.effort !== null) {
      message.output_config = { effort: turn.effort };
      this.turnEffort = null;
    }
    this.#messages.push(message);
  }

  /** The blocks become the message's own. */
  #append(role: "user" | "assistant", blocks: wire.Block[]): void {
    if (blocks.length === 0) return;
    if (role === "user") this.#demoteSystem();
    const last = this.#messages.at(-1);
    if (last?.role !== role) this.#messages.push({ role, content: blocks });
    else for (const block of blocks) last.content.push(block);
  }

  /** A system message must be last or before the assistant; where the user speaks again, its text becomes the user's. */
  #demoteSystem(): void {
    const last = this.#messages.at(-1);
    if (last?.role !== "system") return;
    this.#messages.pop();
    this.turnEffort = last.output_config?.effort ?? this.turnEffort;
    this.#append("user", last.content);
  }

  #flushShown(): void {
    const shown = this.#shown;
    this.#shown = [];
    this.#append("user", shown);
  }

  #say(severity: Loss["severity"], reason: string): void {
    this.#context.losses.push({ field: this.#context.field, severity, reason });
  }
}

function userMessage(text: string): wire.Message {
  return { role: "user", content: [{ type: "text", text }] };
}

function isResult(block: wire.Block): boolean {
  return !(block instanceof JsonText) && block.type === "tool_result";
}

function resultsFirst(blocks: wire.Block[]): wire.Block[] {
  const others = blocks.findIndex((block) => !isResult(block));
  if (others === -1 || !blocks.some((block, index) => index > others && isResult(block))) return blocks;
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

/** Whether an assistant message ends with a tool that ran at Anthropic. */
function endsHosted(message: wire.Message | undefined): boolean {
  return message?.role === "assistant" && message.content.at(-1) instanceof JsonText;
}
