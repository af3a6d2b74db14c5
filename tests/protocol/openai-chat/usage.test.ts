// Token counts of an answer, both directions.

import { closed, counted, delta, ended, opened, started, text } from "../../support/canonical.ts";
import { chunk, done, role, said, stop, stopped, testDecodingStreams, testEncodingStreams } from "./reply-cases.ts";

testDecodingStreams([
  [
    "usage in a chunk without choices",
    [chunk({ content: "a" }), stop(), { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }, done],
    [started("1"), opened(0, text()), delta(0, "a"), counted({ inputTokens: 3, outputTokens: 1 }), closed(0), ended("end", "stop")],
  ],
  [
    "usage beside the finish reason, of a server that counts cached tokens outside of the details",
    [chunk({ content: "a" }), stop("stop", { usage: { prompt_tokens: 30, completion_tokens: 1, prompt_cache_hit_tokens: 20 } }), done],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      counted({ inputTokens: 10, cacheReadTokens: 20, outputTokens: 1 }),
      closed(0),
      ended("end", "stop"),
    ],
  ],
  [
    "usage in x_groq, in the choice, and before the first choice",
    [
      { choices: [], usage: { prompt_tokens: 1 } },
      chunk({ content: "a" }, { usage: { prompt_tokens: 2, cached_tokens: 1 } }),
      stop("stop", { x_groq: { usage: { prompt_tokens: 3 } } }),
      done,
    ],
    [
      started("1"),
      counted({ inputTokens: 1 }),
      opened(0, text()),
      delta(0, "a"),
      counted({ inputTokens: 1, cacheReadTokens: 1 }),
      counted({ inputTokens: 3 }),
      closed(0),
      ended("end", "stop"),
    ],
  ],
  [
    "cached and written tokens are taken out of the prompt, reasoning stays in the output",
    [
      chunk({ content: "a" }),
      stop(),
      {
        choices: [],
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 64, cache_write_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 12 },
        },
      },
      done,
    ],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      counted({ inputTokens: 20, cacheReadTokens: 64, cacheWriteTokens: 16, outputTokens: 20, reasoningTokens: 12 }),
      closed(0),
      ended("end", "stop"),
    ],
  ],
  [
    "reasoning that is counted beside the completion",
    [
      chunk({ content: "a" }),
      stop(),
      {
        choices: [],
        usage: { prompt_tokens: 307, completion_tokens: 26, total_tokens: 560, completion_tokens_details: { reasoning_tokens: 227 } },
      },
      done,
    ],
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      counted({ inputTokens: 307, outputTokens: 253, reasoningTokens: 227 }),
      closed(0),
      ended("end", "stop"),
    ],
  ],
]);

testEncodingStreams([
  [
    "usage in its own chunk, with everything that was counted",
    [
      started("1"),
      opened(0, text()),
      delta(0, "a"),
      counted({ inputTokens: 1, outputTokens: 1 }),
      closed(0),
      counted({ inputTokens: 20, cacheReadTokens: 64, cacheWriteTokens: 16, outputTokens: 20, reasoningTokens: 12 }),
      ended("end", "end_turn"),
    ],
    [
      role,
      said({ content: "a" }),
      stopped("stop"),
      {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 64, cache_write_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 12 },
        },
      },
      "[DONE]",
    ],
  ],
  [
    "usage that nobody asked for stays away",
    [started("1"), counted({ inputTokens: 1, outputTokens: 1 }), ended("end", "end_turn")],
    [role, stopped("stop"), "[DONE]"],
    { includeUsage: false },
  ],
  [
    "what nobody counted is not zero",
    [started("1"), counted({ inputTokens: 1, outputTokens: 2 }), ended("end", "end_turn")],
    [role, stopped("stop"), { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }, "[DONE]"],
  ],
]);
