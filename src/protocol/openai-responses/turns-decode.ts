// The `input` of a request, a string or a list of items: system parts, turns and tools, and settings for the whole request.
// Never pairs calls with their results, or looks an id up: what is stored on the server (references, compactions) stays opaque.

import { rowOf } from "../../wire/json.ts";
import type { Effort, Loss, LossSeverity, Part, TextPart, Tool, ToolResultPart, Turn } from "../canonical.ts";
import type { Fields } from "../fields.ts";
import { mergeTurns } from "../turns.ts";
import { decodeContent, textPart } from "./parts-decode.ts";
import { decodeClientCall, decodeClientOutput } from "./client-tools.ts";
import { canonicalName } from "./namespaces.ts";
import { decodeReasoningItem } from "./reasoning.ts";
import { decodeTools } from "./tools.ts";
import { WORDS } from "./wire.ts";

/** The consequence of leaving out a hosted item. One that is not listed may hold content that only OpenAI can read. */
const HOSTED: Readonly<Record<string, LossSeverity>> = {
  web_search_call: "reported",
  file_search_call: "reported",
  code_interpreter_call: "reported",
  image_generation_call: "reported",
  mcp_list_tools: "reported",
  mcp_call: "reported",
  mcp_approval_request: "reported",
  mcp_approval_response: "reported",
  tool_search_call: "reported",
  tool_search_output: "reported",
  shell_call: "reported",
};

export class TurnDecoder {
  /** Instructions before the first turn. */
  readonly system: TextPart[] = [];
  /** Tools that items declare. */
  readonly tools: Tool[] = [];
  /** The effort of the last configuration update; null: none. */
  effort: Effort | null = null;
  /** `text.format` of the last configuration update; null: none. */
  format: Fields | null = null;
  readonly #turns: Turn[] = [];
  /** The call ids of items that have another id as well: an output may refer to either. */
  readonly #callIds = new Map<string, string>();
  readonly #lose: (loss: Loss) => void;

  constructor(lose: (loss: Loss) => void) {
    this.#lose = lose;
  }

  /** Adjacent items of one role are one turn; system turns stay separate. */
  turns(): Turn[] {
    return mergeTurns(this.#turns);
  }

  decode(body: Fields): void {
    const input = body.raw("input");
    if (typeof input === "string") return this.#add("user", input === "" ? [] : [textPart(input)]);
    if (Array.isArray(input)) {
      for (const item of body.objects("input")) this.#item(item);
      return;
    }
    // A stored prompt or conversation may replace it.
    const stored = ["prompt", "conversation", "previous_response_id"].some((key) => body.has(key));
    if (!stored || (input !== undefined && input !== null)) throw body.fail("input", "a string or an array of items");
  }

  #item(item: Fields): void {
    item.ignoreRest();
    const type = item.optionalText("type") ?? (item.has("role") ? "message" : item.text("type"));
    switch (type) {
      case "message":
        return this.#message(item);
      case "reasoning":
        return this.#reasoning(item);
      case "function_call":
        return this.#call(item, "function", item.text("arguments"));
      case "custom_tool_call":
        return this.#call(item, "custom", item.text("input"));
      case "function_call_output":
      case "custom_tool_call_output":
        return item.has("call_id")
          ? this.#output(item, type === "custom_tool_call_output" ? "custom" : "function")
          : this.#opaque(item, type);
      case "additional_tools":
        return this.#declare(item);
      case "configuration_update":
        return this.#update(item);
      default:
        return this.#other(item, type);
    }
  }

  /** Calls of client-run tools, and their outputs; everything else only OpenAI knows. */
  #other(item: Fields, type: string): void {
    // Tools that a search has loaded can be called from then on.
    if (type === "tool_search_output") this.#declare(item);
    const call = decodeClientCall(item);
    const output = call === null ? decodeClientOutput(item) : null;
    const [id, own] = [item.optionalText("id"), item.optionalText("call_id")];
    const callId = own ?? (id === null ? null : (this.#callIds.get(id) ?? id));
    if (callId === null || (call === null && output === null)) return this.#opaque(item, type);
    if (call !== null) {
      if (id !== null) this.#callIds.set(id, callId);
      this.#checkCaller(item);
      this.#add("assistant", [{ type: "tool-call", callId, kind: "function", ...call, cache: null, proof: null }]);
    } else if (output !== null) {
      this.#add("user", [{ type: "tool-result", callId, name: null, kind: "function", ...output, cache: null }]);
    }
  }

  #message(item: Fields): void {
    const role = item.word("role", WORDS["input.role"]);
    if (item.has("phase")) {
      this.#lose({
        field: "input.phase",
        severity: "reported",
        reason: "No other protocol distinguishes commentary from the final answer.",
      });
    }
    const parts = decodeContent(item, "content");
    if (role === "user" || role === "assistant") return this.#add(role, parts);
    const isLeading = this.#turns.every((turn) => turn.parts.length === 0);
    if (isLeading && parts.every((part) => part.type === "text")) this.system.push(...parts);
    else this.#add("system", parts);
  }

  #reasoning(item: Fields): void {
    const [summary, content, encrypted] = [item.raw("summary"), item.raw("content"), item.raw("encrypted_content")];
    const decoded = decodeReasoningItem({ summary, content, encrypted_content: encrypted });
    if (decoded?.type === "part") return this.#add("assistant", [decoded.part]);
    if (decoded?.type !== "previous") return;
    // The proof of the preceding part, whose own item has no place for it.
    const turn = this.#turns.at(-1);
    const part = turn?.parts.at(-1);
    if (turn?.role !== "assistant" || (part?.type !== "tool-call" && part?.type !== "text")) return;
    this.#turns[this.#turns.length - 1] = { ...turn, parts: [...turn.parts.slice(0, -1), { ...part, proof: decoded.proof }] };
  }

  #call(item: Fields, kind: "function" | "custom", text: string): void {
    this.#checkCaller(item);
    const name = canonicalName(item.text("name"), item.optionalText("namespace"));
    this.#add("assistant", [{ type: "tool-call", callId: item.text("call_id"), name, kind, arguments: text, cache: null, proof: null }]);
  }

  #checkCaller(item: Fields): void {
    const caller = item.optionalObject("caller");
    caller?.ignoreRest();
    if (caller !== null && caller.text("type") !== "direct") {
      this.#lose({
        field: "input.caller",
        severity: "refused",
        reason: "In other protocols only the model makes calls; a program made this one.",
      });
    }
  }

  #output(item: Fields, kind: "function" | "custom"): void {
    const content: ToolResultPart["content"][number][] = [];
    for (const part of decodeContent(item, "output")) {
      if (part.type === "text" || part.type === "image" || part.type === "file") content.push(part);
      else
        this.#lose({
          field: "input.output",
          severity: "refused",
          reason: `In other protocols a tool's output can't contain ${part.type}.`,
        });
    }
    this.#add("user", [{ type: "tool-result", callId: item.text("call_id"), name: null, kind, content, isError: null, cache: null }]);
  }

  /** Settings from here on. For the next answer, the last one counts. */
  #update(item: Fields): void {
    const reasoning = item.optionalObject("reasoning");
    const text = item.optionalObject("text");
    reasoning?.ignoreRest();
    text?.ignoreRest();
    this.effort = reasoning?.optionalWord("effort", WORDS["reasoning.effort"]) ?? this.effort;
    const format = text?.optionalObject("format") ?? null;
    format?.ignoreRest();
    this.format = format ?? this.format;
  }

  #declare(item: Fields): void {
    this.tools.push(...decodeTools(item.objects("tools"), this.#lose));
  }

  #opaque(item: Fields, name: string): void {
    if (name === "item_reference") {
      // Clients that leave `store` at its default refer to what they believe to be stored.
      const reason = "The item it names is stored at OpenAI, if anywhere. With `store: false` a client sends the items themselves.";
      this.#lose({ field: "input.item_reference", severity: "refused", reason });
    }
    const role = name.endsWith("_output") || name === "mcp_approval_response" || name === "compaction_trigger" ? "user" : "assistant";
    const severity = rowOf(HOSTED, name) ?? "refused";
    this.#add(role, [{ type: "opaque", protocol: "openai-responses", name, value: item.whole(), severity }]);
  }

  #add(role: Turn["role"], parts: readonly Part[]): void {
    if (parts.length > 0) this.#turns.push({ role, parts, effort: null });
  }
}
