// What the models behind Messages endpoints take.

import assert from "node:assert/strict";
import { test } from "node:test";
import { capabilitiesOf } from "../../../src/protocol/anthropic-messages/capabilities.ts";

const EVERY = ["low", "medium", "high", "xhigh", "max"];

const MODELS: readonly (readonly [
  name: string,
  limit: number,
  thinking: string,
  off: string,
  efforts: readonly string[],
  switches: string,
])[] = [
  ["claude-3-haiku-20240307", 4096, "none", "disabled", [], "sampling prefill forced"],
  ["claude-3-5-sonnet-20241022", 8192, "none", "disabled", [], "sampling prefill forced search"],
  ["claude-3-7-sonnet-20250219", 64000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-sonnet-4-20250514", 64000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-opus-4-20250514", 32000, "manual", "disabled", [], "sampling prefill forced search"],
  ["claude-opus-4-1-20250805", 32000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["claude-haiku-4-5-20251001", 64000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64000, "manual", "disabled", [], "sampling one prefill structured forced search"],
  ["claude-opus-4-5-20251101", 64000, "manual", "disabled", ["low", "medium", "high"], "sampling one prefill structured forced search"],
  ["claude-opus-4-6", 128000, "either", "disabled", ["low", "medium", "high", "max"], "sampling one structured forced search"],
  ["claude-sonnet-4.6", 128000, "either", "disabled", ["low", "medium", "high", "max"], "sampling one structured forced search"],
  ["claude-opus-4-7", 128000, "adaptive", "disabled", EVERY, "one structured forced search"],
  ["claude-opus-4-8", 128000, "adaptive", "disabled", EVERY, "one structured system forced search"],
  ["claude-opus-5", 128000, "adaptive", "up-to-high", EVERY, "one structured system forced search"],
  ["claude-sonnet-5", 128000, "adaptive", "disabled", EVERY, "one structured system forced search"],
  ["claude-sonnet-5-5", 128000, "adaptive", "between-tools", EVERY, "one structured system search"],
  ["claude-haiku-5-5", 128000, "adaptive", "up-to-high", EVERY, "one structured system forced search"],
  ["claude-opus-5-5", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-fable-5", 128000, "adaptive", "never", EVERY, "one structured system forced search"],
  ["claude-mythos-5-1", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-opus-7", 128000, "adaptive", "never", EVERY, "one structured system search"],
  ["claude-lab", 128000, "adaptive", "never", EVERY, "one structured system forced search"],
  ["minimax-m2.5", 32000, "none", "disabled", [], "sampling prefill forced"],
];

for (const [name, limit, thinking, off, efforts, switches] of MODELS) {
  test(`what ${name} takes`, () => {
    const capabilities = capabilitiesOf(name);
    const on: [boolean, string][] = [
      [capabilities.sampling, "sampling"],
      [capabilities.oneSampler, "one"],
      [capabilities.prefill, "prefill"],
      [capabilities.structuredOutput, "structured"],
      [capabilities.systemMessages, "system"],
      [capabilities.forcedTools, "forced"],
      [capabilities.webSearch, "search"],
    ];
    const said = on.flatMap(([value, word]) => (value ? [word] : [])).join(" ");
    assert.deepEqual(
      [capabilities.maxOutputTokens, capabilities.thinking, capabilities.thinkingOff, capabilities.efforts, said],
      [limit, thinking, off, efforts, switches],
    );
    assert.equal(capabilities.claude, name.includes("claude"));
  });
}
