// GET /metrics: metrics for Prometheus, with METRICS_KEY or ADMIN_KEY. If neither is set, for programs on this machine.
// Never compares a key other than by its hash.

import type { Sha256 } from "../access/key-ring.ts";
import { foreignHost, foreignPage, isForeignPage, isForThisMachine, type WebRules } from "../access/web-pages.ts";
import { GatewayError } from "../errors.ts";
import { SAFE_HEADERS } from "../gateway/headers.ts";
import type { IncomingRequest } from "../gateway/request.ts";
import type { WrongKeys } from "./admin/wrong-keys.ts";

export interface MetricsPorts {
  readonly text: () => Promise<string>;
  /** Secrets. Empty: no key is set. */
  readonly keys: () => readonly string[];
  /** Whether only programs on this machine can reach the server. */
  readonly isLocal: () => boolean;
  readonly web: () => WebRules;
  readonly wrongKeys: WrongKeys;
  readonly sha256: Sha256;
}

export type MetricsPage = (incoming: IncomingRequest) => Promise<Response>;

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const HEADERS = { ...SAFE_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };
const BEARER = /^bearer[ \t]+(.*)$/i;

export function metricsPage(ports: MetricsPorts): MetricsPage {
  return async (incoming) => {
    checkAccess(incoming, ports);
    return new Response(await ports.text(), { headers: HEADERS });
  };
}

/** @throws GatewayError where the request may not see them. */
function checkAccess({ headers, address }: IncomingRequest, { keys, isLocal, web, wrongKeys, sha256 }: MetricsPorts): void {
  const known = keys();
  if (known.length === 0) {
    if (!isLocal()) throw refusal("Metrics are off, because other machines can reach this address. Set METRICS_KEY to turn them on.");
    if (isForeignPage(headers, web())) throw foreignPage();
    if (!isForThisMachine({ address, headers }, web())) throw foreignHost();
    return;
  }
  const from = address() ?? "unknown";
  wrongKeys.check(from);
  const bearer = BEARER.exec(headers["authorization"]?.trim() ?? "")?.[1];
  if (bearer === undefined) throw refusal("Send METRICS_KEY, or ADMIN_KEY, as `Authorization: Bearer <key>`.");
  const digest = sha256(bearer).toHex();
  if (known.some((key) => sha256(key).toHex() === digest)) return;
  wrongKeys.add(from);
  throw refusal("This key can't read the metrics. Send METRICS_KEY or ADMIN_KEY.");
}

function refusal(message: string): GatewayError {
  return new GatewayError("unauthenticated", message, { code: "invalid_api_key", headers: { "www-authenticate": "Bearer" } });
}
