// What the models behind Messages endpoints support, by patterns of their ids.
// Never says where a model is served, and never refuses one: an unknown Claude model gets the newest ones' capabilities, any other model only
// what every server of this protocol supports.
// Sources (read 2026-11): https://platform.claude.com/docs/en/about-claude/models/overview,
// .../build-with-claude/{thinking-troubleshooting,effort,structured-outputs,mid-conversation-system-messages},
// .../api/errors#prefill-not-supported, .../models/{opus-5-5,sonnet-5-5,haiku-5-5}/migration-guide.

import type { Effort } from "../canonical.ts";
import type { ModelLimits } from "../codec.ts";

export interface Capabilities {
  readonly claude: boolean;
  /** Default for the required `max_tokens`; for a Claude model also its maximum. */
  readonly maxOutputTokens: number;
  /** `manual` needs a budget, `adaptive` none, `either` accepts both; `none`: `thinking` must not be sent. */
  readonly thinking: "none" | "manual" | "either" | "adaptive";
  /** What switches thinking off. `up-to-high`: `disabled`, unless effort is above high. `never`: nothing. */
  readonly thinkingOff: "disabled" | "up-to-high" | "between-tools" | "never";
  /** Ascending; empty when the model has no `output_config.effort`. */
  readonly efforts: readonly Effort[];
  readonly sampling: boolean;
  /** Accepts temperature or top_p, not both. */
  readonly oneSampler: boolean;
  /** Continues a last assistant turn; other models answer 400 to it. */
  readonly prefill: boolean;
  /** `output_config.format` and strict tools. */
  readonly structuredOutput: boolean;
  /** System messages with their own effort, after a user turn. */
  readonly systemMessages: boolean;
  /** `tool_choice` of type `any` and `tool`. */
  readonly forcedTools: boolean;
  readonly webSearch: boolean;
}

type Family = "opus" | "sonnet" | "haiku" | "fable" | "mythos";

const NAMED_FIRST = /claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/;
const NUMBER_FIRST = /claude-(\d)(?:[-.](\d{1,2}))?-(opus|sonnet|haiku)/;

const ALL_EFFORTS: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];
const EFFORTS_OF_4_6: readonly Effort[] = ["low", "medium", "high", "max"];
const EFFORTS_OF_OPUS_4_5: readonly Effort[] = ["low", "medium", "high"];
const NO_EFFORTS: readonly Effort[] = [];

const NOT_CLAUDE: Capabilities = {
  claude: false,
  maxOutputTokens: 32_000,
  thinking: "none",
  thinkingOff: "disabled",
  efforts: NO_EFFORTS,
  sampling: true,
  oneSampler: false,
  prefill: true,
  structuredOutput: false,
  systemMessages: false,
  forcedTools: true,
  webSearch: false,
};

/** A model's capabilities; a vendor's prefix (`anthropic.`, `us.anthropic.`, a path) is ignored. */
export function capabilitiesOf(model: string): Capabilities {
  const id = model.toLowerCase();
  if (!id.includes("claude")) return NOT_CLAUDE;
  const named = NAMED_FIRST.exec(id);
  if (named !== null) return claude(familyOf(named[1]), versionOf(named[2], named[3]));
  const numbered = NUMBER_FIRST.exec(id);
  if (numbered !== null) return claude(familyOf(numbered[3]), versionOf(numbered[1], numbered[2]));
  if (id.includes("claude-2") || id.includes("claude-instant")) return claude("sonnet", 200);
  // No version in the name: perhaps an alias. The upstream will say whether it accepts a forced tool.
  return { ...claude("opus", 505), forcedTools: true };
}

/** Default for a missing `max_tokens`; `wanted`: the operator's value, limited to a Claude model's own maximum. */
export function defaultLimit({ claude: isClaude, maxOutputTokens }: Capabilities, wanted: number | null): number {
  return wanted === null || (isClaude && wanted > maxOutputTokens) ? maxOutputTokens : wanted;
}

function familyOf(word: string | undefined): Family {
  return word === "opus" || word === "haiku" || word === "fable" || word === "mythos" ? word : "sonnet";
}

/** 4.5 is 405, 5 is 500. */
function versionOf(major: string | undefined, minor: string | undefined): number {
  return Number(major ?? 0) * 100 + Number(minor ?? 0);
}

function claude(family: Family, version: number): Capabilities {
  const alwaysThinks = family === "fable" || family === "mythos" || (family === "opus" && version >= 505);
  return {
    claude: true,
    maxOutputTokens: outputLimit(family, version),
    thinking: version < 307 ? "none" : version < 406 ? "manual" : version < 407 ? "either" : "adaptive",
    thinkingOff: alwaysThinks ? "never" : thinkingOff(family, version),
    efforts: efforts(family, version),
    sampling: version <= 406,
    oneSampler: version >= 401,
    prefill: version <= 405,
    structuredOutput: version >= 401,
    systemMessages: version >= 408,
    forcedTools: !(version >= 505 && family !== "haiku") && !((family === "fable" || family === "mythos") && version >= 501),
    webSearch: version >= 305,
  };
}

function outputLimit(family: Family, version: number): number {
  if (version >= 406) return 128_000;
  if (version >= 405) return 64_000;
  if (version >= 400) return family === "opus" ? 32_000 : 64_000;
  if (version >= 307) return 64_000;
  return version >= 305 ? 8_192 : 4_096;
}

function thinkingOff(family: Family, version: number): Capabilities["thinkingOff"] {
  if (family === "sonnet") return version >= 505 ? "between-tools" : "disabled";
  return version >= 500 ? "up-to-high" : "disabled";
}

function efforts(family: Family, version: number): readonly Effort[] {
  if (version >= 407) return ALL_EFFORTS;
  if (version >= 406) return EFFORTS_OF_4_6;
  return family === "opus" && version === 405 ? EFFORTS_OF_OPUS_4_5 : NO_EFFORTS;
}

/** Replace a budget where a model has no effort. */
const BUDGET_EFFORTS: readonly Effort[] = ["low", "medium", "high"];

export function limitsOf(model: string): ModelLimits {
  const { claude: isClaude, maxOutputTokens, efforts: levels, thinking } = capabilitiesOf(model);
  if (!isClaude) return { outputTokens: null, efforts: null, verbosity: false };
  const takesBudget = levels.length === 0 && thinking !== "none";
  return { outputTokens: maxOutputTokens, efforts: takesBudget ? BUDGET_EFFORTS : levels, verbosity: false };
}
