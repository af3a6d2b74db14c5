// What a web page may do here: nothing that its browser sends without asking first, and nothing under a host name of its own.
// Never looks at a key; keys.ts says when these rules count.

import { GatewayError } from "../errors.ts";
import { isLoopback, type Visitor } from "./anonymous.ts";

export interface WebRules {
  /** Origins of web pages that may call, as browsers send them. */
  readonly corsOrigins: readonly string[];
  /** Names of this machine besides those of its loopback address; lower case, without a port. */
  readonly allowedHosts: readonly string[];
}

type Heads = Visitor["headers"];

/** Whether a browser says that this comes from a page of another origin, one that is not configured. */
export function isForeignPage(headers: Heads, { corsOrigins }: WebRules): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return headers["sec-fetch-site"] === "cross-site";
  if (corsOrigins.includes(origin)) return false;
  return headers["sec-fetch-site"] === "cross-site" || WEB_ORIGIN.exec(origin)?.[1] !== host;
}

const WEB_ORIGIN = /^https?:\/\/(.+)$/;

/** Whether its body is of a kind that forms can send; a page that sends JSON has to ask first. */
export function hasFormBody(headers: Heads): boolean {
  const type = headers["content-type"];
  if (type !== undefined) return !JSON_TYPE.test(type);
  return (headers["content-length"] ?? "0") !== "0" || "transfer-encoding" in headers;
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Whether the request uses a host name that no web page can have. If a page's name points to the loopback address (DNS rebinding), its
 * requests are same-origin, and only their Host reveals it. Requests from elsewhere arrive at another address.
 */
export function isForThisMachine({ address, headers }: Visitor, { allowedHosts }: WebRules): boolean {
  if (!isLoopback(address())) return true;
  const name = (headers["host"] ?? "").toLowerCase().replace(PORT, "");
  return LOOPBACK_NAME.test(name) || allowedHosts.includes(name);
}

const PORT = /:\d*$/;
const LOOPBACK_NAME =
  /^(?:(?:[\w-]+\.)*localhost\.?|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|\[::ffff:(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|7f[\da-f]{2}:[\da-f]{1,4})\])$/;

export function foreignPage(): GatewayError {
  const text =
    "A web page from another origin sent this without a key in a header. To let it call this server, add its origin to CORS_ORIGINS; " +
    "other programs send their key as `Authorization: Bearer <key>`.";
  return new GatewayError("forbidden", text, { code: "origin_not_allowed" });
}

export function foreignHost(): GatewayError {
  const text =
    "The request uses a host name that web pages could use too. Use 127.0.0.1 or localhost, or add the name in the " +
    "Host header to ALLOWED_HOSTS.";
  return new GatewayError("forbidden", text, { code: "host_not_allowed" });
}
