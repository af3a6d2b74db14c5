// What a case of the conformance suite is, and what comes of it; and the ways in which most cases look at an answer.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { AreaName } from "./areas.ts";
import { HELLO } from "./scenarios.ts";
import { objectIn } from "./wire.ts";
import type { Answer, Model, Page, Scenario, World } from "./world.ts";

/** There was nothing to look at: no model of the kind that the case is about. */
export const LEFT_OUT = Symbol("left out");
/** The gateway has no such route; the area `routes` says so. */
export const NOT_OFFERED = Symbol("not offered");

/** What came instead of what was expected; null: what was expected. */
export type Came = string | null | typeof LEFT_OUT | typeof NOT_OFFERED;

export interface Case {
  readonly area: AreaName;
  /** Unique within its area. */
  readonly name: string;
  /** Whose clients it is about; null: none's in particular. Such a case is judged by the models that the gateway offers to them. */
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
  readonly outcome: "passed" | "failed" | "not offered" | "left out";
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

/** A status that says that there is no such route, and not that there is no such model. */
export function isAbsent({ status, text }: Pick<Page, "status" | "text">): boolean {
  return status === 405 || status === 501 || (status === 404 && !/model/i.test(text));
}

/** A rule that is broken here, and not where nothing odd happens: that one is lost elsewhere already. Null: there is none. */
export async function newFault(world: World, { faults, protocol, model }: Answer): Promise<string | null> {
  if (faults.length === 0) return null;
  const always = await world.ask(HELLO, { protocol, model, stream: true });
  const fault = faults.find(({ rule }) => always.faults.every((one) => one.rule !== rule));
  return fault === undefined ? null : shown(fault.came);
}

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

/** A request's text without what JSON may write this way or that: escapes and white space. */
export function unescaped(text: string): string {
  return text
    .replaceAll(/\\+u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll("\\", "")
    .replaceAll(/\s/g, "");
}

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
