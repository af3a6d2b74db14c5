// What the models behind Chat endpoints support, by patterns of their ids.
// Never says where a model is served, and refuses none; an unknown id gets what most compatible servers support.
// Sources (read 2026-11): https://platform.openai.com/docs/guides/reasoning, .../function-calling, .../prompt-caching; the 400s that
// OpenAI answers to `max_tokens`, `parallel_tool_calls`, `stop`, `temperature`; https://docs.fireworks.ai/guides/reasoning;
// https://api-docs.deepseek.com/guides/thinking_mode; https://platform.moonshot.ai/docs.

import type { Effort } from "../canonical.ts";
import type { ModelLimits } from "../codec.ts";
import { hash } from "../tool-names.ts";

export interface Capabilities {
  /** Served by OpenAI itself: strict about unknown members, with many of its own. */
  readonly openai: boolean;
  readonly systemRole: "system" | "developer";
  readonly limitField: "max_completion_tokens" | "max_tokens";
  /** The largest accepted limit; more is a 400. Null: not known. */
  readonly maxOutputTokens: number | null;
  /** Levels of `reasoning_effort`, ascending; empty: none. */
  readonly efforts: readonly Effort[];
  /** Sampling parameters and stop sequences: `always`, or only where no reasoning is asked for, or `never`. */
  readonly sampling: "always" | "without-reasoning" | "never";
  /** Tools are only accepted with `reasoning_effort: none` (over Chat; Responses has no such limit). */
  readonly toolsForbidReasoning: boolean;
  readonly parallelSwitch: boolean;
  /** Supports tools of type `custom` and `allowed_tools`. */
  readonly customTools: boolean;
  /** Accepts `anyOf`, `oneOf`, `allOf`, `enum` and `not` at the root of a tool's schema. */
  readonly rootKeywords: boolean;
  readonly verbosity: boolean;
  readonly cacheBreakpoints: boolean;
  readonly cacheKey: boolean;
  readonly webSearch: boolean;
  /** Requires its `reasoning_content` back during a tool loop. */
  readonly echoesReasoning: boolean;
  /** A call id in the form that the model's server accepts. */
  callId(id: string): string;
}

const OPENAI = /^(?:gpt-\d|chatgpt-|o\d|codex)/;
const O_SERIES = /^(?:o\d|codex)/;
const GPT_VERSION = /^gpt-(\d+)(?:\.(\d+))?(?!\d|o)/;
const ECHOES_REASONING = /^(?:deepseek|kimi|moonshot|glm|minimax|mimo|qwen|qwq)/;
const MISTRAL = /^(?:mistral|ministral|codestral|devstral|magistral|pixtral)/;
const MISTRAL_CALL_ID = /^[A-Za-z0-9]{9}$/;
const OPENAI_CALL_ID_LENGTH = 40;

const NO_EFFORTS: readonly Effort[] = [];
const O_SERIES_EFFORTS: readonly Effort[] = ["low", "medium", "high"];
const COMPATIBLE_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high"];
const GLM_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high", "max"];
const KIMI_EFFORTS: readonly Effort[] = ["low", "medium", "high"];
const DEEPSEEK_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high", "xhigh"];

/** A model's capabilities; a path before the id (`openai/`, `accounts/.../models/`) is ignored. */
export function capabilitiesOf(name: string): Capabilities {
  const id = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  return OPENAI.test(id) ? openaiModel(id) : compatibleModel(id);
}

function openaiModel(id: string): Capabilities {
  const version = gptVersion(id);
  const oSeries = O_SERIES.test(id);
  const chat = id.includes("-chat");
  const reasons = oSeries || (version >= 500 && !chat);
  return {
    openai: true,
    systemRole: reasons ? "developer" : "system",
    limitField: "max_completion_tokens",
    maxOutputTokens: openaiLimit(id, version),
    efforts: !reasons ? NO_EFFORTS : oSeries ? O_SERIES_EFFORTS : gptEfforts(version),
    sampling: !reasons ? "always" : oSeries ? "never" : "without-reasoning",
    toolsForbidReasoning: reasons && version >= 504,
    parallelSwitch: !oSeries,
    customTools: version >= 500,
    rootKeywords: version >= 500,
    verbosity: version >= 500 && !chat,
    cacheBreakpoints: version >= 506,
    cacheKey: true,
    webSearch: id.includes("search"),
    echoesReasoning: false,
    callId: (callId) => (callId.length <= OPENAI_CALL_ID_LENGTH ? callId : shortId(callId)),
  };
}

function compatibleModel(id: string): Capabilities {
  const mistral = MISTRAL.test(id);
  return {
    openai: false,
    systemRole: "system",
    limitField: "max_tokens",
    maxOutputTokens: null,
    efforts: compatibleEfforts(id),
    sampling: "always",
    toolsForbidReasoning: false,
    parallelSwitch: true,
    customTools: false,
    rootKeywords: true,
    verbosity: false,
    cacheBreakpoints: false,
    cacheKey: id.startsWith("kimi") || id.startsWith("moonshot"),
    webSearch: false,
    echoesReasoning: ECHOES_REASONING.test(id),
    callId: (callId) => (!mistral || MISTRAL_CALL_ID.test(callId) ? callId : `c${hash(callId)}`),
  };
}

/** `gpt-5.4` is 504, `gpt-4o` is 0: it is older than every version that the rules compare with. */
function gptVersion(id: string): number {
  const [, major, minor] = GPT_VERSION.exec(id) ?? [];
  return major === undefined ? 0 : Number(major) * 100 + Number(minor ?? 0);
}

/** https://platform.openai.com/docs/models (read 2026-11); null for models that are newer than this table. */
function openaiLimit(id: string, version: number): number | null {
  if (O_SERIES.test(id)) return 100_000;
  if (id.startsWith("gpt-4o")) return 16_384;
  if (version === 401) return 32_768;
  return version >= 500 && version < 506 ? 128_000 : null;
}

function gptEfforts(version: number): readonly Effort[] {
  if (version >= 506) return ["none", "low", "medium", "high", "xhigh", "max"];
  if (version >= 502) return ["none", "low", "medium", "high", "xhigh"];
  if (version === 501) return ["none", "low", "medium", "high"];
  return ["minimal", "low", "medium", "high"];
}

function compatibleEfforts(id: string): readonly Effort[] {
  if (id.startsWith("glm")) return GLM_EFFORTS;
  if (id.startsWith("kimi")) return KIMI_EFFORTS;
  if (id.startsWith("deepseek")) return DEEPSEEK_EFFORTS;
  return COMPATIBLE_EFFORTS;
}

/** The same short id on every turn; hashes the whole id, since ids may differ only at the end. */
function shortId(callId: string): string {
  return `call_${hash(callId)}${hash(`.${callId}`)}`;
}

export function limitsOf(model: string): ModelLimits {
  const { maxOutputTokens, efforts, verbosity } = capabilitiesOf(model);
  return { outputTokens: maxOutputTokens, efforts, verbosity };
}
