// Which models are known; with --live, how each protocol's endpoint answers a small call with the system prompt and one without.
// Calls cost something, so without --live there are none.

import { headersForUpstream, withIdentity } from "../gateway/headers.ts";
import { PROVIDERS, type Model } from "../models/catalog.ts";
import { priceOf } from "../models/price.ts";
import { Models, type Target } from "../models/models.ts";
import type { Config } from "../config/config.ts";
import { VARIABLES } from "../config/variables.ts";
import type { ProtocolId } from "../protocol/canonical.ts";
import { codecOf } from "../protocol/codecs.ts";
import packageJson from "../../package.json" with { type: "json" };
import { isObject, parseOrUndefined } from "../wire/json.ts";
import { counted, ok, skip, type Check, type Group, type Subject } from "./doctor-check.ts";
import { asked, type Outcome } from "./doctor-request.ts";
import { verdict } from "./doctor-verdict.ts";
import { keyHostFault } from "./folder-trust.ts";

const PROTOCOLS: readonly ProtocolId[] = ["anthropic-messages", "openai-responses", "openai-chat", "gemini"];

export const modelChecks: Group = async (subject) => {
  const { config, isLive, context } = subject;
  if (config === null) return [skip("models.table", "The configuration is invalid.")];
  const models = new Models(config);
  const table = ok(
    "models.table",
    `Known models: ${models.list().length}, ${config.models.length} of them changed or added by CONFIG_PATH.`,
  );
  const samples = PROTOCOLS.map((protocol) => cheapest(models, protocol));
  if (!isLive) {
    return [table, skip("models.live", "No endpoint was called.", { fix: `factory-proxy doctor --live (${costOf(samples, config)})` })];
  }
  const { upstreamKey } = config;
  if (upstreamKey === null) return [table, skip("models.live", "No Factory key is set, so no calls were made.")];
  const fault = keyHostFault(context);
  if (fault !== null) return [table, skip("models.live", "No endpoint was called.", { why: fault })];
  context.note(`--live makes ${counted(samples.length * CALLS_EACH, "small call")}: ${costOf(samples, config)}.`);
  return [table, ...(await Promise.all(samples.map((sample) => endpoint(sample, subject, { config, key: upstreamKey, models }))))];
};

/** With the system prompt and without. */
const CALLS_EACH = 2;
const ANSWER_TOKENS = 16;
const QUESTION_TOKENS = 40;
const QUESTION = "Reply with the word ok.";

interface Sample {
  readonly protocol: ProtocolId;
  /** Null: no model of this protocol is known. */
  readonly model: Model | null;
}

/** The cheapest model of the protocol's usual provider. */
function cheapest(models: Models, protocol: ProtocolId): Sample {
  const fitting = models
    .list()
    .filter((model) => model.protocol === protocol && model.provider === PROVIDERS[protocol] && model.target === null);
  const [first] = fitting.toSorted((one, other) => (one.multiplier ?? Infinity) - (other.multiplier ?? Infinity));
  return { protocol, model: first ?? null };
}

/** By list prices. */
function costOf(samples: readonly Sample[], { cacheDiscountPercent }: Config): string {
  const usage = { inputTokens: QUESTION_TOKENS, outputTokens: ANSWER_TOKENS, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
  const costs = samples.flatMap(({ model }) => (model === null ? [] : priceOf(model, usage, { cacheDiscountPercent })));
  const credits = costs.reduce((sum, cost) => sum + (cost.credits ?? 0), 0) * CALLS_EACH;
  const usd = costs.reduce((sum, cost) => sum + (cost.usd ?? 0), 0) * CALLS_EACH;
  return `about ${Math.ceil(credits)} credits, or $${Math.max(usd, 0.0001).toFixed(4)} at list prices`;
}

interface Calling {
  readonly config: Config;
  readonly key: string;
  readonly models: Models;
}

const NAMES: Readonly<Record<ProtocolId, string>> = {
  "anthropic-messages": "messages",
  "openai-responses": "responses",
  "openai-chat": "chat",
  gemini: "gemini",
};

async function endpoint({ protocol, model }: Sample, subject: Subject, { config, key, models }: Calling): Promise<Check> {
  const id: Check["id"] = `models.${NAMES[protocol]}`;
  if (model === null) return skip(id, "No known model uses this protocol.");
  const target = models.find(model.id);
  const prompt = config.systemPrompt ?? VARIABLES.SYSTEM_PROMPT.default;
  const call = (systemPrompt: string | null): Promise<Outcome> => calling(target, { config, key, subject, systemPrompt });
  const bare = await call(null);
  const prompted = await call(prompt);
  const sentenceOf = (outcome: Outcome): string =>
    subject.redact("text" in outcome ? sentenceIn(outcome.text) : outcome.detail).slice(0, MOST_SHOWN);
  return verdict({ id, target, bare, prompted, isPromptSent: config.systemPrompt !== null, sentenceOf });
}

const MOST_SHOWN = 300;
const LIMIT_MS = 60_000;

interface Sending extends Omit<Calling, "models"> {
  readonly subject: Subject;
  readonly systemPrompt: string | null;
}

/** As a server would send it. */
function calling(target: Target, { config, key, subject, systemPrompt }: Sending): Promise<Outcome> {
  const { url, model, provider, protocol } = target;
  const headers = withIdentity(headersForUpstream({}, protocol), {
    key,
    provider,
    sessionId: crypto.randomUUID(),
    messageId: crypto.randomUUID(),
    userAgent: `factory-proxy/${packageJson.version}`,
    stream: false,
  });
  const body = codecOf(target).request.edit(JSON.stringify(bodyOf(protocol, model)), { model, systemPrompt, stream: false });
  return asked(url, { method: "POST", headers: { ...headers, ...config.upstreamHeaders }, body, limitMs: LIMIT_MS }, subject.world);
}

function bodyOf(protocol: ProtocolId, model: string): object {
  if (protocol === "openai-responses") return { model, input: QUESTION, max_output_tokens: ANSWER_TOKENS };
  if (protocol === "gemini") {
    return { model, contents: [{ role: "user", parts: [{ text: QUESTION }] }], generationConfig: { maxOutputTokens: ANSWER_TOKENS } };
  }
  return { model, max_tokens: ANSWER_TOKENS, messages: [{ role: "user", content: QUESTION }] };
}

/** The message of an error of any shape. */
function sentenceIn(text: string): string {
  const body = parseOrUndefined(text);
  const error = isObject(body) ? body["error"] : undefined;
  const found = isObject(body) ? (body["detail"] ?? (isObject(error) ? error["message"] : (error ?? body["message"]))) : undefined;
  return typeof found === "string" ? found : text.replaceAll(/<[^>]*>|\s+/g, " ").trim();
}
