// One request of the doctor's, with a timeout, and the reason where there was no answer.
// Never follows a redirect.

import { lookup } from "node:dns/promises";
import type { DoctorWorld } from "./doctor-check.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** The beginning of its body. */
  readonly text: string;
  /** How long the head took, in milliseconds. */
  readonly tookMs: number;
}

/** Why there was no answer. */
export type Fault = "unresolved" | "refused" | "untrusted" | "silent" | "broken";

export interface Unanswered {
  readonly fault: Fault;
  /** The runtime's own words. */
  readonly detail: string;
}

export interface Asking extends Pick<RequestInit, "method" | "body"> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

export type Outcome = Answered | Unanswered;

export function isAnswered(outcome: Outcome): outcome is Answered {
  return "status" in outcome;
}

const MOST_CHARACTERS = 16_384;

export async function asked(
  url: string,
  { limitMs, ...init }: Asking,
  world: Pick<DoctorWorld, "fetch" | "after" | "monotonic">,
): Promise<Outcome> {
  const abort = new AbortController();
  const cancelTimer = world.after(limitMs, () => abort.abort());
  const startMs = world.monotonic();
  try {
    const response = await world.fetch(url, { ...init, redirect: "manual", signal: abort.signal });
    const tookMs = world.monotonic() - startMs;
    return { status: response.status, headers: response.headers, text: (await response.text()).slice(0, MOST_CHARACTERS), tookMs };
  } catch (error) {
    const detail = detailOf(error);
    return abort.signal.aborted
      ? { fault: "silent", detail: `No answer in ${limitMs / 1000} seconds.` }
      : { fault: await faultOf(detail, url), detail };
  } finally {
    cancelTimer();
  }
}

/** The messages of an error and its causes. */
function detailOf(error: unknown): string {
  const parts: string[] = [];
  for (let found = error; found instanceof Error && parts.length < MOST_CAUSES; found = found.cause) {
    const code = "code" in found && typeof found.code === "string" ? ` (${found.code})` : "";
    parts.push(`${found.message}${code}`);
  }
  return [...new Set(parts)].join(": ");
}

const MOST_CAUSES = 5;
/** In the words of OpenSSL, of BoringSSL (Bun), and of rustls (Deno). */
const UNTRUSTED = /certificate|CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UnknownIssuer|altname/i;

async function faultOf(detail: string, url: string): Promise<Fault> {
  if (UNTRUSTED.test(detail)) return "untrusted";
  const { hostname } = new URL(url);
  try {
    await lookup(hostname.replace(/^\[(.*)\]$/, "$1"));
  } catch {
    return "unresolved";
  }
  return /refused|unable to connect/i.test(detail) ? "refused" : "broken";
}
