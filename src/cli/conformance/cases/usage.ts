// Token counts: reported where clients look for them, counted as their protocol does.

import { looking, shown, type Case } from "../case.ts";
import { COUNTED } from "../lab/reply-content.ts";
import type { Counted, Rule } from "../readings/reading.ts";
import { HELLO } from "../scenarios.ts";
import { PROTOCOLS } from "../wire.ts";

const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = COUNTED;

export const USAGE_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  [true, false].flatMap((stream): Case[] => {
    const suffix = stream ? ", streamed" : "";
    const shared = { area: "usage", protocol, scenario: HELLO, stream } as const;
    const counted = (name: string, { expected, breaks }: Rule, isRight: (usage: Counted) => boolean): Case =>
      looking({
        ...shared,
        name: `${protocol} ${name}${suffix}`,
        needs: "lab",
        expected,
        breaks,
        check: ({ said }) => (said.usage !== null && isRight(said.usage) ? null : shown(said.usage)),
      });
    return [
      looking({
        ...shared,
        name: `${protocol} tokens are counted${suffix}`,
        needs: "live",
        expected: "input and output tokens above 0",
        breaks: "agents never compact their history, and run into the context's end",
        check: ({ said }) => ((said.usage?.inputTokens ?? 0) > 0 && (said.usage?.outputTokens ?? 0) > 0 ? null : shown(said.usage)),
      }),
      counted(
        "input",
        {
          expected: `${inputTokens} input tokens, the cached ones counted once`,
          breaks: "cost is shown twice or not at all; Messages counts cached tokens beside the others, all others count them in",
        },
        (usage) => usage.inputTokens === inputTokens,
      ),
      counted(
        "cached",
        { expected: `${cachedTokens} cached tokens`, breaks: "cost of cached tokens is shown ten times too high" },
        (usage) => usage.cachedTokens === cachedTokens,
      ),
      counted(
        "output",
        {
          expected: `${outputTokens} output tokens, those of reasoning counted once`,
          breaks: "cost is wrong; Gemini counts thoughts beside the others, all others count them in",
        },
        (usage) => usage.outputTokens === outputTokens,
      ),
      ...(protocol === "anthropic-messages"
        ? []
        : [
            counted(
              "reasoning",
              { expected: `${reasoningTokens} tokens of reasoning`, breaks: "agents show no tokens of thinking" },
              (usage) => usage.reasoningTokens === reasoningTokens,
            ),
          ]),
    ];
  }),
);
