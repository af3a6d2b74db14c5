// All cases, and what each came to. Never stops at one that fails.

import { AREA_NAMES, type AreaName } from "./areas.ts";
import { LEFT_OUT, type Came, type Case, type Verdict } from "./case.ts";
import { CLAUDE_CODE_CASES } from "./cases/claude-code.ts";
import { CODEX_CASES } from "./cases/codex.ts";
import { ERROR_CASES } from "./cases/errors.ts";
import { FAILURE_CASES } from "./cases/failures.ts";
import { FIDELITY_CASES } from "./cases/fidelity.ts";
import { GEMINI_CLI_CASES } from "./cases/gemini-cli.ts";
import { MODEL_CASES } from "./cases/models.ts";
import { OPEN_RESPONSES_CASES } from "./cases/open-responses.ts";
import { offers, SHAPE_CASES } from "./cases/shapes.ts";
import { SIGNATURE_CASES } from "./cases/signatures.ts";
import { STREAM_CASES } from "./cases/streams.ts";
import { TIMING_CASES } from "./cases/timing.ts";
import { TOOL_CASES } from "./cases/tools.ts";
import { TRANSPORT_CASES } from "./cases/transport.ts";
import { USAGE_CASES } from "./cases/usage.ts";
import { PROTOCOLS } from "./wire.ts";
import type { World } from "./world.ts";

const ALL = [
  ...SHAPE_CASES,
  ...STREAM_CASES,
  ...TOOL_CASES,
  ...USAGE_CASES,
  ...ERROR_CASES,
  ...MODEL_CASES,
  ...FAILURE_CASES,
  ...TRANSPORT_CASES,
  ...TIMING_CASES,
  ...FIDELITY_CASES,
  ...SIGNATURE_CASES,
  ...CLAUDE_CODE_CASES,
  ...CODEX_CASES,
  ...GEMINI_CLI_CASES,
  ...OPEN_RESPONSES_CASES,
];

/** In the order of the areas. */
export const CASES: readonly Case[] = AREA_NAMES.flatMap((area) => ALL.filter((one) => one.area === area));

/** What is about time is measured when nothing else goes on. */
const TIMED: readonly AreaName[] = ["cancel", "keep-alives"];

/** Runs the cases of some areas; the world lets so many calls through at once. */
export async function runCases(world: World, areas: readonly AreaName[] = AREA_NAMES): Promise<readonly Verdict[]> {
  const offered = new Map(await Promise.all(PROTOCOLS.map(async (protocol) => [protocol, await offers(world, protocol)] as const)));
  const isOffered = ({ protocol }: Case): boolean => protocol === null || offered.get(protocol) === true;
  const chosen = CASES.filter(({ area, needs }) => areas.includes(area) && (needs === "live" || world.lab !== null));
  const judge = async (one: Case): Promise<Verdict> => verdictOf(one, isOffered(one) ? await one.run(world) : LEFT_OUT);
  const verdicts = new Map<Case, Verdict>();
  for (const isTimed of [false, true]) {
    const now = chosen.filter(({ area }) => TIMED.includes(area) === isTimed);
    await Promise.all(now.map(async (one) => verdicts.set(one, await judge(one))));
  }
  return chosen.flatMap((one) => verdicts.get(one) ?? []);
}

function verdictOf({ area, name, expected, breaks }: Case, came: Came): Verdict {
  const shared = { area, name, expected, breaks };
  if (came === LEFT_OUT) return { ...shared, outcome: "left out", came: null };
  return came === null ? { ...shared, outcome: "passed", came: null } : { ...shared, outcome: "failed", came };
}
