// BerriAI/litellm#40477, agentjido/req_llm#944: Gemini ends with a reason such as NO_IMAGE and says nothing; clients got an empty success.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ask, errorIn, failure, told } from "../support/dialects.ts";
import { PROTOCOLS } from "../support/fixtures.ts";
import { startGateways } from "../support/gateway.ts";

const { upstream, gatewayWith } = await startGateways();
const gateway = await gatewayWith({});

const ANSWER = readFileSync(new URL("../fixtures/reports/gemini-empty-odd-finish/upstream.json", import.meta.url), "utf8");
const REASONS = ["MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "OTHER", "CAME_LATER"];
const model = "gemini-2.5-flash";

for (const client of PROTOCOLS.filter((protocol) => protocol !== "gemini")) {
  for (const reason of REASONS) {
    const body = ANSWER.replace("MISSING_THOUGHT_SIGNATURE", reason);
    const message = `The model could not finish its answer (${reason}).`;

    test(`${client}: ${reason} without a part is an error`, async () => {
      upstream.script([{ body }]);
      const call = ask(client, { model });
      const error = await errorIn(client, await gateway.call(call.path, { body: call.body }));
      const isOpenAi = client !== "anthropic-messages";
      assert.deepEqual(error, {
        status: 502,
        type: isOpenAi ? "server_error" : "api_error",
        message,
        param: null,
        code: isOpenAi ? reason.toLowerCase() : null,
      });
    });

    test(`${client}: and a stream that says nothing else ends in it`, async () => {
      upstream.script([{ body: `data: ${JSON.stringify(JSON.parse(body))}\n\n`, headers: { "content-type": "text/event-stream" } }]);
      const call = ask(client, { model, stream: true });
      const response = await gateway.call(call.path, { body: call.body });
      assert.deepEqual(told(client, await response.text()), { text: "", terminals: failure(client, message) });
    });
  }
}
