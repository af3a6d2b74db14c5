// The fate of each member of a Responses request.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResponseCreateParams } from "openai/resources/responses/responses";
import { FIELDS, type Fate } from "../../../src/protocol/openai-responses/wire.ts";

test("every member of the official request type is classified, and nothing else", () => {
  // The types say it: a new member in the SDK, or one too many here, does not compile.
  const classified: Readonly<Record<keyof ResponseCreateParams, Fate>> = FIELDS;
  const known: Readonly<Record<keyof typeof FIELDS, Fate>> = classified;
  assert.deepEqual(Object.keys(known), Object.keys(FIELDS).sort());
});
