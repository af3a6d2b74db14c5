// What a case of the conformance suite is, and its outcome; and the checks that most cases share.

import type { ProtocolId } from "../../protocol/canonical.ts";
import type { AreaName } from "./areas.ts";
import { HELLO } from "./scenarios.ts";
import { objectIn } from "./wire.ts";
import type { Answer, Model, Page, Scenario, World } from "./world.ts";

/** Nothing to check: there is no model of the kind that the case is about. */
export const LEFT_OUT = Symbol("left out");
/** The gateway has no such route; the area `routes` reports that. */
export const NOT_OFFERED = Symbol("not offered");

/** What came instead of what was expected; null: it was as expected. */
export type Came = string | null | typeof LEFT_OUT | typeof NOT_OFFERED;

export interface Case {
  readonly area: AreaName;
  /** Unique within its area. */
  readonly name: string;
  /** The protocol whose clients it is about; null: none in particular. Such a case is judged by the models that the gateway offers to them. */
  readonly protocol: ProtocolId | null;
  /** `lab`: it needs a scripted upstream. */
  readonly needs: "live" | "lab";
  /** What is expected, as the rest of "expected ...". */
  readonly expected: string;
  /** Which client breaks otherwise, and how. */
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

/** A case that checks the answer to one scenario from each matching model. */
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

/** The gateway passes this model's bytes through. */
export function isOwn({ upstream }: Model, protocol: ProtocolId): boolean {
  return upstream === protocol;
}

/** The gateway converts for this model. */
export function isForeign({ upstream }: Model, protocol: ProtocolId): boolean {
  return upstream !== protocol;
}

// ---- Checks ------------------------------------------------------------------------------------------------------

/** A status that means that there is no such route, rather than no such model. */
export function isAbsent({ status, text }: Pick<Page, "status" | "text">): boolean {
  return status === 405 || status === 501 || (status === 404 && !/model/i.test(text));
}

/** A rule that is broken here but not in the plain case; a rule that is broken there has cost its points already. Null: none. */
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

/** Null: a client can tell that the answer failed. */
export function looksComplete({ status, said, isBroken, text, stream }: Answer): string | null {
  if (status === 0 || status >= 400 || said.error !== null) return null;
  if (isBroken && !said.isComplete) return null;
  // Every SDK throws on truncated JSON.
  if (!stream && objectIn(text) === null) return null;
  if (stream && !said.isComplete) return `neither an error nor an end: ${shown(tail(text))}`;
  return `an answer that looks complete: ${shown(tail(text))}`;
}

function tail(text: string): string {
  return text.length > MOST_SHOWN ? `...${text.slice(-MOST_SHOWN)}` : text;
}

const MOST_SHOWN = 300;

/** A request's text, normalized: JSON may vary escapes and white space. */
export function unescaped(text: string): string {
  return text
    .replaceAll(/\\+u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll("\\", "")
    .replaceAll(/\s/g, "");
}

/** A value as shown to a person. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > MOST_SHOWN + 4 ? `${text.slice(0, MOST_SHOWN)}...` : text;
}

/** Null where both are equal. */
export function unequal(came: unknown, expected: unknown): string | null {
  const [left, right] = [JSON.stringify(came) ?? "nothing", JSON.stringify(expected) ?? "nothing"];
  return left === right ? null : `${shown(left)} instead of ${shown(right)}`;
}
