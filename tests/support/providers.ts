// The four strict providers behind one function: a request for an endpoint is accepted, or refused.

import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { refuseMessages } from "./strict-anthropic.ts";
import { refuseGemini } from "./strict-gemini.ts";
import { refuseChat, refuseResponses } from "./strict-openai.ts";

export interface ProviderRequest {
  readonly body: JsonObject;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether only tokens are to be counted. */
  readonly isCount: boolean;
}

/** @throws Refusal as a strict provider of the protocol would. */
export function refuseRequest(protocol: ProtocolId, { body, headers, isCount }: ProviderRequest): void {
  switch (protocol) {
    case "anthropic-messages":
      return refuseMessages(body, headers, isCount);
    case "openai-responses":
      return refuseResponses(body);
    case "openai-chat":
      return refuseChat(body);
    case "gemini":
      return refuseGemini(body);
  }
}
