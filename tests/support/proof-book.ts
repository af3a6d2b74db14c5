// The proof book of the scripted upstream: it refuses a proof that this vendor never issued, or that accompanies other content than it
// was issued for. Never looks into what a client or a tool wrote.

import type { Json, JsonObject } from "../../src/wire/json.ts";
import type { ProtocolId } from "../../src/protocol/canonical.ts";
import { isObject } from "../../src/wire/json.ts";
import { has, objectOf, objectsOf, textOf } from "./reading.ts";
import { refuse } from "./strict.ts";

export interface FoundProof {
  /** As it is on the wire. */
  readonly proof: string;
  /** The text or the call that it proves. */
  readonly of: string;
}

/** Google's marker for a call that it did not make. */
const NO_SIGNATURE = "skip_thought_signature_validator";

export class ProofBook {
  readonly #issued = new Map<ProtocolId, Map<string, string>>();

  /** Records the proofs of an answer. */
  issue(protocol: ProtocolId, answer: Json): void {
    const known = this.#issued.get(protocol) ?? new Map<string, string>();
    this.#issued.set(protocol, known);
    for (const { proof, of } of proofsIn(answer)) known.set(proof, of);
  }

  /** Everything that this protocol's vendor has issued so far. */
  issuedBy(protocol: ProtocolId): string[] {
    return [...(this.#issued.get(protocol)?.keys() ?? [])];
  }

  /** @throws Refusal */
  refuseUnknown(protocol: ProtocolId, request: JsonObject): void {
    for (const { proof, of } of proofsIn(request)) {
      if (proof === NO_SIGNATURE) continue;
      const words = this.#issued.get(protocol)?.get(proof);
      refuse(words === undefined, `A signature is none of ours: ${proof}.`);
      refuse(words !== of, `What was signed has been altered: ${String(words)} became ${of}.`);
    }
  }
}

/** Content of the client or a tool, which may be anything. */
const NOT_OURS: ReadonlySet<string> = new Set(["input_schema", "parameters", "parametersJsonSchema", "arguments", "args", "response"]);
const RESULTS: ReadonlySet<unknown> = new Set(["tool_result", "function_call_output", "custom_tool_call_output"]);

/** Every proof in an answer or a request of any protocol, in order. */
export function proofsIn(value: Json | undefined): FoundProof[] {
  if (Array.isArray(value)) return value.flatMap(proofsIn);
  if (!isObject(value) || RESULTS.has(value["type"])) return [];
  const own = proofOf(value);
  const inner = Object.entries(value).filter(([key]) => !NOT_OURS.has(key) && !(key === "input" && value["type"] === "tool_use"));
  return [...(own === null ? [] : [own]), ...inner.flatMap(([, member]) => proofsIn(member))];
}

function proofOf(part: JsonObject): FoundProof | null {
  if (part["type"] === "thinking") return { proof: textOf(part["signature"]), of: textOf(part["thinking"]) };
  if (part["type"] === "redacted_thinking") return { proof: textOf(part["data"]), of: "" };
  if (part["type"] === "reasoning" && has(part, "encrypted_content")) {
    const summary = objectsOf(part["summary"]).map((piece) => textOf(piece["text"]));
    return { proof: textOf(part["encrypted_content"]), of: summary.join("\n\n") };
  }
  if (!has(part, "thoughtSignature")) return null;
  const { name, args } = objectOf(part["functionCall"]);
  return {
    proof: textOf(part["thoughtSignature"]),
    of: name === undefined ? textOf(part["text"]) : JSON.stringify({ name, args: args ?? {} }),
  };
}
