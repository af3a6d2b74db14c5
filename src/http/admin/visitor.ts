// Where a visitor of the dashboard comes from, and by which name and scheme. What a proxy says of that counts if it is trusted.

import { isWithin, neighbourhood, type Network } from "../../config/networks.ts";
import type { IncomingRequest } from "../../gateway/request.ts";

export interface AdminVisitor {
  /** For counting: of IPv6 the network. */
  readonly from: string;
  /** As the browser sees it. Null: it did not say. */
  readonly host: string | null;
  /** Whether the browser speaks TLS. */
  readonly isSecure: boolean;
}

const UNKNOWN = "unknown";

export function visitorOf({ address, headers }: Pick<IncomingRequest, "address" | "headers">, trusted: readonly Network[]): AdminVisitor {
  const direct = address();
  const host = headers["host"] ?? null;
  if (direct === null || !isWithin(direct, trusted)) return { from: neighbourhood(direct ?? UNKNOWN), host, isSecure: false };
  // Each proxy adds who spoke to it; what stands left of the last one that is not trusted anybody may have written.
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
