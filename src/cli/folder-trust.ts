// What the `.env` of a folder may decide for whoever works there: not where a secret of their environment goes, nor that another
// machine answers their agent. Anybody may have put that file there, e.g. into a repository that was cloned.
// Never reads a file itself.

import { isLoopback, type Config } from "../config/config.ts";
import { CommandError, type Context, type EnvHere } from "./command.ts";
import { EVERYWHERE } from "./gateway-probe.ts";

const FACTORY_ORIGINS: readonly string[] = ["https://api.factory.ai", "https://api.eu.factory.ai"];

type Here = Pick<Context, "config" | "envHere">;

/** @throws CommandError where a key, or a header, that is not in the `.env` of the folder would go to a host that is named only there */
export function checkKeyHosts(context: Here): void {
  const fault = keyHostFault(context);
  if (fault !== null) throw CommandError.failed(fault);
}

/** What `checkKeyHosts` throws, as sentences; null: nothing. */
export function keyHostFault(context: Here): string | null {
  return hostFault(context, toFactory, (origin) => `the Factory key of your environment to ${origin}, which is not Factory's`);
}

/** The same for the headers of a collector. @throws CommandError */
export function checkCollectorHost(context: Here): void {
  const fault = hostFault(context, toCollector, (origin) => `the OTEL_EXPORTER_OTLP_HEADERS of your environment to ${origin}`);
  if (fault !== null) throw CommandError.failed(fault);
}

/** @throws CommandError where the `.env` of the folder names a gateway on another machine */
export async function checkGatewayHost({ config, envHere }: Pick<Context, "config" | "envHere">): Promise<void> {
  const { host } = config();
  const here = envHere();
  if (here === null || host === here.without?.host || (await isThisMachine(host))) return;
  throw CommandError.failed(`${here.path} names a server on another machine, ${host}. Nothing was sent there. ${trustIt(here)}`);
}

function trustIt({ path }: EnvHere): string {
  return `If you trust that file, add --env-file ${path}`;
}

/** Secrets, and the origins that they go to. */
interface Sending {
  readonly secrets: readonly string[];
  readonly origins: readonly string[];
}

function hostFault({ config, envHere }: Here, sending: (config: Config) => Sending, what: (origin: string) => string): string | null {
  const here = envHere();
  if (here === null) return null;
  const { secrets, origins } = sending(config());
  const texts = [here.text, unescaped(here.text)];
  if (secrets.every((secret) => texts.some((text) => text.includes(secret)))) return null;
  const known = new Set([...FACTORY_ORIGINS, ...(here.without === null ? [] : sending(here.without).origins)]);
  const foreign = origins.find((origin) => !known.has(origin));
  return foreign === undefined ? null : `${here.path} would send ${what(foreign)}. Nothing was sent. ${trustIt(here)}`;
}

function toFactory({ upstreamKeys, upstreamHeaders, endpoints, models, quotaUrl }: Config): Sending {
  const targets = models.flatMap(({ target }) => target ?? []);
  const urls = [...Object.values(endpoints), ...targets, ...(quotaUrl === null ? [] : [quotaUrl])];
  return { secrets: [...upstreamKeys, ...Object.values(upstreamHeaders)], origins: urls.map(originOf) };
}

function toCollector({ otlp }: Config): Sending {
  return otlp === null ? { secrets: [], origins: [] } : { secrets: Object.values(otlp.headers), origins: [originOf(otlp.url)] };
}

function originOf(url: string): string {
  return new URL(url).origin;
}

/** A collector's headers are written with %-escapes. */
function unescaped(text: string): string {
  return text.replace(/%([\dA-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Whether an address, or `localhost`, is one of this machine. */
export async function isThisMachine(host: string): Promise<boolean> {
  return isLoopback(host) || EVERYWHERE.includes(host) || (await isOwnAddress(host));
}

async function isOwnAddress(host: string): Promise<boolean> {
  const { networkInterfaces } = await import("node:os");
  try {
    return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host));
  } catch {
    // Deno without --allow-sys.
    return false;
  }
}
