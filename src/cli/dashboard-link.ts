// Opens the dashboard of the server on this machine, signed in. The link goes through the store, which only its owner can write to.
// Never asks for a key, and leaves none anywhere.

import process from "node:process";
import spawn from "cross-spawn";
import { isLoopback } from "../config/config.ts";
import { linkPath, UI as DASHBOARD } from "../http/admin/routes.ts";
import { sharedLink } from "../http/admin/sessions.ts";
import { runtime } from "../runtime/runtime.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { DEMO_ADMIN_KEY, gatewayUrl, isDemoAt, isGateway } from "./gateway-probe.ts";
import { hasOtherStore, OTHER_ENV, OTHER_STORE } from "./store-check.ts";

export async function openDashboard(input: Input, context: Context): Promise<void> {
  const { ui, host, adminKey } = context.config();
  const url = input.text("url")?.replace(/\/+$/, "") ?? gatewayUrl(context.config());
  if (url === null) throw CommandError.wrongUse("PORT is 0, so the server's port is not known. Pass its address with --url <url>.");
  if (!URL.canParse(url)) throw CommandError.wrongUse("--url must begin with http:// or https://.");
  if (!ui) throw CommandError.failed("The dashboard is off (UI=off).");
  if (!(await isGateway(url))) throw CommandError.failed(`No server answers at ${url}. Start one with factory-proxy serve.`);
  const isLocal = isLoopback(host);
  if (!isLocal && adminKey === null)
    throw CommandError.failed("The dashboard is off because other machines can reach the server. Set ADMIN_KEY to turn it on.");
  const isDemo = await isDemoAt(url);
  if (isDemo)
    context.note(`The server at ${url} is a demo. Sign in to its dashboard with ${DEMO_ADMIN_KEY}, or with its ADMIN_KEY if it has one.`);
  // On an address that other machines can reach, only the key signs in; and a demo shares no store.
  const isShared = isLocal && !isDemo && context.config().databaseUrl !== "memory:";
  if (isShared && (await hasOtherStore(url, context)))
    throw CommandError.failed(`The server at ${url} would refuse the sign-in link, because ${OTHER_STORE}. ${OTHER_ENV}`);
  const link = url + (isShared ? await sharedPath(context) : DASHBOARD);
  if (context.isJson || input.has("print") || !runtime.isTerminal("stdout")) return context.show({ url: link }, () => link);
  const isOpened = await opened(link);
  context.note(isOpened ? "Opened in your browser. If nothing appears, open this link:" : "Could not open a browser. Open this link:");
  context.print(link);
}

async function sharedPath(context: Context): Promise<string> {
  const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
  const { token, name, untilMs } = sharedLink({ random, sha256: runtime.sha256 }, context.now());
  await (await context.store()).share(name, "link", untilMs);
  return linkPath(token);
}

const OPENERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ["open"],
  // An empty title, since `start` takes its first quoted argument as one.
  win32: ["cmd", "/c", "start", ""],
};
const USUAL_OPENER = ["xdg-open"];

/** Whether a program accepted the link. */
function opened(link: string): Promise<boolean> {
  const [command = "", ...words] = OPENERS[process.platform] ?? USUAL_OPENER;
  return new Promise((resolve) => {
    try {
      const child = spawn(command, [...words, link], { stdio: "ignore", detached: true });
      child.once("error", () => resolve(false));
      child.once("spawn", () => resolve(true));
      child.unref();
    } catch {
      resolve(false);
    }
  });
}
