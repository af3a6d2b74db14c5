// Whether the hosts of the configuration answer, which of Factory's they are, and whether this machine's clock agrees with theirs.
// Never sends a key, and asks no host that is not configured.

import { isFactoryHost, upstreamOrigins } from "../config/upstream-hosts.ts";
import { counted, fail, ok, skip, warn, type Check, type Group } from "./doctor-check.ts";
import { asked, isAnswered, type Answered, type Fault, type Outcome, type Unanswered } from "./doctor-request.ts";

const LIMIT_MS = 10_000;

interface Host {
  readonly origin: string;
  readonly outcome: Outcome;
  /** When the answer came, in Unix milliseconds. */
  readonly atMs: number;
}

export const hostChecks: Group = async (subject) => {
  const { config, world, context } = subject;
  if (config === null) return [skip("host.reachable", "The configuration is invalid.")];
  const hosts = await Promise.all(
    upstreamOrigins(config).map(async (origin): Promise<Host> => {
      const outcome = await asked(`${origin}/`, { limitMs: LIMIT_MS }, world);
      return { origin, outcome, atMs: context.now() };
    }),
  );
  return hosts.flatMap((host, index) => {
    const suffix = index === 0 ? "" : `-${index + 1}`;
    return [reachable(host, suffix), region(host, suffix), clock(host, suffix)];
  });
};

/** What a person can do about it. */
export const REMEDIES: Readonly<Record<Fault, string>> = {
  unresolved: "Check the spelling of the URL, the network and its DNS. If this network has an HTTP proxy, set HTTPS_PROXY.",
  refused: "Check the URL's port, the firewall and, if HTTPS_PROXY is set, that proxy.",
  untrusted:
    "If your network inspects TLS, set NODE_EXTRA_CA_CERTS (DENO_CERT on Deno) to its certificate authority's file. Otherwise somebody may be intercepting your traffic.",
  silent: "Check the firewall and the network. If this network has an HTTP proxy, set HTTPS_PROXY.",
  broken: "Check the URL, the network and its proxy.",
};

const FINDINGS: Readonly<Record<Fault, (origin: string) => string>> = {
  unresolved: (origin) => `${origin} can't be found: DNS has no address for it.`,
  refused: (origin) => `${origin} refuses connections.`,
  untrusted: (origin) => `${origin} has a certificate that this machine does not trust.`,
  silent: (origin) => `${origin} does not answer.`,
  broken: (origin) => `${origin} can't be reached.`,
};

export function unreachable(id: Check["id"], origin: string, { fault, detail }: Unanswered): Check {
  return fail(id, FINDINGS[fault](origin), { why: detail, fix: REMEDIES[fault] });
}

function reachable({ origin, outcome }: Host, suffix: string): Check {
  const id: Check["id"] = `host.reachable${suffix}`;
  if (!isAnswered(outcome)) return unreachable(id, origin, outcome);
  const what = `${origin} answers in ${Math.round(outcome.tookMs)} ms.`;
  if (outcome.status < 500) return ok(id, what);
  return warn(id, what, { why: `Its status is ${outcome.status}.`, fix: "Try again later; see status.factory.ai." });
}

const API = "api.factory.ai";
const EU = "api.eu.factory.ai";
const APP = "app.factory.ai";
const OF_EU = "FACTORY_BASE_URL=https://api.eu.factory.ai";
const SEE_OTHER: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** How Factory redirects a caller to another of its hosts. */
function region({ origin, outcome }: Host, suffix: string): Check {
  const id: Check["id"] = `host.region${suffix}`;
  const { hostname } = new URL(origin);
  const elsewhere = isAnswered(outcome) ? otherHost(outcome, hostname) : null;
  if (elsewhere !== null) {
    const why = `${hostname} redirects to ${elsewhere}, and calls do not follow redirects.`;
    return fail(id, `Your calls should go to ${elsewhere}.`, { why, fix: `Set FACTORY_BASE_URL=https://${elsewhere}` });
  }
  if (hostname === API) return ok(id, `Calls go to ${API}. Organisations in the EU need ${OF_EU}.`);
  if (hostname === EU) return ok(id, `Calls go to ${EU}, for organisations in the EU.`);
  if (hostname === APP) {
    const why = "That was the host until 2025-11. It now reportedly answers calls with 401.";
    return warn(id, `Calls go to ${APP}.`, { why, fix: `Set FACTORY_BASE_URL=https://${API}, or ${OF_EU}` });
  }
  if (isFactoryHost(hostname)) return ok(id, `Calls go to ${hostname}.`);
  return warn(id, `Calls go to ${hostname}, which is not a Factory host.`, {
    why: "It receives your Factory key and your prompts.",
    fix: "If you do not intend this, unset FACTORY_BASE_URL and the variables that end in _TARGET_URL, and check `target` in the model file.",
  });
}

function otherHost({ status, headers }: Answered, hostname: string): string | null {
  const location = headers.get("location") ?? "";
  if (!SEE_OTHER.has(status) || !URL.canParse(location)) return null;
  const target = new URL(location).hostname;
  return target !== hostname && [API, EU].includes(target) ? target : null;
}

const ODD_SKEW_MS = 30_000;
const WRONG_SKEW_MS = 300_000;

/** The header has a precision of seconds. */
function clock({ origin, outcome, atMs }: Host, suffix: string): Check {
  const id: Check["id"] = `host.clock${suffix}`;
  const dateMs = isAnswered(outcome) ? Date.parse(outcome.headers.get("date") ?? "") : Number.NaN;
  if (Number.isNaN(dateMs)) return skip(id, `${origin} sent no Date header.`);
  const skewMs = atMs - dateMs;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) < ODD_SKEW_MS) return ok(id, "This machine's clock matches the host's.");
  const skew = counted(seconds, "second");
  const what = skewMs > 0 ? `This machine's clock is ${skew} ahead of the host's.` : `This machine's clock is ${skew} behind the host's.`;
  const reason = {
    why: "Budget and plan windows then start at the wrong time, and certificates may look invalid.",
    fix: "Sync the clock over the network (NTP). A virtual machine may need that after it slept.",
  };
  return Math.abs(skewMs) < WRONG_SKEW_MS ? warn(id, what, reason) : fail(id, what, reason);
}
