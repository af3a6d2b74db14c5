// One run of the suite: reads the options, finds the models, runs the cases, and reports the result.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { forTerminal } from "../../telemetry/text-line.ts";
import { typedPath } from "../caller.ts";
import { CommandError, EXIT_FAILED, type Context, type Input } from "../command.ts";
import type { ProtocolId } from "../../protocol/canonical.ts";
import { AREA_NAMES, type AreaName } from "./areas.ts";
import { isAbsent } from "./case.ts";
import { Lab } from "./lab/lab.ts";
import { jsonOf, junitOf, tableOf, type Run } from "./report.ts";
import { HELLO } from "./scenarios.ts";
import { scoreOf } from "./scoring.ts";
import { runCases } from "./suite.ts";
import { listAt, objectIn, PROTOCOLS, textAt } from "./wire.ts";
import { World, type Answer, type Found, type Page, type WorldOptions } from "./world.ts";

export async function score(input: Input, context: Context): Promise<number> {
  const asked = read(input);
  const lab = input.has("lab") ? new Lab() : null;
  try {
    if (lab !== null) {
      const port = await listening(lab, asked);
      context.note(
        `The lab listens on http://${asked.labHost}:${port}. Point the server at it: FACTORY_BASE_URL=http://${asked.labHost}:${port}`,
      );
    }
    const run = await runSuite({ ...asked, lab });
    if (asked.junit !== null) write(asked.junit, junitOf(run));
    context.show(jsonOf(run), () => tableOf(run));
    return run.score.score < asked.min ? EXIT_FAILED : 0;
  } finally {
    await lab?.stop();
  }
}

export interface Suite extends Omit<WorldOptions, "callsAtOnce"> {
  /** Empty: taken from the gateway's list. */
  readonly models: readonly string[];
  readonly areas: readonly AreaName[];
}

/** Few enough for a laptop's gateway to answer in time. */
const CALLS_AT_ONCE = 16;

/** @throws CommandError where nobody answers, no model is known, or no call reaches the lab */
export async function runSuite({ models, areas, ...options }: Suite): Promise<Run> {
  const world = new World({ ...options, callsAtOnce: options.lab === null ? 2 : CALLS_AT_ONCE });
  world.lab?.offer(models);
  const list = await world.page("/v1/models");
  if (list.status === 0) throw CommandError.failed(`No server is running at ${options.url}.`);
  const ids = models.length > 0 ? models : listed(world, list);
  if (ids.length === 0) throw CommandError.failed(`${options.url} lists no models. Choose one with --model.`);
  world.found = await Promise.all(ids.map((id) => met(world, id)));
  if (world.lab !== null && world.found.every(({ upstreams }) => [...upstreams.values()].every((upstream) => upstream === null))) {
    throw CommandError.failed(
      "No call has reached the lab. Point the server at it, e.g. with FACTORY_BASE_URL, and check --key and --model.",
    );
  }
  const verdicts = await runCases(world, areas);
  return {
    url: options.url,
    mode: world.lab === null ? "live" : "lab",
    models: ids,
    calls: world.calls,
    score: scoreOf(verdicts),
    verdicts,
  };
}

interface Asked extends Omit<Suite, "lab"> {
  readonly labPort: number;
  readonly labHost: string;
  readonly junit: string | null;
  readonly min: number;
}

const DEFAULTS = { labPort: "8900", labHost: "127.0.0.1", silenceS: "20", min: "90" } as const;
const MS = 1000;

/** @throws CommandError */
function read(input: Input): Asked {
  const url = input.operand(0).replace(/\/+$/, "").replace(/\/v1$/, "");
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw CommandError.wrongUse(`"${forTerminal(input.operand(0))}" is not the URL of a server.`);
  const areas = input.all("area");
  const unknown = areas.find((area) => !isArea(area));
  if (unknown !== undefined) throw CommandError.wrongUse(`Unknown area "${forTerminal(unknown)}". Known areas: ${AREA_NAMES.join(", ")}.`);
  return {
    url,
    key: input.text("key") ?? process.env["CONFORMANCE_KEY"] ?? null,
    headers: Object.fromEntries(input.all("header").map(headerIn)),
    models: input.all("model"),
    areas: areas.length === 0 ? AREA_NAMES : areas.filter(isArea),
    silenceMs: MS * numberIn(input.text("silence") ?? DEFAULTS.silenceS, { name: "silence", most: 600 }),
    labPort: numberIn(input.text("lab-port") ?? DEFAULTS.labPort, { name: "lab-port", most: 65_535 }),
    labHost: input.text("lab-host") ?? DEFAULTS.labHost,
    junit: input.text("junit"),
    min: numberIn(input.text("min") ?? DEFAULTS.min, { name: "min", most: 100 }),
  };
}

function isArea(word: string): word is AreaName {
  return (AREA_NAMES as readonly string[]).includes(word);
}

function headerIn(text: string): [name: string, value: string] {
  const at = text.indexOf(":");
  if (at < 1) throw CommandError.wrongUse(`--header must be "name: value".`);
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}

function numberIn(text: string, { name, most }: { readonly name: string; readonly most: number }): number {
  const number = Number(text);
  if (text.trim() === "" || !(number >= 0 && number <= most)) throw CommandError.wrongUse(`--${name} must be a number from 0 to ${most}.`);
  return number;
}

async function listening(lab: Lab, { labPort, labHost }: Asked): Promise<number> {
  try {
    return await lab.listen(labPort, labHost);
  } catch {
    throw CommandError.failed(`The lab can't listen on ${labHost}:${labPort}. Choose another port with --lab-port.`);
  }
}

const FAMILIES = [/claude/i, /gpt|codex/i, /gemini/i, /glm|kimi|deepseek|qwen/i];

/** With a lab, the first model of each family, because a gateway may call each in a different protocol. */
function listed(world: World, page: Page): readonly string[] {
  const ids = listAt(objectIn(page.text), "data")
    .map((row) => textAt(row, "id"))
    .filter((id) => id !== "");
  if (world.lab === null) return ids.slice(0, 1);
  const found = FAMILIES.flatMap((family) => ids.find((id) => family.test(id)) ?? []);
  return found.length > 0 ? found : ids.slice(0, 1);
}

/** Calls a model once in each protocol, to see whether it is offered there, and in which protocol the lab is called. */
async function met(world: World, id: string): Promise<Found> {
  const upstreams = new Map<ProtocolId, ProtocolId | null>();
  for (const protocol of PROTOCOLS) {
    const answer = await world.ask(HELLO, { protocol, model: { id, upstream: null }, stream: false });
    if (!isRefusedAsSuch(answer)) upstreams.set(protocol, answer.seen[0]?.protocol ?? null);
  }
  return { id, upstreams };
}

/** The route or the model does not exist: the gateway itself refused the plainest of calls. */
function isRefusedAsSuch({ status, text, seen }: Answer): boolean {
  return seen.length === 0 && (isAbsent({ status, text }) || (status >= 400 && /\bnot (?:supported|implemented) (?:by|for)\b/i.test(text)));
}

function write(path: string, text: string): void {
  try {
    writeFileSync(typedPath(path), text);
  } catch {
    throw CommandError.failed(`${path} can't be written.`);
  }
}
