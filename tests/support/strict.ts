// What a strict provider refuses, so that a bad conversion fails loudly. Written from the protocols' documentation and not from the codecs.

import type { JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { objectOf, textOf } from "./reading.ts";

/** A request that a provider would not accept. */
export class Refusal extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(message: string, options: { readonly status?: number; readonly param?: string; readonly code?: string } = {}) {
    super(message);
    this.status = options.status ?? 400;
    this.param = options.param ?? null;
    this.code = options.code ?? null;
  }
}

export function refuse(condition: boolean, message: string, param?: string): void {
  if (condition) throw new Refusal(message, param === undefined ? {} : { param });
}

const MESSAGES_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const GEMINI_STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** An error in the format of a provider. */
export function errorBody(
  protocol: ProtocolId | null,
  { status, message, param, code }: Pick<Refusal, "status" | "message" | "param" | "code">,
): string {
  switch (protocol) {
    case "anthropic-messages":
      return JSON.stringify({ type: "error", error: { type: MESSAGES_TYPES[status] ?? "api_error", message }, request_id: "req_scripted" });
    case "gemini":
      return JSON.stringify({ error: { code: status, message, status: GEMINI_STATUSES[status] ?? "INTERNAL" } });
    default: {
      const type = status >= 500 ? "server_error" : status === 429 ? "requests" : "invalid_request_error";
      return JSON.stringify({ error: { message, type, param, code } });
    }
  }
}

/** Reports the first unknown member. */
export function refuseUnknown(object: JsonObject, known: ReadonlySet<string>, say: (key: string) => string): void {
  for (const key of Object.keys(object)) refuse(!known.has(key), say(key), key);
}

/** The JSON schema keywords that a provider requires in a function's parameters. */
export function refuseSchema(schema: unknown, path: string): void {
  const object = objectOf(schema);
  refuse(
    textOf(object["type"]) !== "object",
    `${path}: schema must be a JSON Schema of 'type: "object"', got 'type: "${textOf(object["type"]) || "None"}"'.`,
    path,
  );
}

/** Whether a proof was made by another vendor, or wrapped by a gateway and never unwrapped. */
export function isForeignProof(proof: string, mark: string, marks: readonly string[]): boolean {
  let plain = proof;
  try {
    plain = `${proof} ${atob(proof)}`;
  } catch {
    // Not base64: the proof stands for itself.
  }
  return proof === "" || plain.includes("gw1.") || marks.some((other) => other !== mark && plain.includes(other));
}

/** Calls and results of a conversation, in order. */
export function refuseDuplicates(ids: readonly string[], say: (id: string) => string): void {
  const seen = new Set<string>();
  for (const id of ids) {
    refuse(seen.has(id), say(id));
    seen.add(id);
  }
}
