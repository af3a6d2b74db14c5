// litellm#10106: Claude refuses a request whose user is an e-mail address or a phone number, or longer than 256 characters.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ask, MODELS } from "../support/dialects.ts";
import { startGateways } from "../support/gateway.ts";
import { objectOf } from "../support/reading.ts";

const { gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const REQUEST = JSON.parse(readFileSync(new URL("../fixtures/reports/user-is-an-email/request.json", import.meta.url), "utf8")) as object;
/** Of "joe@example.com". */
const HASH = "924234a47ff2de974b9ca5949838953d";

/** The end user that the upstream was told of, in whichever field. */
function sentUser(): unknown {
  const body = objectOf(JSON.parse(gateway.lastSeen().body));
  return objectOf(body["metadata"])["user_id"] ?? body["safety_identifier"] ?? body["user"];
}

test("the report's own request: Claude takes it", async () => {
  const response = await gateway.call("/v1/chat/completions", { body: REQUEST });
  assert.equal(response.status, 200, await response.text());
  assert.equal(sentUser(), HASH);
});

const CLIENTS = [
  ["openai-chat", (user: string) => ({ user })],
  ["openai-chat", (user: string) => ({ safety_identifier: user })],
  ["openai-responses", (user: string) => ({ user })],
  ["openai-responses", (user: string) => ({ safety_identifier: user })],
  ["anthropic-messages", (user: string) => ({ metadata: { user_id: user } })],
] as const;

for (const [client, named] of CLIENTS) {
  for (const upstream of ["openai-chat", "openai-responses", "anthropic-messages"] as const) {
    test(`${client}, ${Object.keys(named("")).join("")} -> ${upstream}`, async () => {
      const isSame = client === upstream;
      const sent = async (user: string): Promise<unknown> => {
        const { path, body } = ask(client, { model: MODELS[upstream], more: named(user) });
        await (await gateway.call(path, { body })).text();
        return sentUser();
      };
      assert.equal(await sent("joe@example.com"), isSame ? "joe@example.com" : HASH);
      assert.equal(await sent("+1 (415) 555-2671"), isSame ? "+1 (415) 555-2671" : "b05b4684a74853cf7b70fbd43b2e79f1");
      assert.equal(await sent("user-17"), "user-17");
      const long = "u".repeat(300);
      assert.equal(await sent(long), isSame ? long : "817a89f9ee6b839061e2fd09f3a5bec6");
    });
  }
}
