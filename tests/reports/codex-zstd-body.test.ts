// new-api#4913, cc-switch-cli#469, codex-proxy-rs#66: Codex compresses its requests with zstd, and the gateway said that they are no UTF-8.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { MODELS } from "../support/dialects.ts";
import { startGateway } from "../support/gateway.ts";

const FOLDER = new URL("../fixtures/reports/codex-zstd-body/", import.meta.url);
const plain = readFileSync(new URL("request.json", FOLDER));
const zstd = readFileSync(new URL("request.json.zst", FOLDER));

const gateway = await startGateway({ environment: { SYSTEM_PROMPT: "" } });
after(() => gateway.stop());

function post(body: Uint8Array, encoding: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", "content-encoding": encoding },
    body: new Uint8Array(body),
  });
}

for (const [encoding, body] of [
  ["zstd", zstd],
  ["gzip", gzipSync(plain)],
  ["deflate", deflateSync(plain)],
] as const) {
  test(`codex-zstd-body: ${encoding} reaches GPT as the bytes that were compressed`, async () => {
    const response = await post(body, encoding);
    const answer = (await response.json()) as { object: string; status: string };
    assert.deepEqual([response.status, answer.object, answer.status], [200, "response", "completed"]);
    assert.equal(gateway.lastSeen().body, plain.toString());
  });
}

for (const [protocol, model] of Object.entries(MODELS)) {
  test(`codex-zstd-body: a compressed call for a model of ${protocol} is answered`, async () => {
    const body = JSON.stringify({ ...(JSON.parse(plain.toString()) as object), model });
    const response = await post(zstdCompressSync(body), "zstd");
    const answer = (await response.json()) as { object: string; status: string };
    assert.deepEqual([response.status, answer.object, answer.status], [200, "response", "completed"]);
    assert.equal(gateway.lastSeen().protocol, protocol);
  });
}
