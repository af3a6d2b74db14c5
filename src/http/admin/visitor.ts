// A visitor's address, and the host and scheme that they use. A proxy's word for it counts if the proxy is trusted.

import { isWithin, neighbourhood, type Network } from "../../config/networks.ts";
import type { IncomingRequest } from "../../gateway/request.ts";

export interface AdminVisitor {
  /** For counting: the address; for IPv6, its network. */
  readonly from: string;
  /** As the browser sees it. Null: not given. */
  readonly host: string | null;
  /** Whether the browser uses TLS. */
  readonly isSecure: boolean;
}

const UNKNOWN = "unknown";

export function visitorOf({ address, headers }: Pick<IncomingRequest, "address" | "headers">, trusted: readonly Network[]): AdminVisitor {
  const direct = address();
  const host = headers["host"] ?? null;
  if (direct === null || !isWithin(direct, trusted)) return { from: neighbourhood(direct ?? UNKNOWN), host, isSecure: false };
  // Each proxy appends the address it was called from; anything left of the last untrusted one may be forged.
  const hops = (headers["x-forwarded-for"] ?? "").split(",").flatMap((hop) => hop.trim() || []);
  const from = hops.findLast((hop) => !isWithin(hop, trusted)) ?? direct;
  return {
    from: neighbourhood(from),
    host: firstOf(headers["x-forwarded-host"]) ?? host,
    isSecure: firstOf(headers["x-forwarded-proto"])?.toLowerCase() === "https",
  };
}

function firstOf(list: string | undefined): string | null {
  return list?.split(",")[0]?.trim() || null;
}
