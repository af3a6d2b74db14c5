// A client that leaves, in six phases of a call and after three ways of sending it. Each time the upstream is let go at once, since it bills.
// Never measures a moment in which this process had no turn: the best of a few tries counts, and all must come to their end.

import type { ScriptedUpstream } from "../support/upstream.ts";
import { startDeafHost } from "../support/deaf-host.ts";
import { rawCall, type RawCall } from "../support/wire.ts";
import { pause, soon, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { callOf, CONVERTED, headText, PASSED, wayName, type Way } from "./requests.ts";

const MOST_MS = 200;
const TRIES = 5;
/** What is longer is taken for never. */
const NEVER_MS = 3000;

/** How the bytes go out. `part` is how much of the body, from 0 to 1. */
const SENDING: Readonly<Record<string, (call: RawCall, head: string, body: string) => Promise<void>>> = {
  "in one packet": (call, head, body) => {
    call.send(head + body);
    return Promise.resolve();
  },
  "head and body apart": async (call, head, body) => {
    call.send(head);
    await pause(30);
    call.send(body);
  },
  "body in pieces": async (call, head, body) => {
    call.send(head);
    const step = Math.ceil(body.length / 4);
    for (let at = 0; at < body.length; at += step) {
      await pause(10);
      call.send(body.slice(at, at + step));
    }
  },
};

type Scripting = Parameters<ScriptedUpstream["script"]>[0];

/** The phases in which the upstream has been asked. */
const PHASES: readonly { readonly name: string; readonly script: Scripting; readonly sees?: RegExp; readonly written?: number }[] = [
  { name: "waiting for the head", script: () => ({ hang: "before-head" }) },
  { name: "before the first event", script: () => ({ say: { text: "x" }, hang: "after-head" }) },
  {
    name: "in mid-stream",
    script: () => ({ say: { text: "One two three four" }, hang: { afterEvents: 4 } }),
    sees: /\r\n\r\n[^]*(?:One|data:)/,
  },
  // KEEP_ALIVE_INTERVAL is 1 s here.
  { name: "during keep-alive", script: () => ({ say: { text: "One two three four" }, hang: { afterEvents: 4 } }), sees: /: keep-alive\n/ },
];

export async function attack(target: OwnTarget): Promise<Report> {
  const findings: Finding[] = [];
  for (const how of Object.keys(SENDING)) {
    for (const way of [PASSED, CONVERTED]) for (const phase of PHASES) findings.push(await inPhase(target, { how, way, phase }));
    findings.push(await halfSent(target, how));
  }
  return [...findings, ...(await connecting(target))];
}

interface Leaving {
  readonly how: string;
  readonly way: Way;
  readonly phase: (typeof PHASES)[number];
}

async function inPhase(target: OwnTarget, { how, way, phase }: Leaving): Promise<Finding> {
  const { upstream } = target;
  upstream.script(phase.script);
  return best(`${phase.name}, ${how}, ${wayName(way)}`, async () => {
    const before = upstream.requests.length;
    const call = await sent(target, { how, way });
    if (!(await soon(() => upstream.requests.length > before))) return null;
    const seen = upstream.requests[before];
    if (seen === undefined || (phase.sees !== undefined && !(await soon(() => phase.sees?.test(call.text()) === true)))) return null;
    const leftMs = performance.now();
    call.leave();
    await soon(() => seen.leftAtMs !== null, NEVER_MS);
    return seen.leftAtMs === null ? null : seen.leftAtMs - leftMs;
  });
}

async function sent(
  { url, key }: Pick<OwnTarget, "url" | "key">,
  { how, way, id }: { how: string; way: Way; id?: string },
): Promise<RawCall> {
  const { path, body } = callOf(way, { stream: true });
  const call = rawCall(url, "");
  const more = id === undefined ? "" : `x-request-id: ${id}\r\n`;
  await SENDING[how]?.(call, headText({ key }, { path, length: body.length, more }), body);
  return call;
}

/** The upstream is never asked; that the call is over shows in its line. */
async function halfSent({ url, key, gateway, upstream }: OwnTarget, how: string): Promise<Finding> {
  const { path, body } = callOf(CONVERTED, { stream: true });
  const before = upstream.requests.length;
  const finding = await best(`body half sent, ${how}`, async () => {
    const id = crypto.randomUUID();
    const call = rawCall(url, "");
    await SENDING[how]?.(
      call,
      headText({ key }, { path, length: body.length, more: `x-request-id: ${id}\r\n` }),
      body.slice(0, body.length / 2),
    );
    await pause(100);
    return untilLogged(gateway, { call, id });
  });
  return upstream.requests.length === before ? finding : { ...finding, came: "the upstream was asked", held: false };
}

/** How long after the client has left the call's line is there, which says that it was cancelled. */
async function untilLogged(gateway: OwnTarget["gateway"], { call, id }: { call: RawCall; id: string }): Promise<number | null> {
  const leftMs = performance.now();
  call.leave();
  const isLogged = await soon(() => gateway.lines().some(({ requestId, status }) => requestId === id && status === 499), NEVER_MS);
  return isLogged ? performance.now() - leftMs : null;
}

async function connecting({ start, key }: OwnTarget): Promise<Report> {
  const host = await startDeafHost();
  try {
    await host.deafen();
    const gateway = start({ env: { FACTORY_BASE_URL: host.url, UPSTREAM_CONNECT_TIMEOUT: "60" } });
    const url = await gateway.url;
    const findings: Finding[] = [];
    for (const how of Object.keys(SENDING)) {
      const finding = await best(`connecting, ${how}`, async () => {
        const [id, known] = [crypto.randomUUID(), host.knocks()];
        const call = await sent({ url, key }, { how, way: CONVERTED, id });
        if (!(await soon(() => host.knocks().some((knock) => !known.includes(knock))))) return null;
        return untilLogged(gateway, { call, id });
      });
      findings.push(finding);
    }
    return findings;
  } finally {
    host.stop();
  }
}

/** The best of a few tries; null says that it never came. */
async function best(what: string, act: () => Promise<number | null>): Promise<Finding> {
  const expected = `the end within ${MOST_MS} ms`;
  const took: number[] = [];
  while (took.length < TRIES) {
    const ms = await act();
    if (ms === null) return { what, expected, came: `no end within ${NEVER_MS} ms`, held: false };
    took.push(ms);
    if (ms < MOST_MS) return { what, expected, came: `${Math.round(ms)} ms`, held: true };
  }
  return { what, expected, came: `${took.map(Math.round).join(", ")} ms`, held: false };
}
