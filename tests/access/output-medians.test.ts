// How long answers usually are: of the key's own calls, else of all calls to the model, else 1,000 tokens.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputMedians } from "../../src/access/output-medians.ts";

const nothing = (): Promise<readonly number[]> => Promise.resolve([]);
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("the key's own median comes before that of all keys, and 1,000 tokens stand in for both", () => {
  const medians = new OutputMedians(nothing);
  assert.equal(medians.estimate("alice", "glm-5"), 1000);
  for (const tokens of [500, 100, 300]) medians.add("bob", { model: "glm-5", tokens });
  assert.equal(medians.estimate("alice", "glm-5"), 300);
  medians.add("alice", { model: "glm-5", tokens: 7 });
  assert.deepEqual([medians.estimate("alice", "glm-5"), medians.estimate("alice", "gpt-5.5")], [7, 1000]);
});

test("only the latest answers count", () => {
  const medians = new OutputMedians(nothing);
  for (let count = 0; count < 100; count++) medians.add("alice", { model: "glm-5", tokens: 9000 });
  for (let count = 0; count < 31; count++) medians.add("alice", { model: "glm-5", tokens: 5 });
  assert.equal(medians.estimate("alice", "glm-5"), 5);
});

test("what the store knows from before is loaded once, behind the scenes, and a store that is away changes nothing", async () => {
  const asked: string[] = [];
  const medians = new OutputMedians((model, { key }) => {
    asked.push(`${key} ${model}`);
    return key === null ? Promise.reject(new Error("away")) : Promise.resolve([40, 50, 60]);
  });
  assert.equal(medians.estimate("alice", "glm-5"), 1000);
  await soon();
  for (let count = 0; count < 3; count++) assert.equal(medians.estimate("alice", "glm-5"), 50);
  assert.deepEqual(asked.toSorted(), ["alice glm-5", "null glm-5"]);
});

test("models that nobody asks any more are forgotten", async () => {
  let loads = 0;
  const medians = new OutputMedians(() => {
    loads++;
    return Promise.resolve([7]);
  });
  for (let count = 0; count < 2000; count++) medians.add("alice", { model: `model-${count}`, tokens: 7 });
  const before = loads;
  medians.estimate("alice", "model-1999");
  assert.equal(loads, before);
  medians.estimate("alice", "model-0");
  assert.equal(loads, before + 2);
  await soon();
});
