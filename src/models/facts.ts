// What is known of a model besides where it is served: its context window, its kinds of input, its release date. Data, and what an id says.
// Never guesses: null where no source says so.
// Context windows: @pydantic/genai-prices 0.1.8, and https://ai.google.dev/gemini-api/docs/models for gemini-2.5-pro. Kinds of input:
// https://platform.claude.com/docs/en/about-claude/models/overview, https://platform.openai.com/docs/models,
// https://ai.google.dev/gemini-api/docs/models. All read 2026-11.

export type Modality = "text" | "image" | "audio" | "video";

export interface ModelFacts {
  /** Tokens; for Gemini of the prompt, for all others of prompt and answer together. */
  readonly contextTokens: number | null;
  readonly inputModalities: readonly Modality[] | null;
  /** Unix time in seconds: the date in the id. */
  readonly releasedAtS: number | null;
}

/** By the id without its date. */
const CONTEXT_TOKENS: ReadonlyMap<string, number> = new Map(
  (
    [
      [
        1_000_000,
        "claude-opus-5-5 claude-opus-5 claude-fable-5 claude-opus-4-8 claude-opus-4-7 claude-opus-4-6 claude-sonnet-5 claude-sonnet-4-6",
      ],
      [
        200_000,
        "claude-opus-4-5 claude-opus-4-1 claude-sonnet-4-5 claude-sonnet-4 claude-haiku-4-5 claude-3-7-sonnet claude-3-5-sonnet claude-3-5-haiku",
      ],
      [1_000_000, "minimax-m3 gpt-5.5 gpt-5.5-pro gpt-4.1 glm-5.3 glm-5.3-flash glm-5.2 deepseek-v4-pro"],
      [1_000_000, "gemini-3.7-flash gemini-3.6-flash gemini-3.5-flash gemini-3-flash-preview"],
      [1_048_576, "gemini-2.5-pro gemini-2.5-flash kimi-k3"],
      [1_050_000, "gpt-6-astra gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-5.4"],
      [500_000, "grok-4.5"],
      [400_000, "gpt-5.4-mini gpt-5.3-codex gpt-5.2 gpt-5.2-codex gpt-5.1 gpt-5.1-codex gpt-5.1-codex-max gpt-5 gpt-5-codex"],
      [262_144, "kimi-k2.7-code kimi-k2.6 kimi-k2.5"],
      [256_000, "grok-4"],
      [204_800, "minimax-m2.7 minimax-m2.5"],
      [200_000, "o1 o3 o4-mini glm-5.1 glm-5 glm-4.7"],
      [128_000, "gpt-4o"],
    ] as const
  ).flatMap(([tokens, ids]) => ids.split(" ").map((id) => [id, tokens] as const)),
);

/** The first match counts. */
const MODALITIES: readonly (readonly [ids: RegExp, modalities: readonly Modality[]])[] = [
  [/^claude-/, ["text", "image"]],
  [/^(?:gpt-(?:4o|4\.1|[5-9])|o[134](?:-|$))/, ["text", "image"]],
  [/^gemini-(?:2\.5|[3-9])/, ["text", "image", "audio", "video"]],
];

const DATE = /-(\d{4})-?(\d{2})-?(\d{2})$/;

export function factsOf(id: string): ModelFacts {
  const name = id.toLowerCase();
  const [suffix = "", year, month, day] = DATE.exec(name) ?? [];
  const releasedAtMs = suffix === "" ? Number.NaN : Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  return {
    contextTokens: CONTEXT_TOKENS.get(name.slice(0, name.length - suffix.length)) ?? null,
    inputModalities: MODALITIES.find(([ids]) => ids.test(name))?.[1] ?? null,
    releasedAtS: Number.isNaN(releasedAtMs) ? null : releasedAtMs / 1000,
  };
}
