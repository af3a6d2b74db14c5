// The gateway for a launched agent: the one on the configured port if it is a demo or accepts one of our keys, otherwise one of its own in
// this process, on a free port, for as long as the agent runs.

import process from "node:process";
import type { Store } from "../access/store.ts";
import { MemoryStore } from "../access/stores/memory.ts";
import { runtime } from "../runtime/runtime.ts";
import { CommandError, type Context } from "./command.ts";
import { after, composed } from "./composition.ts";
import { dataFolder } from "./data-folder.ts";
import { missingEnvFile } from "./environment.ts";
import { checkCollectorHost, checkGatewayHost, checkKeyHosts } from "./folder-trust.ts";
import { DEMO_KEY, gatewayUrl, isDemoAt, isGateway, needsFactoryKey } from "./gateway-probe.ts";
import { makeLaunchKey, type LaunchKey, type LaunchKeyOptions } from "./launch-key.ts";
import { OTHER_ENV, OTHER_STORE, statusWith } from "./store-check.ts";

export interface OpenLaunch {
  /** Without a trailing slash. */
  readonly url: string;
  readonly key: LaunchKey;
  /** In this process, in another one, or the demo of another process, with scripted answers. */
  readonly kind: "own" | "running" | "demo";
  /** Null: the gateway's store is in its memory. */
  readonly store: Store | null;
  /** Unix time in milliseconds: earlier usage is not the agent's. */
  readonly sinceMs: number;
  /** Stops the gateway if it is the agent's own, once its usage is in the store, and removes the key. */
  readonly close: () => Promise<void>;
}

export interface LaunchOptions extends LaunchKeyOptions {
  /** The file that --env-file names; null: none. */
  readonly envFile: string | null;
}

interface OwnGateway {
  readonly url: string;
  readonly drain: () => Promise<void>;
}

/** How long calls may go on after the agent has ended. */
const DRAIN_MS = 2000;

/** @throws CommandError, ConfigError, StoreError */
export async function openLaunch(context: Context, options: LaunchOptions): Promise<OpenLaunch> {
  const config = context.config();
  const isShared = config.databaseUrl !== "memory:";
  await checkGatewayHost(context);
  const url = gatewayUrl(config);
  const running = url !== null && (await isGateway(url)) ? url : null;
  const isDemo = running !== null && (await isDemoAt(running));
  if (isDemo && options.key === null) return onDemo(running, context.now());
  let obstacle: string | null = null;
  if (isDemo) obstacle = `it is a demo and has no key named ${options.key}`;
  else if (running !== null && !isShared) obstacle = "DATABASE_URL is memory:, so launch can't make a key for it";
  else if (running !== null && (await needsFactoryKey(running))) obstacle = "it has no Factory key";
  if (running !== null && obstacle === null) {
    const opened = await joined(running, context, options);
    if (opened !== null) return opened;
  }
  if (running !== null) {
    context.note(`Can't use the server at ${running}: ${obstacle ?? OTHER_STORE}.${obstacle === null ? ` ${OTHER_ENV}` : ""}`);
  }
  if (config.upstreamKey === null) {
    const cant = running === null && url !== null ? `No server is running at ${url}, and launch can't start one` : "Can't start a server";
    throw CommandError.failed(
      `${cant} because FACTORY_API_KEY is not set. Set it to a key (fk-...) from app.factory.ai/settings/api-keys, in the environment or in .env.${missingEnvFile(options.envFile)} To try it without one, run \`factory-proxy demo\` in another terminal. If the demo uses another port, set PORT here to match.`,
    );
  }
  checkKeyHosts(context);
  checkCollectorHost(context);
  return started(context, isShared ? await context.store() : new MemoryStore(), options);
}

/** A running demo: no key is created, so there is nothing to remove. */
function onDemo(url: string, sinceMs: number): OpenLaunch {
  const key = { name: DEMO_KEY, value: DEMO_KEY, revoke: () => Promise.resolve() };
  return { url, key, kind: "demo", store: null, sinceMs, close: key.revoke };
}

/** Null: the gateway does not accept the key. */
async function joined(url: string, context: Context, options: LaunchKeyOptions): Promise<OpenLaunch | null> {
  const store = await context.store();
  const sinceMs = context.now();
  const key = await makeLaunchKey(context, store, options);
  if ((await statusWith(key.value, { url, now: context.now })) !== 200) {
    await key.revoke();
    return null;
  }
  return { url, key, kind: "running", store, sinceMs, close: key.revoke };
}

async function started(context: Context, store: Store, options: LaunchKeyOptions): Promise<OpenLaunch> {
  const sinceMs = context.now();
  const key = await makeLaunchKey(context, store, options);
  try {
    const { url, drain } = ownGateway(context, store);
    const close = (): Promise<void> => drain().then(key.revoke);
    return { url, key, kind: "own", store, sinceMs, close };
  } catch (error) {
    await key.revoke();
    throw error;
  }
}

/** Prints nothing: the terminal is the agent's. */
function ownGateway(context: Context, store: Store): OwnGateway {
  const config = context.config();
  const dataDir = config.dataDir ?? dataFolder({ environment: process.env, platform: process.platform });
  const program = composed(config, { store, dataDir, sink: () => {}, logFormat: "json" });
  const { headTimeoutMs, maxConnections } = config;
  const listening = { host: "127.0.0.1", port: 0, maxFrameBytes: program.maxFrameBytes, headTimeoutMs, maxConnections };
  const server = runtime.listen(listening, program.fetch);
  return {
    url: `http://127.0.0.1:${server.port}`,
    async drain() {
      const drained = program.drain();
      await Promise.race([drained, pause(DRAIN_MS)]);
      program.endCalls();
      await Promise.race([drained, pause(DRAIN_MS)]);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve));
}
