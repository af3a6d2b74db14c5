// The official clients, configured by their users for a gateway.

import AnthropicBedrock from "@anthropic-ai/bedrock-sdk";
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import OpenAI from "openai";
import OpenAI6 from "openai-6";
import { aiSdk } from "./ai-sdk.ts";
import { anthropicMessages } from "./anthropic.ts";
import type { Client, Place } from "./client.ts";
import { google } from "./google.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses } from "./openai-responses.ts";

const openai = ({ url, key }: Place, maxRetries: number): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries });
/** The previous major: the parts used here have the same names. */
const openai6 = ({ url, key }: Place, maxRetries: number): OpenAI =>
  new OpenAI6({ baseURL: `${url}/v1`, apiKey: key, maxRetries }) as unknown as OpenAI;
/** 1.x sends `authorization: Bearer`. */
const anthropic = ({ url, key }: Place, maxRetries: number): Anthropic =>
  new Anthropic({ baseURL: url, apiKey: key, maxRetries, logLevel: "error" });
/** 0.x, which Claude Code and most agents carry, sends `x-api-key` and the first API version. */
const anthropic0 = ({ url, key }: Place, maxRetries: number): Anthropic =>
  new Anthropic({
    baseURL: url,
    apiKey: null,
    authToken: null,
    maxRetries,
    logLevel: "error",
    defaultHeaders: { "x-api-key": key, "anthropic-version": "2023-06-01", authorization: null },
  });
/** Another class with the same methods: it lacks what the other SDK has besides messages. */
const bedrock = ({ url, key }: Place, maxRetries: number): Anthropic =>
  new AnthropicBedrock({
    baseURL: `${url}/bedrock`,
    apiKey: key,
    awsRegion: "us-east-1",
    maxRetries,
    logLevel: "error",
  }) as unknown as Anthropic;

export const CLIENTS: readonly Client[] = [
  openaiChat("openai 7 chat", openai),
  openaiChat("openai 6 chat", openai6),
  openaiResponses("openai 7 responses", openai),
  openaiResponses("openai 6 responses", openai6),
  anthropicMessages("anthropic 1", anthropic),
  anthropicMessages("anthropic 0", anthropic0),
  anthropicMessages("anthropic bedrock", bedrock),
  google,
  aiSdk({
    name: "@ai-sdk/openai",
    protocol: "openai-responses",
    model: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses(model),
    always: { openai: { store: false } },
    // The provider sends no effort for names that it does not know, unless told to.
    reasoning: {
      openai: {
        store: false,
        reasoningEffort: "low",
        reasoningSummary: "auto",
        forceReasoning: true,
        include: ["reasoning.encrypted_content"],
      },
    },
  }),
  aiSdk({
    name: "@ai-sdk/openai chat",
    protocol: "openai-chat",
    model: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model),
    reasoning: { openai: { reasoningEffort: "low", forceReasoning: true } },
  }),
  aiSdk({
    name: "@ai-sdk/openai-compatible",
    protocol: "openai-chat",
    model: ({ url, key, model }) =>
      createOpenAICompatible({ name: "gateway", baseURL: `${url}/v1`, apiKey: key, includeUsage: true, supportsStructuredOutputs: true })(
        model,
      ),
    reasoning: { gateway: { reasoningEffort: "low" } },
  }),
  aiSdk({
    name: "@ai-sdk/anthropic",
    protocol: "anthropic-messages",
    model: ({ url, key, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model),
    uncounted: { input: 4, cached: 0, output: 4 },
    reasoning: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  }),
  aiSdk({
    name: "@ai-sdk/google",
    protocol: "gemini",
    model: ({ url, key, model }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: key })(model),
    reasoning: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } } },
  }),
];
