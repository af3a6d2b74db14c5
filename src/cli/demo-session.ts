// A gateway in front of a script that stands in for Factory, until it is told to stop.
// Never reads `.env` or the model file, keeps nothing, and never calls another machine.

import process from "node:process";
import { UI as DASHBOARD } from "../http/admin/routes.ts";
import { MemoryStore } from "../access/stores/memory.ts";
import { readConfig, type Config } from "../config/config.ts";
import { VARIABLES } from "../config/variables.ts";
import { Models } from "../models/models.ts";
import { nameFaults } from "../models/name-faults.ts";
import type { Program } from "../program.ts";
import type { ListenOptions, Server } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { Redactor } from "../telemetry/redaction.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { after, composed } from "./composition.ts";
import { DemoUpstream } from "./demo-upstream.ts";
import { codeOf } from "./environment.ts";
import { DEMO_ADMIN_KEY, DEMO_KEY } from "./gateway-probe.ts";

/** How long running answers may go on after a signal to stop. */
const DRAIN_MS = 2000;
const HOST = "127.0.0.1";

export async function demo(input: Input, context: Context): Promise<void> {
  const port = input.text("port");
  const asked = configure(process.env["PORT"] ?? "", CLOSED, port === null ? [] : ["--port", port]);
  const upstream = listen({ ...listening(asked), port: 0 }, new DemoUpstream({ after, models: new Models(asked) }).fetch);
  const config = configure(String(asked.port), `http://${HOST}:${upstream.port}`);
  const store = new MemoryStore();
  const program: Program = composed(config, { store, dataDir: null, sink: context.note, logFormat: "text", isDemo: true });
  const gateway = listen(listening(config), program.fetch);
  const url = `http://${HOST}:${gateway.port}`;
  const dashboard = url + (program.signInPath() ?? DASHBOARD);
  context.show({ url, key: DEMO_KEY, dashboard, adminKey: config.adminKey }, () => welcome({ url, dashboard, adminKey: config.adminKey }));
  await stopSignal();
  const drained = program.drain();
  await Promise.race([drained, pause(DRAIN_MS)]);
  program.endCalls();
  await Promise.race([drained, pause(DRAIN_MS)]);
}

/** Null until the script listens. */
const CLOSED = `http://${HOST}:2`;

/** @throws ConfigError */
function configure(port: string, upstreamUrl: string, words: readonly string[] = []): Config {
  return readConfig({
    environment: {
      PORT: port,
      FACTORY_BASE_URL: upstreamUrl,
      FACTORY_API_KEY: "fk-demo",
      PROXY_API_KEY: DEMO_KEY,
      DATABASE_URL: "memory:",
      QUOTA_INTERVAL: "0",
      ADMIN_KEY: process.env["ADMIN_KEY"] || DEMO_ADMIN_KEY,
    },
    arguments: words,
    file: () => null,
    redactor: new Redactor([]),
    nameFaults,
  });
}

function listening({ port, headTimeoutMs, maxConnections, maxBodyBytes }: Config): ListenOptions {
  return { host: HOST, port, maxFrameBytes: 2 * maxBodyBytes, headTimeoutMs, maxConnections };
}

/** @throws CommandError */
function listen(options: ListenOptions, fetch: Program["fetch"]): Server {
  try {
    return runtime.listen(options, fetch);
  } catch (error) {
    const reason = codeOf(error) === "EADDRINUSE" ? "the port is in use. Choose another with --port." : String(error);
    throw CommandError.failed(`factory-proxy can't listen on ${HOST}:${options.port}: ${reason}`);
  }
}

interface Welcome {
  readonly url: string;
  /** The path with which a browser signs in, once. */
  readonly dashboard: string;
  readonly adminKey: string | null;
}

function welcome({ url, dashboard, adminKey }: Welcome): string {
  const { port } = new URL(url);
  return [
    `The demo is listening on ${url}. The client key is ${DEMO_KEY}.`,
    "No Factory key is needed and nothing leaves this machine: a script stands in for Factory and echoes each question. It calls a tool only",
    "when the request requires one. Demo keys and usage are shown on its dashboard and are discarded when it stops. The `keys` and `usage`",
    "commands do not show demo data.",
    "",
    "Try it from another terminal:",
    "",
    `  curl ${url}/v1/chat/completions -H "Authorization: Bearer ${DEMO_KEY}" -d '{"model":"claude-sonnet-5","messages":[{"role":"user","content":"Hello"}]}'`,
    `  ${port === VARIABLES.PORT.default ? "" : `PORT=${port} `}factory-proxy launch claude --model glm-5.2`,
    `  ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=${DEMO_KEY} claude --model glm-5.2`,
    `  OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${DEMO_KEY} node app.js`,
    "",
    `Dashboard (the link works once, within 10 minutes): ${dashboard}`,
    `  Later, sign in at ${url}${DASHBOARD} with the key ${adminKey === DEMO_ADMIN_KEY ? adminKey : "in ADMIN_KEY"}.`,
    "",
    "Press Ctrl-C to stop.",
  ].join("\n");
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve));
}
