// The secrets that a configuration holds, for the redactor.

import type { Config } from "./config.ts";

const LIKELY_SECRET_LENGTH = 16;

export function secretsOf(config: Config): string[] {
  // The operator's own headers and addresses may hold keys under any name.
  const addresses = [...Object.values(config.endpoints), ...config.models.flatMap(({ target }) => target ?? [])];
  const queryValues = addresses.flatMap((url) => [...new URL(url).searchParams.values()]);
  const password = URL.canParse(config.databaseUrl) ? new URL(config.databaseUrl).password : "";
  const likelySecrets = [
    ...Object.values(config.upstreamHeaders),
    ...Object.values(config.otlp?.headers ?? {}),
    ...queryValues,
    password,
  ].filter((value) => value.length >= LIKELY_SECRET_LENGTH);
  const adminKeys = [config.adminKey, config.metricsKey].filter((key) => key !== null);
  return [...config.proxyKeys.map(({ key }) => key), ...config.upstreamKeys, ...adminKeys, ...likelySecrets];
}
