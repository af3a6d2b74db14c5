// A simulation of Anthropic's prompt cache: what of each request would be read from it.
// A prefix is tools, then system, then messages, block by block. It is written at marks, and found again at a mark or up to 20 blocks before
// one; thinking and tool choice belong to the prefix of the messages.
// https://platform.claude.com/docs/en/build-with-claude/prompt-caching (read 2026-11).

import { objectOf, objectsOf } from "./reading.ts";

const LOOK_BACK_BLOCKS = 20;
/** The smallest prefix that is written: the largest minimum of the models. */
const MIN_TOKENS = 4096;
const CHARACTERS_A_TOKEN = 4;

interface Prefix {
  readonly id: number;
  readonly tokens: number;
  readonly isMarked: boolean;
}

export class PromptCache {
  inputTokens = 0;
  cachedTokens = 0;
  /** Requests, counted from 0, that found less than all of the previous one. */
  readonly moved: number[] = [];
  #requests = 0;
  #lastTokens = 0;
  /** Text of a block, after the id of its prefix -> id of the prefix that ends with it. */
  readonly #ids = new Map<string, number>();
  readonly #written = new Set<number>();

  /** Records a Messages request, given as JSON text. */
  see(body: string): void {
    const prefixes = this.#prefixesOf(objectOf(JSON.parse(body)));
    const marks = prefixes.flatMap(({ isMarked }, index) => (isMarked ? [index] : []));
    const found = marks
      .flatMap((mark) => prefixes.slice(Math.max(0, mark - LOOK_BACK_BLOCKS), mark + 1))
      .filter(({ id }) => this.#written.has(id));
    const tokens = prefixes.at(-1)?.tokens ?? 0;
    const cachedTokens = Math.max(0, ...found.map((prefix) => prefix.tokens));
    this.inputTokens += tokens;
    this.cachedTokens += cachedTokens;
    if (cachedTokens < this.#lastTokens) this.moved.push(this.#requests);
    this.#requests++;
    this.#lastTokens = tokens;
    for (const mark of marks) {
      const prefix = prefixes[mark];
      if (prefix !== undefined && prefix.tokens >= MIN_TOKENS) this.#written.add(prefix.id);
    }
  }

  #prefixesOf(body: Record<string, unknown>): Prefix[] {
    const settings = JSON.stringify([body["thinking"], body["tool_choice"]]);
    const blocks = [
      ...objectsOf(body["tools"]).map((block) => ({ level: "tools", block })),
      ...blocksOf(body["system"]).map((block) => ({ level: "system", block })),
      ...objectsOf(body["messages"]).flatMap(({ role, content }) =>
        blocksOf(content).map((block) => ({ level: `${String(role)} ${settings}`, block })),
      ),
    ];
    const rootMark = "cache_control" in body ? blocks.findLastIndex(({ block }) => block["type"] !== "thinking") : -1;
    const prefixes: Prefix[] = [];
    let id = 0;
    let tokens = 0;
    for (const [index, { level, block }] of blocks.entries()) {
      const { cache_control: mark, ...rest } = block;
      const text = JSON.stringify(rest);
      const key = `${id} ${level} ${text}`;
      id = this.#ids.get(key) ?? this.#ids.size + 1;
      this.#ids.set(key, id);
      tokens += text.length / CHARACTERS_A_TOKEN;
      prefixes.push({ id, tokens, isMarked: mark !== undefined || index === rootMark });
    }
    return prefixes;
  }
}

function blocksOf(content: unknown): Record<string, unknown>[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : objectsOf(content);
}
