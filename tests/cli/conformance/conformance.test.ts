// `factory-proxy conformance`: this gateway scores 100, live it makes few calls, and what it prints is what it found.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { AREA_NAMES } from "../../../src/cli/conformance/areas.ts";
import { Lab } from "../../../src/cli/conformance/lab/lab.ts";
import { junitOf, tableOf, type Run } from "../../../src/cli/conformance/report.ts";
import { scoreOf } from "../../../src/cli/conformance/scoring.ts";
import { runSuite } from "../../../src/cli/conformance/session.ts";
import { CASES } from "../../../src/cli/conformance/suite.ts";
import type { Verdict } from "../../../src/cli/conformance/case.ts";
import { build, cleanUp, emptyFolder, OWN_WAYS, start } from "../../support/program.ts";
import { stand } from "./broken-gateway.ts";

await build();
const lab = new Lab();
const labUrl = `http://127.0.0.1:${await lab.listen(0, "127.0.0.1")}`;
const gateway = await stand(labUrl);
after(async () => {
  await gateway.stop();
  await lab.stop();
  cleanUp();
});

const MODELS = ["claude-sonnet-5", "gpt-5.5", "gemini-2.5-pro", "glm-5.2"];
const MOST_LIVE_CALLS = 40;

function failures({ verdicts }: Run): readonly Verdict[] {
  return verdicts.filter(({ outcome }) => outcome === "failed");
}

test("this gateway loses no point, whatever the model's protocol", async () => {
  const run = await runSuite({ url: gateway.url, key: gateway.key, headers: {}, lab, silenceMs: 3000, models: MODELS, areas: AREA_NAMES });
  assert.deepEqual(failures(run), []);
  assert.equal(run.score.score, 100);
  assert.deepEqual(
    run.score.areas.map(({ area }) => area),
    AREA_NAMES,
  );
});

for (const model of MODELS) {
  test(`live, with ${model}, it makes at most ${MOST_LIVE_CALLS} calls`, async () => {
    const run = await runSuite({
      url: gateway.url,
      key: gateway.key,
      headers: {},
      lab: null,
      silenceMs: 0,
      models: [model],
      areas: AREA_NAMES,
    });
    assert.deepEqual(failures(run), []);
    assert.ok(run.calls <= MOST_LIVE_CALLS, `${run.calls} calls`);
  });
}

test("no two cases of an area share a name, and each says who breaks", () => {
  const names = CASES.map(({ area, name }) => `${area} / ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    CASES.filter(({ expected, breaks }) => expected === "" || breaks === "").map(({ name }) => name),
    [],
  );
});

test("the compliance cases of Open Responses have their names", () => {
  assert.deepEqual(
    CASES.filter(({ area }) => area === "open-responses").map(({ name }) => name),
    ["basic-response", "streaming-response", "system-prompt", "tool-calling", "tool-calling-streaming", "image-input", "multi-turn"],
  );
});

const FAILED: Verdict = {
  area: "cuts",
  name: 'a "cut"',
  outcome: "failed",
  expected: "an error",
  came: "<nothing> & \u0007more",
  breaks: "agents",
};
const PASSED: Verdict = { ...FAILED, name: "another", outcome: "passed", came: null };
const LEFT: Verdict = { ...PASSED, area: "pings", outcome: "left out" };
const ABSENT: Verdict = { ...LEFT, name: "one more", outcome: "not offered" };

test("an area counts as much as any other, and one that has nothing to score counts nothing", () => {
  assert.deepEqual(scoreOf([FAILED, PASSED, PASSED, LEFT, ABSENT, { ...PASSED, area: "usage" }]), {
    score: 83.3,
    areas: [
      { area: "usage", passed: 1, failed: 0, notOffered: 0, leftOut: 0, score: 100 },
      { area: "cuts", passed: 2, failed: 1, notOffered: 0, leftOut: 0, score: 66.6 },
      { area: "pings", passed: 0, failed: 0, notOffered: 1, leftOut: 1, score: null },
    ],
  });
});

test("a failure says what was expected, what came and who breaks, in the table and in JUnit's XML", () => {
  const verdicts = [FAILED, PASSED, LEFT, ABSENT];
  const run: Run = { url: "http://gateway", mode: "lab", models: ["m"], calls: 3, verdicts, score: scoreOf(verdicts) };
  assert.equal(
    tableOf(run),
    [
      'cuts / a "cut"',
      "  expected: an error",
      "  came:     <nothing> & \\u0007more",
      "  breaks:   agents",
      "",
      "http://gateway, lab, m, 3 calls",
      "",
      "cuts   50  1 of 2                             Answers that break off",
      "pings   -  0 of 0  1 not offered  1 left out  An upstream's signs of life",
      "",
      "score 50",
    ].join("\n"),
  );
  assert.equal(
    junitOf(run),
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="factory-proxy conformance">',
      '  <testsuite name="cuts" tests="2" failures="1" skipped="0">',
      '    <testcase classname="cuts" name="a &quot;cut&quot;"><failure message="expected an error">expected: an error',
      "came: &lt;nothing&gt; &amp; more",
      "breaks: agents</failure></testcase>",
      '    <testcase classname="cuts" name="another"/>',
      "  </testsuite>",
      '  <testsuite name="pings" tests="2" failures="0" skipped="2">',
      '    <testcase classname="pings" name="another"><skipped message="left out"/></testcase>',
      '    <testcase classname="pings" name="one more"><skipped message="not offered"/></testcase>',
      "  </testsuite>",
      "</testsuites>",
      "",
    ].join("\n"),
  );
});

const KEY = "client-key-of-conformance";

for (const way of OWN_WAYS) {
  test(`${way.name}: the program scores a program, and exits by --min`, async () => {
    const file = join(emptyFolder(), "report.xml");
    // The lab's port is known first: the gateway has to be told of it.
    const probe = new Lab();
    const port = await probe.listen(0, "127.0.0.1");
    await probe.stop();
    const env = {
      FACTORY_BASE_URL: `http://127.0.0.1:${port}`,
      FACTORY_API_KEY: "fk-lab",
      PROXY_API_KEY: KEY,
      KEEP_ALIVE_INTERVAL: "1",
      PORT: "0",
    };
    const server = start(way, { env });
    const url = await server.url;
    const areas = ["stream-grammar", "signatures", "codex"].flatMap((area) => ["--area", area]);
    const words = ["conformance", url, "--lab", "--lab-port", String(port), "--json", "--junit", file, "--min", "100", ...areas];
    const { code, stdout, stderr } = await start(way, { arguments: words, env: { CONFORMANCE_KEY: KEY } }).ended;
    assert.equal(code, 0, stdout + stderr);
    const { score, mode, models, cases } = JSON.parse(stdout) as { score: number; mode: string; models: string[]; cases: Verdict[] };
    assert.deepEqual([score, mode, models.length, cases.filter(({ outcome }) => outcome === "failed")], [100, "lab", MODELS.length, []]);
    assert.match(readFileSync(file, "utf8"), /<testsuite name="codex" tests="9" failures="0"/);
    server.signal("SIGTERM");
    await server.ended;
    const gone = await start(way, { arguments: ["conformance", url, "--model", "glm-5.2", "--area", "shapes"], env: {} }).ended;
    assert.deepEqual([gone.code, gone.stderr.replace(way.hint, "")], [1, `No server is running at ${url}.\n`]);
  });
}

test("a command line that makes no sense is refused with a sentence", async () => {
  const [way] = OWN_WAYS;
  assert.ok(way !== undefined);
  const refused = async (...words: string[]): Promise<unknown> => {
    const { code, stderr } = await start(way, { arguments: ["conformance", ...words] }).ended;
    return [code, stderr.replace(way.hint, "")];
  };
  assert.deepEqual(await refused("localhost"), [2, '"localhost" is not the URL of a server.\n']);
  assert.deepEqual(await refused(gateway.url, "--min", "101"), [2, "--min must be a number from 0 to 100.\n"]);
  assert.deepEqual(await refused(gateway.url, "--header", "nothing"), [2, '--header must be "name: value".\n']);
});
