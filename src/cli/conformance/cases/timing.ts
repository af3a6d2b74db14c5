// Timing: how soon the upstream is released, and what a client gets while the upstream is silent.
// Silence before the first event is not scored: whoever breaks it can no longer send an error status.

import { incomplete, looking, newFault, overModels, shown, type Case } from "../case.ts";
import { answer, HANG, pause, typeOf, type Plan, type SeenRequest, type Step } from "../lab/lab.ts";
import { PLAIN_TEXT, contentOf } from "../lab/reply-content.ts";
import { PROTOCOLS } from "../wire.ts";
import type { Answer, Scenario, World } from "../world.ts";

// ---- Cancel ------------------------------------------------------------------------------------------------------

/** Longer than any gateway needs to notice. */
const ENDLESS_MS = 8000;
const SOON_MS = 1500;
const LEAVE_AFTER_MS = 400;

function endless(seen: SeenRequest): Plan {
  const events = seen.encode(contentOf({ text: "word ".repeat(400) })).events;
  const steps: Step[] = events.slice(0, 12).flatMap(({ text }): Step[] => [text, { pauseMs: 20 }]);
  return { headers: typeOf(seen), steps: [...steps, { pauseMs: ENDLESS_MS }] };
}

interface Leaver {
  readonly name: string;
  readonly scenario: Scenario;
  readonly stream: boolean;
}

const LEAVERS: readonly Leaver[] = [
  {
    name: "in the stream",
    scenario: { name: "leave in the stream", text: "Go on for ever.", script: endless, leave: { at: "first-byte" } },
    stream: true,
  },
  {
    name: "before the answer begins",
    scenario: {
      name: "leave before",
      text: "Think for long.",
      script: () => ({ headAfterMs: ENDLESS_MS, steps: [HANG] }),
      leave: { at: { afterMs: LEAVE_AFTER_MS } },
    },
    stream: true,
  },
  {
    name: "before the answer begins, not streamed",
    scenario: {
      name: "leave before, not streamed",
      text: "Think for long.",
      script: () => ({ headAfterMs: ENDLESS_MS, steps: [HANG] }),
      leave: { at: { afterMs: LEAVE_AFTER_MS } },
    },
    stream: false,
  },
];

const CANCEL_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  LEAVERS.map(({ name, scenario, stream }): Case => ({
    area: "cancel",
    name: `${protocol} ${name}`,
    protocol,
    needs: "lab",
    expected: `the upstream's connection closed within ${SOON_MS} ms`,
    breaks: "whoever pays: Esc in Claude Code does not stop the model",
    run: (world) => overModels(world, { check: async (model) => lateness(await world.ask(scenario, { protocol, model, stream })) }),
  })),
);

const OK = 200;

async function lateness({ leftAtMs, seen, status, text }: Answer): Promise<string | null> {
  // A client that left before the gateway called the upstream may have prevented the call.
  if (seen.length === 0 && leftAtMs !== null) await pause(SOON_MS);
  const [first] = seen;
  if (first === undefined && leftAtMs !== null && (status === 0 || status === OK)) return null;
  if (first === undefined) return `nothing reached the upstream: status ${status}: ${shown(text)}`;
  if (leftAtMs === null) return `an answer before the client could leave: status ${status}: ${shown(text)}`;
  const closedAtMs = await Promise.race([first.left, pause(2 * SOON_MS).then(() => null)]);
  if (closedAtMs === null) return `still open ${2 * SOON_MS} ms later`;
  const tookMs = Math.round(closedAtMs - leftAtMs);
  return tookMs <= SOON_MS ? null : `${tookMs} ms`;
}

// ---- Silence -----------------------------------------------------------------------------------------------------

function silent(world: World, where: "first" | "text"): Scenario {
  return {
    name: `silence, ${where}`,
    text: "Say six words, slowly.",
    script: (seen): Plan => {
      const plan = answer(seen, contentOf());
      const at = where === "first" ? 1 : Math.ceil(plan.steps.length / 2);
      return { ...plan, steps: [...plan.steps.slice(0, at), { pauseMs: world.silenceMs }, ...plan.steps.slice(at)] };
    },
  };
}

/** A slow upstream: it sends an event long after the client should have had the one before. */
const TRICKLE: Scenario = {
  name: "trickle",
  text: "Say six words, one after the other.",
  script: (seen) => {
    const plan = answer(seen, contentOf());
    return { ...plan, steps: plan.steps.flatMap((step): Step[] => [step, { pauseMs: TRICKLE_MS }]) };
  },
};
const TRICKLE_MS = 60;
const LEAST_ARRIVALS = 4;

const KEEP_ALIVE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol): Case[] => [
  ...(["first", "text"] as const).map((where): Case => ({
    area: "keep-alives",
    name: `${protocol} ${where === "first" ? "behind the first event" : "in the text"}`,
    protocol,
    needs: "lab",
    expected: "something from the server while the upstream is silent, and a stream that obeys the grammar as well as otherwise",
    breaks: "Claude Code asks again after 15 to 20 s of silence; proxies and load balancers cut after 30 to 60 s",
    run: (world) =>
      overModels(world, {
        check: async (model) => {
          const one = await world.ask(silent(world, where), { protocol, model, stream: true });
          const came = incomplete(one);
          if (came !== null) return came;
          if (one.said.text !== PLAIN_TEXT) return shown(one.said.text);
          const fault = await newFault(world, one);
          if (fault !== null) return fault;
          const times = [0, ...one.arrivals.map(({ atMs }) => atMs)];
          const longestMs = Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)));
          return longestMs < ALMOST * world.silenceMs ? null : `silence for ${Math.round(longestMs)} ms`;
        },
      }),
  })),
  looking({
    area: "keep-alives",
    name: `${protocol} events are not held back`,
    protocol,
    needs: "lab",
    expected: "events as they come, not all at the end",
    breaks: "all clients: the answer appears at once, after a long wait",
    scenario: TRICKLE,
    stream: true,
    check: (one) => incomplete(one) ?? (one.arrivals.length >= LEAST_ARRIVALS ? null : `the stream came in ${one.arrivals.length} pieces`),
  }),
]);
const ALMOST = 0.95;

export const TIMING_CASES: readonly Case[] = [...CANCEL_CASES, ...KEEP_ALIVE_CASES];
