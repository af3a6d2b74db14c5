// The path of each protocol at its own maker, for upstreams that are configured by their host alone.
// Never changes a URL that has a path.

import type { ProtocolId } from "./canonical.ts";

/** `{model}` stands for the model's name. */
const OWN_PATHS: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "/v1/messages",
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  gemini: "/v1beta/models/{model}:generateContent",
};

const NO_PATH = /^\/+$/;

/** The URL, with the protocol's own path where it has none; a query stays at the end. */
export function withOwnPath(url: string, protocol: ProtocolId): string {
  const parsed = new URL(url);
  if (!NO_PATH.test(parsed.pathname)) return url;
  parsed.pathname = OWN_PATHS[protocol];
  return parsed.href;
}

/** Plain, and as a URL escapes it. */
const MODEL_IN_PATH = /\{model\}|%7Bmodel%7D/i;
const METHOD = /:generateContent(?=$|\?)/;

/** The URL for one model, where its path names one, as Google's own do. */
export function withModel(url: string, model: string): string {
  return url.replace(MODEL_IN_PATH, () => encodeURIComponent(model));
}

/** Whether the path names model and method, as Google's own do; then the body names neither. */
export function namesMethod(url: string): boolean {
  return METHOD.test(url);
}

/** The URL that streams the answer, where that differs. */
export function streamingUrl(url: string): string {
  if (!namesMethod(url)) return url;
  const streaming = new URL(url.replace(METHOD, ":streamGenerateContent"));
  streaming.searchParams.set("alt", "sse");
  return streaming.href;
}
