// `bun run agents:setup [ID ...]`: writes the real agents' settings files with the setup command, into home folders that hold a person's
// own settings, and has each agent run one tool task by them alone, behind a scripted upstream. Then the undo; prints a table.
// Does not run in the suite (it needs the network to install), or call a model.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { KEY_VARIABLE, PROVIDER, type Agent } from "../../src/cli/agents/agent.ts";
import { AGENTS } from "../../src/cli/agents/agents.ts";
import { FACTORY_KEY, startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";
import { install, print, run, type Ran } from "./packages.ts";
import { conversation } from "./upstream.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const RUN_LIMIT_MS = 120_000;
const SHOWN_CHARACTERS = 1500;
const TASK = "Write the file proof.txt with your shell, then say that you are done.";

interface Trial {
  readonly words: readonly string[];
  /** Nothing that points it anywhere. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What a person has in the file that setup edits: path below the home folder, text. */
  readonly files: Readonly<Record<string, string>>;
}

const TRIALS: Readonly<Record<string, Trial>> = {
  claude: {
    words: ["-p", TASK, "--output-format", "stream-json", "--verbose", "--allowedTools", "Bash"],
    files: {
      ".claude/settings.json":
        '{\n  "env": {"DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1"},\n  "permissions": { "deny": [] }\n}',
    },
  },
  codex: {
    words: ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", TASK],
    files: {
      ".codex/config.toml":
        '# mine\nmodel = "gpt-5.4" # for now\r\n\n[features]\nplugins = false # none\napps = false\n\n[model_providers.other]\nname="other"\nbase_url = "http://127.0.0.1:1/v1"\n\n[analytics]\nenabled = false',
    },
  },
  gemini: {
    words: ["-p", TASK, "--yolo", "-o", "json", "--skip-trust"],
    files: {
      ".gemini/settings.json":
        '{\n  // mine\n  "privacy": { "usageStatisticsEnabled": false }, // no\n  "general": { "enableAutoUpdate": false, "disableAutoUpdate": true, "disableUpdateNag": true }\n}\n',
      ".gemini/.env": "# mine\nMINE=1",
    },
  },
  opencode: {
    words: ["run", "--format", "json", TASK],
    environment: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
    files: {
      ".config/opencode/opencode.json":
        '{\n\t// mine\n\t"autoupdate": false,\n\t"share": "disabled", /* no */\n\t"permission": "allow",\n}',
    },
  },
  qwen: {
    words: ["-p", TASK, "--yolo", "-o", "json"],
    files: {
      ".qwen/settings.json":
        '{\n  // mine\n  "privacy": { "usageStatisticsEnabled": false },\n  "general": { "enableAutoUpdate": false }\n}',
    },
  },
  droid: {
    words: ["exec", "--skip-permissions-unsafe", TASK],
    environment: { FACTORY_AIRGAP_ENABLED: "1" },
    files: {
      ".factory/settings.json":
        '{\n  // mine\n  "customModels": [\n    { "model": "mine", "displayName": "Mine", "baseUrl": "http://127.0.0.1:1", "apiKey": "x", "provider": "openai" }\n  ]\n}',
    },
  },
  pi: {
    words: ["--no-session", "-p", TASK],
    environment: { PI_OFFLINE: "1" },
    files: {
      ".pi/agent/models.json":
        '{\n  "providers": { "mine": { "baseUrl": "http://127.0.0.1:1/v1", "api": "openai-completions", "apiKey": "x", "models": [ { "id": "m" } ] } }\n}',
    },
  },
  cline: {
    words: ["--json", "-t", "60", TASK],
    environment: { CLINE_SESSION_BACKEND_MODE: "local", CLINE_NO_AUTO_UPDATE: "1" },
    files: { ".cline/data/settings/providers.json": '{\n  "version": 1,\n  "providers": {}\n}' },
  },
};
const MODELS: readonly (string | null)[] = [null, "claude-sonnet-5", "gpt-5.5", "glm-5"];

const asked = process.argv.slice(2);
const rows: string[] = [];
let hasFailed = false;
for (const agent of AGENTS) {
  const trial = TRIALS[agent.id];
  if (trial === undefined || (asked.length > 0 && !asked.includes(agent.id))) continue;
  const program = await install(agent);
  const results: string[] = [];
  for (const model of MODELS) {
    const { fault, undo } = await tried(agent, { trial, program, model });
    hasFailed ||= fault !== null;
    results.push(`${fault === null ? "ok" : "fails"}, ${undo}`);
    print(`${agent.title}, ${model ?? "without --model"}: ${fault ?? "ok"}; undo: ${undo}`);
  }
  rows.push(`| ${agent.title} | ${agent.version} | ${results.join(" | ")} |`);
}
print(
  `\n| Agent | Version | ${MODELS.map((model) => model ?? "no --model").join(" | ")} |\n| --- | --- |${" --- |".repeat(MODELS.length)}\n${rows.join("\n")}`,
);
process.exitCode = hasFailed ? 1 : 0;

interface TrialOptions {
  readonly trial: Trial;
  readonly program: string;
  readonly model: string | null;
}

interface Outcome {
  readonly fault: string | null;
  /** `exact`, `ours gone`, or what is wrong. */
  readonly undo: string;
}

async function tried({ id }: Agent, { trial, program, model }: TrialOptions): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), "agent-home-"));
  const folder = join(home, "project");
  const proof = join(folder, "proof.txt");
  const word = `ran-${crypto.randomUUID().slice(0, 8)}`;
  const text = `All done, ${word} is written.`;
  mkdirSync(folder);
  const upstream = await startUpstream({ key: FACTORY_KEY, converse: conversation({ command: `echo ${word} > proof.txt`, proof, text }) });
  const gateway = await startGateway({ upstream });
  const homes = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    [KEY_VARIABLE]: gateway.key,
  };
  const setup = (...words: readonly string[]): Promise<Ran> =>
    run([process.execPath, MAIN, "setup", id, ...words], { folder, limitMs: RUN_LIMIT_MS, environment: homes });
  try {
    for (const [path, content] of Object.entries(trial.files)) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), content);
    }
    const set = await setup("--write", "--yes", "--url", gateway.url, ...(model === null ? [] : ["--model", model]));
    if (set.code !== 0) return { fault: set.printed, undo: "-" };
    const { code, printed } = await run([program, ...trial.words], {
      folder,
      limitMs: RUN_LIMIT_MS,
      environment: { ...homes, ...trial.environment },
    });
    const hasRun = existsSync(proof) && readFileSync(proof, "utf8").trim() === word;
    const undone = await setup("--undo");
    const undo = undone.code === 0 ? undoOf(home, { trial, url: gateway.url }) : undone.printed;
    const calls = gateway.lines
      .filter(({ event }) => event === "request")
      .map((line) => `${String(line["path"])} ${String(line["model"])} ${String(line["status"])}`);
    if (code === 0 && hasRun && printed.includes(text)) return { fault: null, undo };
    return {
      fault: `exit ${code}, the tool ${hasRun ? "ran" : "did not run"}\n  ${calls.join("\n  ")}\n${printed.slice(-SHOWN_CHARACTERS)}\n`,
      undo,
    };
  } finally {
    await gateway.stop();
    await upstream.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Whether the files are what they were; where the agent has written into its own file, whether anything of ours is left. */
function undoOf(home: string, { trial, url }: { readonly trial: Trial; readonly url: string }): string {
  const changed = Object.entries(trial.files).flatMap(([path, before]) => {
    const now = readFileSync(join(home, path), "utf8");
    return now === before ? [] : [now];
  });
  if (changed.length === 0) return "exact";
  return changed.some((text) => [url, PROVIDER, KEY_VARIABLE].some((ours) => text.includes(ours))) ? "not undone" : "ours gone";
}
