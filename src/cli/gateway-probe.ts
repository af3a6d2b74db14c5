// Checks whether a gateway answers on this machine. Never goes through a proxy.

import { get } from "node:http";
import { get as getOverTls } from "node:https";
import type { Config } from "../config/config.ts";
import { isObject, parseOrUndefined, type JsonObject } from "../wire/json.ts";

export interface Probed {
  readonly status: number;
  readonly body: string;
}

/** Timeout for the whole answer. */
const ANSWER_MS = 2000;
/** A gateway's answer is shorter; that of another program on its port may never end. */
const MOST_CHARACTERS = 4 * 1024 * 1024;
/** Addresses that mean every address of this machine. */
export const EVERYWHERE: readonly string[] = ["0.0.0.0", "::", "[::]", ""];

/** The address of a gateway with this configuration, as seen from this machine; null: its port is not known. */
export function gatewayUrl({ host, port }: Pick<Config, "host" | "port">): string | null {
  if (port === 0) return null;
  const reached = EVERYWHERE.includes(host) ? "127.0.0.1" : host;
  return `http://${reached.includes(":") && !reached.startsWith("[") ? `[${reached}]` : reached}:${port}`;
}

export async function isGateway(url: string): Promise<boolean> {
  return (await overviewOf(url)) !== null;
}

/** Whether each client brings its own Factory key: then a client key alone is refused. */
export async function needsFactoryKey(url: string): Promise<boolean> {
  const keys = (await overviewOf(url))?.["keys"];
  return Array.isArray(keys) && keys.includes("factory");
}

/** What a gateway says of itself to anybody. Null: no gateway answers. */
async function overviewOf(url: string): Promise<JsonObject | null> {
  const overview = parseOrUndefined((await ask(`${url}/`))?.body ?? "");
  return isObject(overview) && overview["name"] === "factory-proxy" ? overview : null;
}

/** The only client key of a demo, which also signs in to its dashboard. Not secret: a demo stores nothing. */
export const DEMO_KEY = "demo-key";
export const DEMO_ADMIN_KEY = "demo-administrator";

export async function isDemoAt(url: string): Promise<boolean> {
  return (await overviewOf(url))?.["demo"] === true;
}

/** Null: there is no answer in time, or it can't come from a gateway. */
export function ask(url: string, key: string | null = null): Promise<Probed | null> {
  const isTls = url.startsWith("https:");
  if (!isTls && !url.startsWith("http:")) return Promise.resolve(null);
  return new Promise((resolve) => {
    const headers = { connection: "close", ...(key === null ? {} : { authorization: `Bearer ${key}` }) };
    const request = (isTls ? getOverTls : get)(url, { headers, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => {
        body += text;
        if (body.length > MOST_CHARACTERS) giveUp();
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on("error", () => resolve(null));
    });
    // The answer first: a connection that was cut may look like one that ended.
    const giveUp = (): void => {
      resolve(null);
      request.destroy();
    };
    const late = setTimeout(giveUp, ANSWER_MS);
    request.on("error", () => resolve(null));
    request.on("close", () => {
      clearTimeout(late);
      resolve(null);
    });
  });
}
