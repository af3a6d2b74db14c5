// Whether the server on this machine reads the store that a command writes to: if not, it refuses the keys made there.
// Never asks another machine.

import type { Context } from "./command.ts";
import { after } from "./command-run.ts";
import { isThisMachine } from "./folder-trust.ts";
import { ask, DEMO_KEY, isDemoAt, isGateway, needsFactoryKey } from "./gateway-probe.ts";
import { temporaryKey } from "./launch-key.ts";

/** How long a gateway may take to notice a new key. */
const NEWS_MS = 5000;
const FIRST_PAUSE_MS = 100;
const ACCEPTED = 200;
const REFUSED = 401;

export const OTHER_STORE = "its key store is not the one that DATABASE_URL or DATA_DIR points to here";
export const OTHER_ENV = "Run this command again with --env-file PATH, where PATH is that server's .env.";

/** Tells the person if the server at this address won't accept a key that was just made. */
export async function warnOfStore(url: string, context: Context): Promise<void> {
  if (!(await isUrlHere(url))) return;
  if (await isDemoAt(url)) {
    context.note(`Warning: the server at ${url} is a demo, so it refuses this key. Its own key is ${DEMO_KEY}.`);
  } else if (await hasOtherStore(url, context)) {
    context.note(`Warning: the server at ${url} refuses this key, because ${OTHER_STORE}. ${OTHER_ENV}`);
  }
}

/** Tells the person if no server answers at this address. */
export async function warnOfSilence(url: string, context: Context): Promise<void> {
  if ((await isUrlHere(url)) && !(await isGateway(url)))
    context.note(`No server answers at ${url} yet. Start one with factory-proxy serve.`);
}

/** Whether the server at this address refuses a key of our store. False where nobody can tell. @throws StoreError */
export async function hasOtherStore(url: string, context: Context): Promise<boolean> {
  const isShared = context.config().databaseUrl !== "memory:";
  if (!isShared || !(await isUrlHere(url)) || !(await isGateway(url)) || (await needsFactoryKey(url))) return false;
  const note = 'Made by "factory-proxy" to see whether the server reads this store.';
  const key = await temporaryKey(context, await context.store(), { purpose: "check", note });
  try {
    return (await statusWith(key.value, { url, now: context.now })) === REFUSED;
  } finally {
    await key.revoke();
  }
}

/** The status of the gateway's last answer to a new key, once it accepts it or had the time to notice it. Null: no answer. */
export async function statusWith(
  key: string,
  { url, now }: { readonly url: string; readonly now: Context["now"] },
): Promise<number | null> {
  const endMs = now() + NEWS_MS;
  let status: number | null = null;
  // Each failed check is a warning in the gateway's log, so the intervals grow.
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 1.5) {
    status = (await ask(`${url}/v1/models`, key))?.status ?? status;
    const leftMs = endMs - now();
    if (status === ACCEPTED || leftMs <= 0) return status;
    await new Promise<void>((resolve) => void after(Math.min(pauseMs, leftMs), resolve));
  }
}

function isUrlHere(url: string): Promise<boolean> {
  return isThisMachine(new URL(url).hostname.replace(/^\[(.*)\]$/, "$1"));
}
