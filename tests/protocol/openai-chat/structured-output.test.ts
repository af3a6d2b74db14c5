// The format of the answer that a request asks for, both directions.

import { text } from "../../support/canonical.ts";
import { HI, testDecoding, testEncoding } from "./request-cases.ts";

testDecoding([
  [
    "a schema for the answer",
    {
      response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" }, strict: true } },
    },
    { output: { type: "json-schema", name: "n", description: null, schema: '{"type":"object"}', strict: true } },
  ],
  [
    "any JSON object, and how much to say",
    { response_format: { type: "json_object" }, verbosity: "low" },
    { output: { type: "json-object" }, verbosity: "low" },
  ],
]);

testEncoding([
  [
    "a schema for the answer, with a name where it has none",
    {
      output: { type: "json-schema", name: null, description: null, schema: '{"type":"object"}', strict: null },
    },
    { body: { response_format: { type: "json_schema", json_schema: { name: "response", schema: { type: "object" } } } } },
  ],
  [
    "a JSON object needs the word in the prompt",
    { output: { type: "json-object" }, system: [text("A")] },
    {
      body: {
        messages: [
          {
            role: "system",
            content: [
              { type: "text", text: "A" },
              { type: "text", text: "Answer with one JSON object." },
            ],
          },
          HI,
        ],
        response_format: { type: "json_object" },
      },
    },
  ],
]);
