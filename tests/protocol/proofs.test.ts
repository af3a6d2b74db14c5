// Proofs that travel through a client of another protocol, and come back as they were.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openProof, sealProof } from "../../src/protocol/seals.ts";

const DATA = ["", "a", "ab", "abc", "abcd", "sig+/==", "\u00fc\u{1f600}", "x".repeat(10_000), "gw1.openai.YQ", "a.b.c"];

for (const data of DATA) {
  test(`a proof of ${data.length} units comes back from a foreign client as it was: ${data.slice(0, 20)}`, () => {
    for (const origin of ["openai", "anthropic", "google"] as const) {
      const sealed = sealProof({ origin, data }, null);
      assert.match(sealed, /^gw1\.[a-z]+\.[\w-]*$/);
      for (const own of ["openai", "anthropic", "google"] as const) assert.deepEqual(openProof(sealed, own), { origin, data });
    }
  });
}

test("a proof goes to a client of its own vendor unsealed, and comes back as that vendor's", () => {
  assert.equal(sealProof({ origin: "anthropic", data: "sig==" }, "anthropic"), "sig==");
  assert.deepEqual(openProof("sig==", "anthropic"), { origin: "anthropic", data: "sig==" });
});

for (const text of ["gw1.", "gw1.openai", "gw1.nobody.YQ", "gw1.openai.$$$", "gw1.openai.YWJjZ", "gw2.openai.YQ"]) {
  test(`what only looks like a seal belongs to the client's vendor: ${text}`, () => {
    assert.deepEqual(openProof(text, "google"), { origin: "google", data: text });
  });
}
