// What became of uvicorn's options, with which the older Python program was started.
// Never accepts one: each is a fault that says what to do instead.

interface UvicornOption {
  /** With its dashes. */
  readonly name: string;
  /** Whether it takes the next word as its value. */
  readonly takesValue: boolean;
  /** The rest of the sentence that begins with the option. */
  readonly hint: string;
}

const TLS = "put a reverse proxy with TLS in front of this server";
const NOT_NEEDED = "remove it";
const INSTEAD: readonly (readonly [name: string, takesValue: boolean, instead: string])[] = [
  ["--reload", false, "use bun run dev or deno task dev, which restart when the source changes"],
  ["--workers", true, "set WORKERS"],
  ["--log-level", true, "set LOG_LEVEL"],
  ["--no-access-log", false, "set LOG_LEVEL=warning"],
  ["--access-log", false, NOT_NEEDED],
  ["--limit-concurrency", true, "set MAX_CALLS"],
  ["--timeout-graceful-shutdown", true, "set SHUTDOWN_TIMEOUT"],
  ["--timeout-keep-alive", true, NOT_NEEDED],
  ["--ssl-keyfile", true, TLS],
  ["--ssl-certfile", true, TLS],
  ["--proxy-headers", false, NOT_NEEDED],
  ["--forwarded-allow-ips", true, NOT_NEEDED],
  ["--loop", true, NOT_NEEDED],
  ["--http", true, NOT_NEEDED],
  ["--app-dir", true, NOT_NEEDED],
];

/** Null: uvicorn has no such option, or this program has it too. */
export function uvicornHint(rawName: string): UvicornOption | null {
  const [name, takesValue, instead] = INSTEAD.find(([known]) => known === rawName) ?? [];
  if (name === undefined || takesValue === undefined) return null;
  return { name, takesValue, hint: `is a uvicorn option, which this program does not support; ${instead}` };
}
