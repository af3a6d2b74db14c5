// What the path of a call says: model and stream switch, whose client calls, whether a WebSocket is requested.
// Never looks into a body.

import type { Call, IncomingRequest, Route } from "../gateway/request.ts";
import { modelOf } from "../protocol/bedrock.ts";
import { answeringAt, canonicalPath, clientsAt } from "./routes.ts";

/** The route on which a WebSocket speaks the Responses API; null: no WebSocket is requested, or on another path. */
export function socketRoute({ raw, path, headers }: IncomingRequest): Route | null {
  if (raw.method !== "GET" || headers["upgrade"]?.toLowerCase() !== "websocket") return null;
  return answeringAt(canonicalPath(path), "openai-responses");
}

const GEMINI_CALL = /\/(?:models|tunedModels)\/(.+):(generateContent|streamGenerateContent|countTokens)$/;

/** Model and stream switch of a Gemini path; null: not a call that is served here. */
export function geminiPath(path: string): Call["path"] {
  const [, escaped, method] = GEMINI_CALL.exec(path) ?? [];
  const model = escaped === undefined ? null : unescaped(escaped);
  return model === null ? null : { model, stream: method === "streamGenerateContent" };
}

const BEDROCK_CALL = /\/model\/([^/]+)\/(invoke|invoke-with-response-stream)$/;

/** Model and stream switch of a Bedrock path; null where its escapes are invalid. */
export function bedrockPath(path: string): Call["path"] {
  const [, escaped = "%", method] = BEDROCK_CALL.exec(path) ?? [];
  const id = unescaped(escaped);
  return id === null ? null : { model: modelOf(id), stream: method !== "invoke" };
}

/** Null where the escapes are invalid. */
export function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const OF_ANTHROPIC = /\/messages|^\/(?:anthropic|bedrock)\//;
const OF_AWS = /^\/bedrock\/(?!v1\/)/;

/** The protocol of a request's client, by its path; where that is ambiguous, by its headers. */
export function clientsOf({ path, headers }: IncomingRequest): Pick<Route, "protocol" | "form"> {
  const known = clientsAt(canonicalPath(path));
  if (known !== null) return known;
  if (OF_AWS.test(path)) return { protocol: "anthropic-messages", form: "bedrock" };
  if ("anthropic-version" in headers || OF_ANTHROPIC.test(path)) return { protocol: "anthropic-messages" };
  return { protocol: path.includes("/v1beta/") ? "gemini" : "openai-chat" };
}
