// Whether a request may come in without a client key. ANONYMOUS=loopback admits callers on this machine.
// Never grants anything for a header: one that says that the request was forwarded only takes the permission away.

export type Anonymous = "off" | "loopback";

/** What is known of the sender of a request. */
export interface Visitor {
  /** The IP address of the connection; null where the runtime does not say. */
  readonly address: () => string | null;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

const LOOPBACK = /^(?:(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/i;
/**
 * A proxy or tunnel on this machine forwards requests of remote clients, and each has headers of its own: `x-forwarded-proto`,
 * `x-original-forwarded-for`, `cf-connecting-ip`, `true-client-ip`, `x-envoy-external-address`, `tailscale-user-login`.
 */
const FORWARDED = /forwarded|^(?:via|cdn-loop)$|real-ip|client-?ip|connecting-ip|user-ip|^x-original-|^x-envoy-|^tailscale-/;

export function isWelcome(anonymous: Anonymous, { address, headers }: Visitor): boolean {
  if (anonymous === "off" || Object.keys(headers).some((name) => FORWARDED.test(name))) return false;
  return isLoopback(address());
}

export function isLoopback(address: string | null): boolean {
  return LOOPBACK.test(address ?? "");
}
