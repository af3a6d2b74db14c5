// What the attackers send: calls of each protocol by `fetch`, and the bytes of requests that `fetch` would not send.
// Never waits for ever: every call has a limit on its time.

import { Buffer } from "node:buffer";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { ask, MODELS } from "../support/dialects.ts";
import type { Target } from "./attack.ts";

const MOST_MS = 60_000;

export interface Way {
  readonly client: ProtocolId;
  readonly upstream: ProtocolId;
}

export const PASSED: Way = { client: "openai-chat", upstream: "openai-chat" };
export const CONVERTED: Way = { client: "openai-chat", upstream: "anthropic-messages" };
export const WAYS: readonly Way[] = [PASSED, CONVERTED];

export function wayName({ client, upstream }: Way): string {
  return client === upstream ? `${client}, passed` : `${client} -> ${upstream}`;
}

export interface Call {
  readonly path: string;
  readonly body: string;
}

export function callOf({ client, upstream }: Way, { stream = false, text = "Hello" }: { stream?: boolean; text?: string } = {}): Call {
  const { path, body } = ask(client, { model: MODELS[upstream], stream, text });
  return { path, body: JSON.stringify(body) };
}

export interface Posting {
  readonly headers?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly mostMs?: number;
}

export function post({ url, key }: Pick<Target, "url" | "key">, { path, body }: Call, more: Posting = {}): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      ...(more.id === undefined ? {} : { "x-request-id": more.id }),
      ...more.headers,
    },
    body,
    signal: AbortSignal.timeout(more.mostMs ?? MOST_MS),
  });
}

/** How a call ended, in a few words: its status and the code of its error, or what broke. */
export async function endOf(calling: Promise<Response>): Promise<string> {
  try {
    const response = await calling;
    const text = await response.text();
    const code = /"code": ?"(\w+)"/.exec(text)?.[1];
    const isFailed = response.status === 200 && /"error": ?\{|event: error/.test(text);
    return [String(response.status), ...(isFailed ? ["with an error event"] : []), ...(code === undefined ? [] : [code])].join(" ");
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "no end in time" : `broken (${String(error)})`;
  }
}

/** The head of a POST as bytes; its body follows by hand. */
export function headText(
  { key }: Pick<Target, "key">,
  { path, length, more = "" }: { path: string; length: number; more?: string },
): string {
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more}` +
    `content-length: ${length}\r\n\r\n`
  );
}

export function requestText(target: Pick<Target, "key">, { path, body }: Call, more = ""): string {
  return headText(target, { path, length: Buffer.byteLength(body), more }) + body;
}
