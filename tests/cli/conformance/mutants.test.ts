// The suite is judged by broken gateways: each small fault loses points in the right area, and a gateway without one loses none.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AREA_NAMES } from "../../../src/cli/conformance/areas.ts";
import { Lab } from "../../../src/cli/conformance/lab/lab.ts";
import { runSuite } from "../../../src/cli/conformance/session.ts";
import type { Run } from "../../../src/cli/conformance/report.ts";
import { stand, type Broken } from "./broken-gateway.ts";
import { MUTANTS } from "./mutants.ts";

const MODELS = ["claude-sonnet-5", "gpt-5.5"];
const SILENCE_MS = 2500;

const lab = new Lab();
const labUrl = `http://127.0.0.1:${await lab.listen(0, "127.0.0.1")}`;
after(() => lab.stop());

async function judged(
  broken: Broken,
  { areas, models }: { readonly areas: typeof AREA_NAMES; readonly models: readonly string[] },
): Promise<Run> {
  const gateway = await stand(labUrl, broken);
  try {
    return await runSuite({ url: gateway.url, key: gateway.key, headers: {}, lab, silenceMs: SILENCE_MS, models, areas });
  } finally {
    await gateway.stop();
  }
}

/** The proxies that break a gateway go by Bun's `fetch`: Deno's names an encoding that it has undone. What they judge is the same on both. */
const JUDGED = "Bun" in globalThis ? MUTANTS : [];

if ("Bun" in globalThis)
  test("between proxies that change nothing a gateway loses nothing", async () => {
    const { verdicts, score } = await judged(
      { front: {}, back: {} },
      { areas: AREA_NAMES, models: [...MODELS, "gemini-2.5-pro", "glm-5.2"] },
    );
    assert.deepEqual(
      verdicts.filter(({ outcome }) => outcome === "failed"),
      [],
    );
    assert.equal(score.score, 100);
  });

for (const { name, area, fails, models = MODELS, ...broken } of JUDGED) {
  test(`${area}: ${name}`, async () => {
    const { verdicts, score } = await judged(broken, { areas: [area], models });
    const failed = verdicts.filter(({ outcome }) => outcome === "failed").map((one) => one.name);
    assert.ok(failed.includes(fails), `${fails} fails; these do: ${failed.join("; ")}`);
    assert.ok(score.score < 100);
  });
}

test("every area has a mutant", () => {
  assert.deepEqual(
    AREA_NAMES.filter((area) => !MUTANTS.some((mutant) => mutant.area === area)),
    [],
  );
});
