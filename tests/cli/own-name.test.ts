// Commands in the program's texts, as whoever started it would type them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asTyped } from "../../src/cli/own-name.ts";

const SOURCE = ["/usr/bin/bun", "/home/ann/factory-proxy/src/main.ts"];
const TEXT =
  "factory-proxy can't listen. See `factory-proxy keys --help`, /data/factory-proxy or factory-proxy --help. It is factory-proxy.";

function typed(name: string): string {
  return TEXT.replace("`factory-proxy keys", `\`${name} keys`).replace("factory-proxy --help", `${name} --help`);
}

test("a program that a script of package.json started names the script, for npm its own", () => {
  const by = (script: string, agent: string): string =>
    asTyped(TEXT, { argv: SOURCE, env: { npm_lifecycle_event: script, npm_config_user_agent: agent } });
  assert.equal(by("start", "bun/1.4.5 npm/? node/v26.3.0"), typed("bun run start"));
  assert.equal(by("dev", "npm/11.19.1 node/v20.20.2"), typed("npm run -s start --"));
  assert.equal(by("test", "npm/11.19.1 node/v20.20.2"), TEXT);
});

test("where Bun's scripts would have an agent work in the source, a launch names the file, which runs anywhere", () => {
  const by = (agent: string): string =>
    asTyped("Try factory-proxy launch claude, factory-proxy launches, and factory-proxy ui.", {
      argv: SOURCE,
      env: { npm_lifecycle_event: "start", npm_config_user_agent: agent },
    });
  assert.equal(by("bun/1.4.5"), "Try bun /home/ann/factory-proxy/src/main.ts launch claude, bun run start launches, and bun run start ui.");
  assert.equal(by("npm/11.19.1"), "Try npm run -s start -- launch claude, npm run -s start -- launches, and npm run -s start -- ui.");
});

test("an executable has its name, whoever started it", () => {
  const env = { npm_lifecycle_event: "start", npm_config_user_agent: "npm/11.19.1" };
  assert.equal(asTyped(TEXT, { argv: ["bun", "/$bunfs/root/factory-proxy"], env }), TEXT);
  assert.equal(asTyped(TEXT, { argv: SOURCE, env: {} }), TEXT);
});
