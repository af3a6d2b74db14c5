// What the `.env` of a folder may decide for whoever works there: not where a Factory key of their environment goes, nor that another
// machine answers their agent. Anybody may have put that file there, e.g. into a repository that was cloned.
// Never reads a file itself.

import { isLoopback, type Config } from "../config/config.ts";
import { CommandError, type Context, type EnvHere } from "./command.ts";
import { EVERYWHERE } from "./gateway-probe.ts";

const FACTORY_ORIGINS: readonly string[] = ["https://api.factory.ai", "https://api.eu.factory.ai"];

/** @throws CommandError where a key, or a header, that is not in the `.env` of the folder would go to a host that is named only there */
export function checkKeyHosts({ config, envHere }: Pick<Context, "config" | "envHere">): void {
  const here = envHere();
  const { upstreamKeys, upstreamHeaders } = config();
  if (here === null || [...upstreamKeys, ...Object.values(upstreamHeaders)].every((secret) => here.text.includes(secret))) return;
  const known = new Set([...FACTORY_ORIGINS, ...(here.without === null ? [] : originsOf(here.without))]);
  const foreign = originsOf(config()).find((origin) => !known.has(origin));
  if (foreign === undefined) return;
  throw CommandError.failed(
    `${here.path} would send the Factory key of your environment to ${foreign}, which is not Factory's. Nothing was sent. ${trustIt(here)}`,
  );
}

/** @throws CommandError where the `.env` of the folder names a gateway on another machine */
export async function checkGatewayHost({ config, envHere }: Pick<Context, "config" | "envHere">): Promise<void> {
  const { host } = config();
  const here = envHere();
  if (here === null || host === here.without?.host || isLoopback(host) || EVERYWHERE.includes(host) || (await isOwnAddress(host))) return;
  throw CommandError.failed(`${here.path} names a gateway on another machine, ${host}. Nothing was sent there. ${trustIt(here)}`);
}

function trustIt({ path }: EnvHere): string {
  return `If you trust that file, add --env-file ${path}`;
}

function originsOf({ endpoints, models, quotaUrl }: Config): string[] {
  const targets = models.flatMap(({ target }) => target ?? []);
  return [...Object.values(endpoints), ...targets, ...(quotaUrl === null ? [] : [quotaUrl])].map((url) => new URL(url).origin);
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
