// Stands in for an agent that is launched: prints as JSON what it was given, calls the server once if it is told to, and ends as it is told.
// Never looks further than its own words, its environment and the folder of its run.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

const words = process.argv.slice(2);
const environment = process.env;
const given = JSON.stringify([words, environment]);
const files = filesOf(/"([^"=]*factory-proxy-launch-[^"/\\]+)/.exec(given.replaceAll("\\\\", "/"))?.[1] ?? null);

process.on("SIGTERM", () => process.exit(9));
if (environment["FAKE_CALL"] !== undefined) await call();
process.stdout.write(`${JSON.stringify({ words, environment, files })}\n`);
if (environment["FAKE_WAIT"] !== undefined) await new Promise((resolve) => setTimeout(resolve, 30_000));
if (environment["FAKE_KILL"] !== undefined) process.kill(process.pid, "SIGKILL");
process.exit(Number(environment["FAKE_EXIT"] ?? 0));

function filesOf(folder: string | null): Record<string, string> {
  if (folder === null) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const pathOf = (entry: (typeof entries)[number]): string => `${entry.parentPath}/${entry.name}`;
  return Object.fromEntries(entries.map((entry) => [pathOf(entry).slice(folder.length + 1), readFileSync(pathOf(entry), "utf8")]));
}

/** Whatever protocol the agent would speak. */
async function call(): Promise<void> {
  const all = JSON.stringify([words, environment, files]);
  const [url = ""] = /http:\/\/127\.0\.0\.1:\d+/.exec(all) ?? [];
  const [key = ""] = /fp-[0-9A-Za-z]{32}|demo-key/.exec(all) ?? [];
  const body = JSON.stringify({ model: "glm-5.2", messages: [{ role: "user", content: "Hello." }] });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(await response.text());
  environment["FAKE_ANSWER"] = await response.text();
}
