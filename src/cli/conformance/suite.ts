// All cases and their outcomes. Never stops at a failure.

import { AREA_NAMES, type AreaName } from "./areas.ts";
import { LEFT_OUT, NOT_OFFERED, type Came, type Case, type Verdict } from "./case.ts";
import { CLAUDE_CODE_CASES } from "./cases/claude-code.ts";
import { CODEX_CASES } from "./cases/codex.ts";
import { ERROR_CASES } from "./cases/errors.ts";
import { FAILURE_CASES } from "./cases/failures.ts";
import { FIDELITY_CASES } from "./cases/fidelity.ts";
import { GEMINI_CLI_CASES } from "./cases/gemini-cli.ts";
import { MODEL_CASES } from "./cases/models.ts";
import { OPEN_RESPONSES_CASES } from "./cases/open-responses.ts";
import { ROUTE_CASES } from "./cases/routes.ts";
import { SHAPE_CASES } from "./cases/shapes.ts";
import { SIGNATURE_CASES } from "./cases/signatures.ts";
import { STREAM_CASES } from "./cases/streams.ts";
import { TIMING_CASES } from "./cases/timing.ts";
import { TOOL_CASES } from "./cases/tools.ts";
import { TRANSPORT_CASES } from "./cases/transport.ts";
import { USAGE_CASES } from "./cases/usage.ts";
import type { World } from "./world.ts";

const ALL = [
  ...ROUTE_CASES,
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

/** Timing is measured when nothing else runs. */
const TIMED: readonly AreaName[] = ["cancel", "keep-alives"];

/** Runs the cases of some areas; the world limits the concurrent calls. */
export async function runCases(world: World, areas: readonly AreaName[] = AREA_NAMES): Promise<readonly Verdict[]> {
  const chosen = CASES.filter(({ area, needs }) => areas.includes(area) && (needs === "live" || world.lab !== null));
  const verdicts = new Map<Case, Verdict>();
  for (const isTimed of [false, true]) {
    const now = chosen.filter(({ area }) => TIMED.includes(area) === isTimed);
    await Promise.all(now.map(async (one) => verdicts.set(one, verdictOf(one, await cameOf(one, world)))));
  }
  return chosen.flatMap((one) => verdicts.get(one) ?? []);
}

async function cameOf(one: Case, world: World): Promise<Came> {
  if (one.protocol === null) return one.run(world);
  const view = world.of(one.protocol);
  if (view.models.length === 0) return NOT_OFFERED;
  const came = await one.run(view);
  // A model that is not offered might have been of the missing kind.
  return came === LEFT_OUT && view.models.length < world.found.length ? NOT_OFFERED : came;
}

function verdictOf({ area, name, expected, breaks }: Case, came: Came): Verdict {
  const shared = { area, name, expected, breaks };
  if (came === NOT_OFFERED) return { ...shared, outcome: "not offered", came: null };
  if (came === LEFT_OUT) return { ...shared, outcome: "left out", came: null };
  return came === null ? { ...shared, outcome: "passed", came: null } : { ...shared, outcome: "failed", came };
}
