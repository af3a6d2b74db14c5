// The agents that can be launched and set up, as a table. Each has a file of its own.

import type { Agent } from "./agent.ts";
import { CLAUDE } from "./claude.ts";
import { CLINE } from "./cline.ts";
import { CODEX } from "./codex.ts";
import { COPILOT } from "./copilot.ts";
import { DROID } from "./droid.ts";
import { GEMINI } from "./gemini.ts";
import { OPENCODE } from "./opencode.ts";
import { PI } from "./pi.ts";
import { QWEN } from "./qwen.ts";

export const AGENTS: readonly Agent[] = [CLAUDE, CODEX, GEMINI, OPENCODE, QWEN, COPILOT, DROID, PI, CLINE];
