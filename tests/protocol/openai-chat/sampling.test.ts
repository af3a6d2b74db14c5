// Sampling parameters, stop sequences and log probabilities that a request asks for, both directions.

import { sampling } from "../../support/canonical.ts";
import { on, refused, reported, testDecoding, testEncoding } from "./request-cases.ts";

testDecoding([
  [
    "limits and sampling, the newer name first",
    {
      max_tokens: 5,
      max_completion_tokens: 6,
      temperature: 0,
      top_p: 0.5,
      seed: 7,
      presence_penalty: 1,
      frequency_penalty: -1,
      logprobs: true,
      top_logprobs: 2,
    },
    {
      maxOutputTokens: 6,
      sampling: { temperature: 0, topP: 0.5, topK: null, seed: 7, presencePenalty: 1, frequencyPenalty: -1, topLogprobs: 2 },
    },
  ],
  ["logprobs alone ask for the chosen token's", { logprobs: true }, { sampling: sampling({ topLogprobs: 0 }) }],
]);

const NO_SAMPLING = "The model accepts no sampling parameters while it reasons.";

testEncoding([
  [
    "a reasoning model takes neither sampling nor stop sequences; defaults need no word",
    {
      model: "gpt-5",
      stop: ["END"],
      sampling: sampling({ temperature: 0.2, topP: 1, topK: 5, seed: 1, presencePenalty: 0 }),
    },
    {
      body: { seed: 1 },
      losses: [
        reported("temperature", NO_SAMPLING),
        reported("stop", "The model accepts no stop sequences while it reasons."),
        reported("top_k", "Chat Completions has no such parameter."),
      ],
    },
  ],
  [
    "a reasoning model that is not to reason takes both",
    { model: "gpt-5.1", reasoning: on({ effort: "none" }), stop: ["END"], sampling: sampling({ temperature: 0.2 }) },
    {
      body: { reasoning_effort: "none", stop: ["END"], temperature: 0.2 },
    },
  ],
  [
    "the first four stop sequences go out",
    { stop: ["1", "2", "3", "4", "5"] },
    {
      body: { stop: ["1", "2", "3", "4"] },
      losses: [reported("stop", "Chat Completions accepts 4 stop sequences; the first ones were sent.")],
    },
  ],
  ["log probabilities with alternatives", { sampling: sampling({ topLogprobs: 2 }) }, { body: { logprobs: true, top_logprobs: 2 } }],
  [
    "log probabilities are refused where the model would refuse them",
    { model: "gpt-5.1", sampling: sampling({ topLogprobs: 0 }) },
    { body: {}, losses: [refused("logprobs", "The model returns no log probabilities while it reasons.")] },
  ],
]);
