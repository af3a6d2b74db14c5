// Chooses the runtime that the process runs on. The differences are in bun.ts and deno.ts.

import { bunRuntime } from "./bun.ts";
import { denoRuntime } from "./deno.ts";
import type { Runtime } from "./ports.ts";

export const runtime: Runtime = choose();

function choose(): Runtime {
  if ("Bun" in globalThis) return bunRuntime();
  if ("Deno" in globalThis) return denoRuntime();
  throw new Error("This program runs on Bun and on Deno.");
}
