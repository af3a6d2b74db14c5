// Reads the cases in `tests/fixtures/<protocol>/<case>/` and, if it exists, `../shared/recordings`; never changes a byte of them.
// Files of a case, all optional, but with a request or a reply at least:
//      request.json   a request body as a client of the protocol sends it
//      reply.json     a non-streaming answer
//      reply.sse      the same answer, streamed (of a recording: another answer to a similar call)
//      error-<n>.json the body of an answer with status <n>
//      meta.json      what the case is about, and anything outside of the body; see `Meta`

import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import type { WireRequest } from "../../src/protocol/codec.ts";

export const PROTOCOLS: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

/** `meta.json`. A fixture needs `about` and `exercises`; everything else is optional. */
export interface Meta {
  /** One sentence: what is special here. */
  readonly about: string;
  /** Words for what the case exercises: `text`, `tools`, `usage` ... */
  readonly exercises: readonly string[];
  /** Request headers, lower-case names, e.g. `anthropic-version`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gemini: model and stream switch of the path. */
  readonly path?: { readonly model: string; readonly stream: boolean };
  /** The expected end of the decoded reply; default `end`. */
  readonly ends?: "end" | "error";
}

export interface Case {
  readonly protocol: ProtocolId;
  /** Unique per protocol. */
  readonly name: string;
  /** `fixture`: ours; `recording`: a real provider's answer; `client`: what a real client sent. */
  readonly origin: "fixture" | "recording" | "client";
  readonly meta: Meta;
  readonly request: WireRequest | null;
  /** JSON text. */
  readonly reply: string | null;
  /** Server-sent events as they came. */
  readonly stream: string | null;
  readonly error: { readonly status: number; readonly body: string } | null;
}

const FIXTURES = new URL("../fixtures/", import.meta.url);
const RECORDINGS = new URL("../../../shared/recordings/", import.meta.url);

/** Recordings with a bad end, as the names of their folders say. */
const BAD_ENDS: ReadonlySet<string> = new Set(["cut-inside-tool-arguments", "error-inside-a-200-stream"]);

/** A model for Gemini requests whose `meta.json` names none: Gemini has it in the path. */
const GEMINI_PATH = { model: "gemini-2.5-pro", stream: false };

export interface Cases {
  /** Every case of every protocol, fixtures first. */
  readonly cases: readonly Case[];
  /** Fixtures that could not be read, each with the reason. */
  readonly faults: readonly string[];
}

export function loadCases(): Cases {
  const cases: Case[] = [];
  const faults: string[] = [];
  for (const protocol of PROTOCOLS) {
    for (const { name, folder } of folders(new URL(`${protocol}/`, FIXTURES))) {
      try {
        cases.push(fixture(protocol, name, folder));
      } catch (error) {
        faults.push(`${protocol}/${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    cases.push(...recordings(protocol));
  }
  return { cases: [...cases, ...clients()], faults };
}

/** One fixture by name. @throws Error when there is none. */
export function loadCase(protocol: ProtocolId, name: string): Case {
  return fixture(protocol, name, new URL(`${protocol}/${name}/`, FIXTURES));
}

function fixture(protocol: ProtocolId, name: string, folder: URL): Case {
  const metaText = text(folder, "meta.json");
  if (metaText === null) throw new Error("there is no meta.json");
  const meta = JSON.parse(metaText) as Meta;
  if (typeof meta.about !== "string" || !Array.isArray(meta.exercises) || meta.exercises.length === 0) {
    throw new Error('meta.json needs "about" and "exercises"');
  }
  const body = text(folder, "request.json");
  const found: Case = {
    protocol,
    name,
    origin: "fixture",
    meta,
    request: body === null ? null : { body, headers: meta.headers ?? {}, path: meta.path ?? (protocol === "gemini" ? GEMINI_PATH : null) },
    reply: text(folder, "reply.json"),
    stream: text(folder, "reply.sse"),
    error: errorBody(folder),
  };
  if (found.request === null && found.reply === null && found.stream === null && found.error === null) {
    throw new Error("it holds neither a request nor an answer");
  }
  return found;
}

function recordings(protocol: ProtocolId): Case[] {
  return folders(new URL(`${protocol}/`, RECORDINGS)).map(({ name, folder }) => {
    const reply = text(folder, "reply.json");
    // A recorded call that failed has the error's body in place of the answer; its status was not recorded.
    const failed = reply !== null && /^\s*\{\s*"error"\s*:/.test(reply);
    return {
      protocol,
      name: `recorded ${name}`,
      origin: "recording",
      meta: { about: name.replaceAll("-", " "), exercises: [], ends: BAD_ENDS.has(name) ? "error" : "end" },
      request: null,
      reply: failed ? null : reply,
      stream: text(folder, "reply.sse"),
      error: failed ? { status: 400, body: reply } : errorBody(folder),
    };
  });
}

interface RecordedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

function clients(): Case[] {
  const folder = new URL("clients/", RECORDINGS);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => {
      const sent = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as RecordedRequest[];
      let tools: unknown;
      return sent.map(({ url, headers, body: recorded }, index): Case => {
        const route = routeOf(url);
        // A list of tools is in the file once; later requests refer to it: "<the same 9 tools as above>".
        if (Array.isArray(recorded["tools"])) ({ tools } = recorded);
        const body = typeof recorded["tools"] === "string" ? { ...recorded, tools } : recorded;
        return {
          protocol: route.protocol,
          name: `client ${file.replace(".json", "")} ${index}`,
          origin: "client",
          meta: { about: `what ${file.replace(".json", "")} sends`, exercises: [] },
          request: { body: JSON.stringify(body), headers: lowerCase(headers), path: route.path },
          reply: null,
          stream: null,
          error: null,
        };
      });
    });
}

const GEMINI_URL = /\/models\/([^:/]+):(generateContent|streamGenerateContent)/;

function routeOf(url: string): { protocol: ProtocolId; path: WireRequest["path"] } {
  const gemini = GEMINI_URL.exec(url);
  if (gemini !== null) return { protocol: "gemini", path: { model: gemini[1] ?? "", stream: gemini[2] === "streamGenerateContent" } };
  if (url.includes("/messages")) return { protocol: "anthropic-messages", path: null };
  return { protocol: url.includes("/responses") ? "openai-responses" : "openai-chat", path: null };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function folders(parent: URL): { name: string; folder: URL }[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, folder: new URL(`${entry.name}/`, parent) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function text(folder: URL, file: string): string | null {
  const url = new URL(file, folder);
  return existsSync(url) ? readFileSync(url, "utf8") : null;
}

function errorBody(folder: URL): Case["error"] {
  const file = readdirSync(folder).find((name) => /^error-\d{3}\.json$/.test(name));
  if (file === undefined) return null;
  return { status: Number(file.slice("error-".length, -".json".length)), body: readFileSync(new URL(file, folder), "utf8") };
}
