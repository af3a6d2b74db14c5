// The hosts that calls go to, and which of them are Factory's.

import { isLoopback, type Config } from "./config.ts";

/** Every origin that a call may go to, with a Factory key and its prompt. */
export function upstreamOrigins({ endpoints, models }: Pick<Config, "endpoints" | "models">): string[] {
  const urls = [...Object.values(endpoints), ...models.flatMap(({ target }) => target ?? [])];
  return [...new Set(urls.map((url) => new URL(url).origin))];
}

export function isFactoryHost(hostname: string): boolean {
  return FACTORY_HOST.test(hostname);
}

const FACTORY_HOST = /^(?:[a-z\d-]+\.)*factory\.ai$/i;

/** Whether keys and prompts leave for somebody other than Factory and this machine. */
export function isForeignHost(hostname: string): boolean {
  return !isFactoryHost(hostname) && !isLoopback(hostname.replaceAll(BRACKETS, ""));
}

const BRACKETS = /[[\]]/g;
