// What a web page can have a browser send: foreign origins, forms, keys in the URL, a name of its own for this machine (DNS rebinding).
// Never expects that a client key in a header is refused, whatever the origin.

import { rawCall, requestText } from "../support/wire.ts";
import { exactly, pause, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { callOf, PASSED } from "./requests.ts";

const PAGE = { origin: "https://page.example" };
const CROSS = { "sec-fetch-site": "cross-site" };
const FORM = { "content-type": "text/plain" };
const REBOUND = { host: "page.example:8000", origin: "http://page.example:8000" };
const GEMINI = "/v1beta/models/gemini-2.5-pro:generateContent";
const MOST_MS = 10_000;

interface Asked {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly method?: string;
  readonly expected: string;
}

export async function attack({ start, upstream, key }: OwnTarget): Promise<Report> {
  upstream.script(() => ({ say: { text: "Hello" } }));
  const withKey = { authorization: `Bearer ${key}` };
  const findings: Finding[] = [];
  const ask = async (name: string, env: Readonly<Record<string, string>>, cases: readonly Asked[]): Promise<void> => {
    const gateway = start({ env });
    const url = await gateway.url;
    for (const one of cases) findings.push(exactly(`${name}: ${one.what}`, { expected: one.expected, came: await statusOf(url, one) }));
    gateway.signal("SIGKILL");
  };
  await ask("with client keys", {}, [
    { what: "a form of a page", headers: { ...PAGE, ...FORM }, expected: "403" },
    { what: "a form, cross-site", headers: { ...CROSS, ...FORM }, expected: "403" },
    { what: "a page with the key in the URL", headers: PAGE, path: `${GEMINI}?key=${key}`, expected: "403" },
    { what: "a link with the key in the URL", headers: CROSS, path: `/v1beta/models?key=${key}`, method: "GET", expected: "403" },
    { what: "a key in the URL of a route that has none", headers: {}, path: `/v1/chat/completions?key=${key}`, expected: "401" },
    { what: "a page with a key in a header", headers: { ...PAGE, ...withKey }, expected: "200" },
    { what: "a desktop app", headers: { origin: "null", ...withKey }, expected: "200" },
    { what: "any Host with a key", headers: { host: "llm.example.org", ...withKey }, expected: "200" },
  ]);
  await ask("ANONYMOUS=loopback", { ANONYMOUS: "loopback" }, [
    { what: "a program of this machine", headers: {}, expected: "200" },
    { what: "a form of a page", headers: { ...PAGE, ...FORM }, expected: "403" },
    { what: "JSON of a page", headers: PAGE, expected: "403" },
    { what: "a page under a name of its own", headers: REBOUND, expected: "403" },
    { what: "the same with a made-up key", headers: { ...REBOUND, authorization: "Bearer made-up" }, expected: "403" },
    { what: "the models, cross-site", headers: CROSS, path: "/v1/models", method: "GET", expected: "403" },
  ]);
  await ask("each with a Factory key of its own", { FACTORY_API_KEY: "", PROXY_API_KEY: "" }, [
    { what: "a client", headers: { "x-api-key": "fk-of-a-client" }, expected: "200" },
    { what: "a page under a name of its own", headers: { ...REBOUND, "x-api-key": "fk-of-a-client" }, expected: "403" },
    { what: "a page with a made-up key in the URL", headers: PAGE, path: `${GEMINI}?key=made-up`, expected: "403" },
  ]);
  await ask("CORS_ORIGINS and ALLOWED_HOSTS", { ANONYMOUS: "loopback", CORS_ORIGINS: PAGE.origin, ALLOWED_HOSTS: "llm.example.org" }, [
    { what: "the page that is named", headers: PAGE, expected: "200" },
    { what: "another page", headers: { origin: "https://other.example" }, expected: "403" },
    { what: "the host that is named", headers: { host: "llm.example.org" }, expected: "200" },
  ]);
  return findings;
}

/** By a connection of its own, on which any header can be sent. */
async function statusOf(url: string, { headers, path = callOf(PASSED).path, method = "POST" }: Asked): Promise<string> {
  const body = method === "GET" ? "" : callOf(path.startsWith("/v1beta") ? { client: "gemini", upstream: "gemini" } : PASSED).body;
  const ofBody = body === "" ? {} : { "content-type": "application/json", "content-length": String(body.length) };
  const call = rawCall(url, requestText(`${method} ${path}`, { host: new URL(url).host, ...ofBody, ...headers }, body));
  const answer = await Promise.race([call.closed, pause(MOST_MS).then(() => "")]);
  call.leave();
  return answer.slice(9, 12) || "none";
}
