// What can be told of a Factory key without asking Factory.
// Never shows the key.

/** Where Factory keys are made. */
export const FACTORY_KEY_PAGE = "https://app.factory.ai/settings/api-keys";

export interface UnlikelyKey {
  readonly what: string;
  /** Null: that says it all. */
  readonly why: string | null;
  /** Whether Factory is certain to refuse it. */
  readonly isWrong: boolean;
}

const FACTORY_KEY = /^fk-[A-Za-z0-9_-]{16,}$/;
const PLACEHOLDER = /^fk-(?:\.*|x+|your.*)$/i;
/** Prefixes of other vendors' keys. */
const OTHERS: readonly (readonly [shape: RegExp, owner: string])[] = [
  [/^sk-ant-/, "Anthropic"],
  [/^sk-or-/, "OpenRouter"],
  [/^sk-/, "OpenAI"],
  [/^AIza/, "Google"],
  [/^xai-/, "xAI"],
  [/^fp-/, "this server"],
];

/** Null: it looks like a Factory key. */
export function unlikelyKey(key: string): UnlikelyKey | null {
  if (FACTORY_KEY.test(key)) return null;
  if (PLACEHOLDER.test(key)) return { what: "The Factory key is an example's placeholder.", why: null, isWrong: true };
  const owner = OTHERS.find(([shape]) => shape.test(key))?.[1];
  if (owner !== undefined)
    return { what: `The Factory key looks like a key from ${owner}.`, why: "Factory keys begin with fk-.", isWrong: true };
  const why = "Factory keys begin with fk-, followed by at least 16 characters.";
  return { what: "The Factory key does not look like a Factory key.", why, isWrong: false };
}
