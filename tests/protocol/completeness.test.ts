// Every member of a request in the official clients' types has its fate in the codec: carried, dropped, reported or refused.
// The types are read as they are installed: an upgrade that brings a member which nobody has classified fails here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FIELDS as MESSAGES } from "../../src/protocol/anthropic-messages/wire.ts";
import { FIELDS as GEMINI } from "../../src/protocol/gemini/wire.ts";
import { FIELDS as CHAT } from "../../src/protocol/openai-chat/wire.ts";
import { FIELDS as RESPONSES } from "../../src/protocol/openai-responses/wire.ts";

const FATES: ReadonlySet<unknown> = new Set(["carried", "dropped", "reported", "refused"]);

interface Declared {
  readonly name: string;
  /** In `node_modules`. */
  readonly file: string;
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** A member that is there, so that an empty reading is noticed. */
  readonly known: string;
  /** Where the codec has a member under another name; null: it never reaches the wire. */
  readonly wire?: Readonly<Record<string, string | null>>;
  /** Where the codec looks for members that the client's type has on top. */
  readonly prefix?: string;
}

const OPENAI_CHAT = "resources/chat/completions/completions.d.ts";
const OPENAI_RESPONSES = "resources/responses/responses.d.ts";

const DECLARED: readonly Declared[] = [
  ...["openai", "openai-6"].flatMap((sdk): Declared[] => [
    { name: `${sdk}, Chat`, file: `${sdk}/${OPENAI_CHAT}`, type: "ChatCompletionCreateParamsBase", fields: CHAT, known: "messages" },
    { name: `${sdk}, Responses`, file: `${sdk}/${OPENAI_RESPONSES}`, type: "ResponseCreateParamsBase", fields: RESPONSES, known: "input" },
  ]),
  ...["messages/messages.d.ts", "beta/messages/messages.d.ts"].map((file): Declared => ({
    name: `@anthropic-ai/sdk, ${file}`,
    file: `@anthropic-ai/sdk/resources/${file}`,
    type: "MessageCreateParamsBase",
    fields: MESSAGES,
    known: "max_tokens",
  })),
  {
    name: "@google/genai, config",
    file: "@google/genai/dist/genai.d.ts",
    type: "GenerateContentConfig",
    fields: GEMINI,
    known: "systemInstruction",
    prefix: "generationConfig",
    wire: {
      httpOptions: null,
      abortSignal: null,
      automaticFunctionCalling: null,
      automaticContinuation: null,
      generationOutputConfig: "outputConfig",
    },
  },
  {
    name: "@google/genai, parameters",
    file: "@google/genai/dist/genai.d.ts",
    type: "GenerateContentParameters",
    fields: GEMINI,
    known: "contents",
    wire: { config: null },
  },
];

/** The members of an interface, by the text of its declaration. */
function membersOf(file: string, type: string): string[] {
  const source = readFileSync(new URL(`../../node_modules/${file}`, import.meta.url), "utf8");
  const body = new RegExp(`export (?:declare )?interface ${type} [^{]*\\{\\r?\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
  return Array.from(body.matchAll(/^ {4}(\w+)\??:/gm), ([, name]) => name ?? "");
}

/** What becomes of a member; null when nobody has said so. */
function fateOf({ fields, wire = {}, prefix }: Declared, member: string): unknown {
  const name = member in wire ? wire[member] : member;
  if (name === null || name === undefined) return "carried";
  const row = fields[name] ?? (prefix === undefined ? undefined : fields[`${prefix}.${name}`]);
  return typeof row === "object" && row !== null && "fate" in row ? row.fate : row;
}

for (const declared of DECLARED) {
  test(`${declared.name}: every member of a request is classified`, () => {
    const members = membersOf(declared.file, declared.type);
    assert.ok(members.includes(declared.known), `${declared.type} has been read: ${members.join(", ")}`);
    const unclassified = members.filter((member) => !FATES.has(fateOf(declared, member)));
    assert.deepEqual(unclassified, [], "give these members a row in FIELDS");
  });

  test(`${declared.name}: a member that is new is noticed`, () => {
    assert.equal(FATES.has(fateOf(declared, "from_the_future")), false);
  });
}
