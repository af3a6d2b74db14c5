// What a case of the conformance suite is, and what comes of it; and the ways in which most cases look at an answer.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { AreaName } from "./areas.ts";
import { objectIn } from "./wire.ts";
import type { Answer, Model, Scenario, World } from "./world.ts";

/** There was nothing to look at: no model of the kind that the case is about. */
export const LEFT_OUT = Symbol("left out");

/** What came instead of what was expected; null: what was expected. */
export type Came = string | null | typeof LEFT_OUT;

export interface Case {
  readonly area: AreaName;
  /** Unique within its area. */
  readonly name: string;
  /** Whose clients it is about; null: none's in particular. Such a case is left out where the gateway has no route of that protocol. */
  readonly protocol: ProtocolId | null;
  /** `lab`: it needs an upstream that does what it is told. */
  readonly needs: "live" | "lab";
  /** What should come, as the rest of "expected ...". */
  readonly expected: string;
  /** Which client breaks on anything else, and how. */
  readonly breaks: string;
  readonly run: (world: World) => Promise<Came>;
}

export interface Verdict {
  readonly area: AreaName;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "left out";
  readonly expected: string;
  /** Null unless it failed. */
  readonly came: string | null;
  readonly breaks: string;
}

/** A case that looks at the answer to one scenario from each model that fits. */
export interface Looking extends Omit<Case, "run" | "protocol"> {
  readonly protocol: ProtocolId;
  readonly scenario: Scenario;
  readonly stream: boolean;
  /** Default: all. */
  readonly fits?: (model: Model, protocol: ProtocolId) => boolean;
  readonly check: (answer: Answer) => string | null;
}

export function looking({ scenario, stream, fits = () => true, check, ...rest }: Looking): Case {
  const { protocol } = rest;
  return {
    ...rest,
    run: (world) =>
      overModels(world, {
        fits: (model) => fits(model, protocol),
        check: async (model) => check(await world.ask(scenario, { protocol, model, stream })),
      }),
  };
}

export interface OverModels {
  readonly fits?: (model: Model) => boolean;
  readonly check: (model: Model) => Promise<string | null>;
}

/** The first deviation of any model, with its name. */
export async function overModels({ models }: World, { fits = () => true, check }: OverModels): Promise<Came> {
  const fitting = models.filter(fits);
  if (fitting.length === 0) return LEFT_OUT;
  const found = await Promise.all(fitting.map(async (model) => ({ model, came: await check(model) })));
  const first = found.find(({ came }) => came !== null);
  return first === undefined ? null : `${first.model.id}: ${first.came ?? ""}`;
}

/** The gateway passes such a model's bytes on. */
export function isOwn({ upstream }: Model, protocol: ProtocolId): boolean {
  return upstream === protocol;
}

/** The gateway converts. */
export function isForeign({ upstream }: Model, protocol: ProtocolId): boolean {
  return upstream !== protocol;
}

// ---- Looks at an answer ------------------------------------------------------------------------------------------

/** Null: the answer is complete, with status 200 and without an error. */
export function incomplete({ status, text, said, isBroken }: Answer): string | null {
  if (status !== 200) return `status ${status}: ${shown(text)}`;
  if (said.error !== null) return `an error: ${shown(said.error.message)}`;
  if (isBroken) return `the connection broke after ${shown(text)}`;
  return said.isComplete ? null : `no complete answer: ${shown(text)}`;
}

/** Null: a client can see that the answer failed. */
export function looksComplete({ status, said, isBroken, text, stream }: Answer): string | null {
  if (status === 0 || status >= 400 || said.error !== null) return null;
  if (isBroken && !said.isComplete) return null;
  // Every SDK throws at half a JSON text.
  if (!stream && objectIn(text) === null) return null;
  if (stream && !said.isComplete) return `neither an error nor an end: ${shown(tail(text))}`;
  return `an answer that looks complete: ${shown(tail(text))}`;
}

function tail(text: string): string {
  return text.length > MOST_SHOWN ? `...${text.slice(-MOST_SHOWN)}` : text;
}

const MOST_SHOWN = 300;

/** A value as a person should see it. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > MOST_SHOWN + 4 ? `${text.slice(0, MOST_SHOWN)}...` : text;
}

/** Null where both are the same. */
export function unequal(came: unknown, expected: unknown): string | null {
  const [left, right] = [JSON.stringify(came) ?? "nothing", JSON.stringify(expected) ?? "nothing"];
  return left === right ? null : `${shown(left)} instead of ${shown(right)}`;
}
