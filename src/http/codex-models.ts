// A model in the format of Codex's model picker. Codex requests `GET /v1/models?client_version=...` where its provider has a command that gets
// the key (`model_providers.NAME.auth`), and lays the rows over those that it ships with.
// Never lists models that Codex ships with: its own rows hold instructions and tools made for these models, and ours would replace them.
// Derived from codex-cli 0.171.0 (2026-11): a list is dropped as a whole if one row lacks a member that this version needs.

import type { Effort } from "../protocol/canonical.ts";
import type { Described } from "./described-model.ts";

/** Null where Codex has a row of its own. */
export function codexModel(model: Described): object | null {
  const { id, provider, protocol, efforts, verbosity, inputModalities } = model;
  if (SHIPPED.has(id)) return null;
  const levels = (efforts ?? USUAL_EFFORTS).filter((effort) => effort in LEVELS);
  const isGpt = provider === "openai" && protocol === "openai-responses";
  const contextTokens = inputTokensOf(model);
  return {
    slug: id,
    display_name: id,
    description: null,
    default_reasoning_level: levels.includes("medium") ? "medium" : (levels[0] ?? null),
    supported_reasoning_levels: levels.map((effort) => ({ effort, description: LEVELS[effort] })),
    shell_type: "default",
    visibility: "list",
    supported_in_api: true,
    // After those that Codex ships with.
    priority: 100,
    availability_nux: null,
    upgrade: null,
    base_instructions: INSTRUCTIONS,
    supports_reasoning_summaries: levels.length > 0,
    support_verbosity: isGpt && verbosity,
    default_verbosity: null,
    apply_patch_tool_type: isGpt ? "freeform" : null,
    truncation_policy: { mode: "bytes", limit: 10_000 },
    supports_parallel_tool_calls: true,
    context_window: contextTokens,
    max_context_window: contextTokens,
    experimental_supported_tools: [],
    // Codex knows no others.
    ...(inputModalities === null ? {} : { input_modalities: inputModalities.filter((one) => one === "text" || one === "image") }),
  };
}

/** Ids of the table for which codex-cli 0.171.0 ships a row. */
const SHIPPED: ReadonlySet<string> = new Set(["gpt-6-astra", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.5"]);

/** Used where a model's efforts are not known; the gateway sends what the model takes. */
const USUAL_EFFORTS: readonly Effort[] = ["low", "medium", "high"];

const LEVELS: Readonly<Partial<Record<Effort, string>>> = {
  minimal: "Answers at once",
  low: "Thinks little",
  medium: "Thinks as much as most tasks need",
  high: "Thinks long",
  xhigh: "Thinks very long",
  max: "Thinks as long as the model can",
};

/** When this is nearly full, Codex summarizes the conversation to make room for an answer, so an answer's tokens are subtracted. */
function inputTokensOf({ protocol, contextTokens, outputTokens }: Described): number | null {
  if (contextTokens === null || outputTokens === null || protocol === "gemini") return contextTokens;
  return contextTokens - outputTokens;
}

const INSTRUCTIONS = `You are Codex, a coding agent in the user's terminal. You and the user share one workspace. Work on the task until it is done, then report.

# How to work
- Read before you write. Search with \`rg\` and \`rg --files\`; read only what the task needs.
- Keep to the style, the helpers and the structure that the code has. Change what the task asks for and nothing else.
- Mend the cause of a fault, not its symptom. Leave faults alone that have nothing to do with the task, but mention them.
- Check your work: run the tests or the build that cover your change, from the narrowest up. Say so if you could not.
- The working tree may hold changes that are not yours. Never undo them, and never run destructive git commands, unless the user asks for it.
- Commit only when the user asks for it.
- If the user asks a question, answer it without changing files.

# Editing files
Use \`apply_patch\`: the tool where you have it, otherwise the shell command. A patch looks like this; paths are relative to the working directory:

*** Begin Patch
*** Update File: src/example.py
@@ def greet():
-    print("Hi")
+    print("Hello")
*** Add File: notes.txt
+A new file: every line begins with a plus.
*** Delete File: old.txt
*** End Patch

In the shell: \`apply_patch <<'EOF'\`, the patch, \`EOF\`. Three lines of context around a change are enough.

# Messages
- Before a group of tool calls, say in a sentence what you are about to do.
- End with a short report in plain Markdown: what you changed and where, what you checked, what is left. Name files by their path and line.
- The user does not see the output of commands. Quote what matters.
`;
