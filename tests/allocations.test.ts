// What a call makes and has to clear away: timers and listeners on both runtimes, and objects where the runtime counts them. Streams are told
// short and long: what grows with them is the price of a delta.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WAYS, type Way } from "./support/dialects.ts";
import { bytesOf, eventsOf, programOver, requestOf, Upstream } from "./support/in-memory.ts";

const PASSED = wayOf("anthropic-messages -> anthropic-messages");
const CONVERTED = wayOf("openai-chat -> anthropic-messages");

function wayOf(name: string): Way {
  return WAYS.find((way) => way.name === name) ?? assert.fail();
}

// ---- Timers and listeners ------------------------------------------------------------------------------------------

interface Left {
  /** That were set, and that are still set when the call has ended. */
  readonly timers: readonly [made: number, left: number];
  /** On the signal of the client's connection. */
  readonly listeners: readonly [made: number, left: number];
}

/** A call whose answer has so many deltas. */
async function leftBy(way: Way, deltas: number): Promise<Left> {
  const timers = { made: 0, left: 0 };
  const listeners = { made: 0, left: 0 };
  const upstream = new Upstream();
  const after = (): (() => void) => {
    timers.made++;
    timers.left++;
    let isSet = true;
    return () => {
      if (isSet) timers.left--;
      isSet = false;
    };
  };
  const chunks = bytesOf(eventsOf(way.upstream, deltas));
  upstream.answer((index) => chunks[index]);
  const program = programOver(upstream, { after });
  const { signal } = new AbortController();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>): void => {
    listeners.made++;
    listeners.left++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>): void => {
    listeners.left--;
    remove(...given);
  };
  const connection = { signal, address: () => "127.0.0.1", upgrade: () => null };
  const reader = (await program.fetch(requestOf(way), connection)).body?.getReader();
  while ((await reader?.read())?.done === false);
  return { timers: [timers.made, timers.left], listeners: [listeners.made, listeners.left] };
}

for (const way of [PASSED, CONVERTED]) {
  test(`${way.name}: a call sets three timers and one listener, none for a delta, and takes all of them back`, async () => {
    const found = [await leftBy(way, 2), await leftBy(way, 200)];
    const expected: Left = { timers: [3, 0], listeners: [1, 0] };
    assert.deepEqual(found, [expected, expected]);
  });
}

// ---- Objects -------------------------------------------------------------------------------------------------------

type Counts = Readonly<Record<string, number>>;

/** At most, of each kind that costs more than its size: by the runtime's own names. */
const MOST: Readonly<Record<string, { readonly call: Counts; readonly delta: Counts }>> = {
  [PASSED.name]: {
    call: { Object: 216, Function: 65, JSLexicalEnvironment: 67, Promise: 36, AsyncFunctionGenerator: 10, AbortSignal: 1 },
    delta: { Object: 2.2, Function: 0, JSLexicalEnvironment: 0, Promise: 2, Array: 1, string: 0.1 },
  },
  [CONVERTED.name]: {
    call: { Object: 350, Function: 160, JSLexicalEnvironment: 170, Promise: 31, AsyncFunctionGenerator: 13, AbortSignal: 1 },
    delta: { Object: 9, Function: 0, JSLexicalEnvironment: 1, Promise: 2, Array: 4, string: 9 },
  },
};

/** Of what the runtime itself makes now and then. */
const ROUNDING = 0.5;

const run = promisify(execFile);
const COUNTER = fileURLToPath(new URL("support/allocations.ts", import.meta.url));

for (const [name, most] of Object.entries(MOST)) {
  test(`${name}: a call makes no more objects than it needs, and a delta a handful`, { skip: !("Bun" in globalThis) }, async () => {
    // Without the compiler that does away with some of them, more or less, depending on when it comes.
    const env = { ...process.env, BUN_JSC_useGC: "0", BUN_JSC_useDFGJIT: "0" };
    const { stdout } = await run(process.execPath, [COUNTER, name], { env });
    const found = JSON.parse(stdout) as Record<"call" | "delta", Record<string, number>>;
    for (const of of ["call", "delta"] as const) {
      const tooMany = Object.entries(most[of]).filter(([kind, count]) => (found[of][kind] ?? 0) > count + ROUNDING);
      assert.deepEqual(Object.fromEntries(tooMany.map(([kind]) => [kind, found[of][kind]])), {}, `${of}: ${JSON.stringify(found[of])}`);
    }
  });
}
