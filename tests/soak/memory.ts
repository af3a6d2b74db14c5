// `bun run soak:memory`: what is held while answers are under way, measured after collections of the runtime's memory, on Bun and on Deno.
// Tests that take too long for the suite. Not part of it, as the name of this file says; the runners take it by name. What of a request is held
// meanwhile is quick to see, so that is in held-requests.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collectOnV8, isBun } from "../support/alive.ts";
import { WAYS, type Way } from "../support/dialects.ts";
import { opening, programOver, pumpOf, requestOf, Upstream } from "../support/in-memory.ts";

const upstream = new Upstream();
const program = programOver(upstream);

// ---- No growth -------------------------------------------------------------------------------------------------------

/** What is alive after a collection: objects and texts where the runtime counts them (Bun), else bytes (V8). */
type Alive = { readonly objects: number; readonly texts: number } | { readonly bytes: number };

const measure: () => Alive = isBun ? await onBun() : onV8;

async function onBun(): Promise<() => Alive> {
  const { fullGC, heapStats } = await import("bun:jsc");
  return () => {
    // What the first round lets go of may have held more.
    fullGC();
    fullGC();
    const { objectCount, objectTypeCounts } = heapStats();
    const texts = objectTypeCounts["string"] ?? 0;
    return { objects: objectCount - texts, texts };
  };
}

function onV8(): Alive {
  collectOnV8();
  return { bytes: process.memoryUsage().heapUsed };
}

/**
 * Who repeats the text at its end, or compares it with what is repeated there, has to keep it: Responses and Gemini, unless their bytes
 * pass. The engines keep a text that was put together as its pieces, so that each delta leaves one or two of these; and nothing else.
 */
const keepsText = ({ client, upstream: from }: Way): boolean =>
  client !== from && [client, from].some((protocol) => protocol === "openai-responses" || protocol === "gemini");

const FURTHER = 100_000;
/** In objects, or texts, on Bun: the engine's own come and go, but not by the thousand. One object for each delta would be 100,000. */
const FEW = 1000;
/** In bytes on V8, whose smallest object takes 12; a piece of a text takes up to 32, twice. */
const FEW_BYTES = 2 * FURTHER;
const TEXT_BYTES = 64 * FURTHER;

function assertSame(way: Way, later: Alive, earlier: Alive): void {
  if ("bytes" in later && "bytes" in earlier) {
    const grown = later.bytes - earlier.bytes;
    assert.ok(grown < (keepsText(way) ? TEXT_BYTES : FEW_BYTES), `${grown} bytes more`);
  } else if ("objects" in later && "objects" in earlier) {
    const [objects, texts] = [later.objects - earlier.objects, later.texts - earlier.texts];
    assert.ok(objects < FEW, `${objects} objects more`);
    assert.ok(texts < FEW + (keepsText(way) ? 2 * FURTHER : 0), `${texts} texts more`);
  }
}

for (const way of WAYS) {
  test(`${way.name}: after ${FURTHER} more deltas the pump holds what it held before${keepsText(way) ? ", but for the text" : ""}`, () => {
    const { before, delta } = opening(way.upstream);
    const pump = pumpOf(way);
    const feed = (deltas: number): void => {
      // A chunk of its own each time: who keeps it, keeps an object.
      for (let index = 0; index < deltas; index++) if (pump.step(delta.slice()) === null) throw new Error("a delta was held back");
    };
    for (const event of before) pump.step(event);
    feed(1000);
    const earlier = measure();
    feed(FURTHER);
    const later = measure();
    // Nothing of the pump is collected before.
    feed(1);
    assertSame(way, later, earlier);
  });
}

for (const name of ["anthropic-messages -> anthropic-messages", "openai-chat -> anthropic-messages"]) {
  test(`${name}: after ${FURTHER} more deltas the whole program holds what it held before`, async () => {
    const way = WAYS.find((one) => one.name === name);
    assert.ok(way !== undefined);
    const { before, delta } = opening(way.upstream);
    upstream.answer((index) => before[index] ?? delta.slice());
    const reader = (await program.fetch(requestOf(way))).body?.getReader();
    assert.ok(reader !== undefined);
    const take = async (chunks: number): Promise<void> => {
      for (let index = 0; index < chunks; index++) if ((await reader.read()).done) throw new Error("the stream ended");
    };
    await take(1000);
    const earlier = measure();
    await take(FURTHER);
    const later = measure();
    await take(1);
    await reader.cancel();
    assertSame(way, later, earlier);
  });
}
