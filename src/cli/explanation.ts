// What would be sent to Factory for a request, and what would be lost. Nothing is sent, and no server has to run.

import { MemoryStore } from "../access/stores/memory.ts";
import { isObject, parseOrUndefined, type Json, type JsonObject } from "../wire/json.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { composed } from "./composition.ts";

export async function explain(input: Input, context: Context): Promise<void> {
  const path = input.operand(0);
  const text = path === "" && context.ask !== null ? "" : context.read(path || "-");
  if (path === "" && text.trim() === "") throw CommandError.wrongUse("No request: give a FILE, or pipe one to standard input.");
  const given = parseOrUndefined(text);
  if (!isObject(given)) throw CommandError.wrongUse("The request is not a JSON object.");
  const model = input.text("model");
  const body = model === null ? given : { ...given, model };
  const route = input.text("route") ?? routeOf(body);
  if (input.text("route") === null && !context.isJson)
    context.note(`Treating this as a request to ${route}. Use --route for another path.`);
  if (!/^\/(?!explain(?:\/|$))/.test(route)) throw CommandError.wrongUse("--route must be a path of this server, such as /v1/messages.");
  const response = await answerOf(route, { text: model === null ? text : JSON.stringify(body), context });
  const answer = await response.text();
  const value = parseOrUndefined(answer);
  if (!response.ok || !isObject(value)) throw CommandError.failed((messageIn(value) ?? answer).replaceAll("/explain/", "/"));
  const plain: unknown = JSON.parse(answer);
  context.print(context.isJson || !isObject(plain) ? answer : textOf(plain, context));
}

interface Asked {
  readonly text: string;
  readonly context: Context;
}

/** Uses its own client key and, where none is configured, its own Factory key: nothing is called. */
async function answerOf(route: string, { text, context }: Asked): Promise<Response> {
  const config = context.config();
  const key = crypto.randomUUID();
  const own = { ...config, upstreamKey: config.upstreamKey ?? "fk-your-factory-key", proxyKeys: [{ name: "env-1", key }], ledger: false };
  const program = composed(own, { store: new MemoryStore(), dataDir: null, sink: () => {}, logFormat: "json" });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await program.fetch(new Request(`http://127.0.0.1/explain${route}`, { method: "POST", headers, body: text }));
  void program.drain();
  return response;
}

/** The path to which clients send such a body. @throws CommandError */
function routeOf(body: JsonObject): string {
  if (body["contents"] !== undefined) {
    const { model } = body;
    if (typeof model === "string") return `/v1beta/models/${encodeURIComponent(model)}:generateContent`;
    throw CommandError.wrongUse(
      "A Gemini request names its model in the path: add --model, or --route /v1beta/models/<model>:generateContent.",
    );
  }
  if (body["input"] !== undefined || body["previous_response_id"] !== undefined) return "/v1/responses";
  if (!Array.isArray(body["messages"])) {
    throw CommandError.wrongUse("The request has no messages, input or contents. Use --route to name its path.");
  }
  return isOfAnthropic(body) ? "/v1/messages" : "/v1/chat/completions";
}

const ANTHROPIC_MEMBERS = [
  "system",
  "thinking",
  "anthropic_version",
  "anthropic_beta",
  "stop_sequences",
  "context_management",
  "output_config",
];
const ANTHROPIC_PARTS: readonly (Json | undefined)[] = ["tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document"];

function isOfAnthropic(body: JsonObject): boolean {
  const tools = objectsIn(body["tools"]);
  if (tools.some((tool) => isObject(tool["function"]))) return false;
  if (ANTHROPIC_MEMBERS.some((name) => body[name] !== undefined) || tools.some((tool) => isObject(tool["input_schema"]))) return true;
  const parts = objectsIn(body["messages"]).flatMap(({ content }) => objectsIn(content));
  return parts.some(({ type }) => ANTHROPIC_PARTS.includes(type));
}

function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** In the protocol of the refusal. */
function messageIn(value: Json | undefined): string | null {
  const error = isObject(value) ? value["error"] : undefined;
  const message = isObject(error) ? error["message"] : undefined;
  return typeof message === "string" ? message : null;
}

function textOf({ method, url, headers, body, losses }: JsonObject, { style }: Pick<Context, "style">): string {
  const lines = isObject(headers) ? Object.entries(headers).map(([name, value]) => `${name}: ${wordOf(value)}`) : [];
  const lost = objectsIn(losses).map(({ field, severity, reason }) => `  ${wordOf(field)} (${wordOf(severity)}): ${wordOf(reason)}`);
  return [
    style("bold", `${wordOf(method)} ${wordOf(url)}`),
    ...lines,
    "",
    JSON.stringify(body, null, 2),
    "",
    lost.length === 0 ? "Nothing was changed or dropped." : style("yellow", "Changed or dropped:"),
    ...lost,
  ].join("\n");
}

function wordOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
