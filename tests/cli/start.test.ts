// What the program makes of its surroundings when it starts, every way: hosts that are none, environment files as editors write them,
// names that are nearly right, certificates.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { join } from "node:path";
import { after, test } from "node:test";
import { until } from "../support/gateway.ts";
import { BUN, build, cleanUp, emptyFolder, OWN_WAYS, start } from "../support/program.ts";

const KEYS = { FACTORY_API_KEY: "fk-a-fake-key-of-factory", PROXY_API_KEY: "ck-a-fake-key", PORT: "0" };
const OPENSSL = "/usr/bin/openssl";
const MKFIFO = "/usr/bin/mkfifo";
const ANSWER = {
  type: "message",
  id: "msg_1",
  role: "assistant",
  model: "claude-haiku-4-5-20251001",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 1, output_tokens: 1 },
};

await build();
after(cleanUp);

for (const way of OWN_WAYS) {
  test(`${way.name}: a host that is none is said in one line, and ends it with 2`, async () => {
    for (const host of ["nohost.invalid", "192.0.2.7"]) {
      const { code, stdout, stderr } = await start(way, { env: { ...KEYS, HOST: host } }).ended;
      const line = `factory-proxy can't listen on ${host}:0: HOST must be an address or hostname of this machine.\n`;
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: "", stderr: way.hint + line });
    }
  });

  test(`${way.name}: a stray argument is named by its place and its text, and commands no terminal`, async () => {
    const { code, stderr } = await start(way, { env: KEYS, arguments: ["--port=0", "a\u202eb"] }).ended;
    assert.equal(code, 2);
    assert.match(stderr, /^Argument 2 \("a\\u202eb"\) is not an option\. /m);
  });

  test(`${way.name}: reads .env in UTF-16, warns of names that are nearly right, and takes no line without =`, async () => {
    const cwd = emptyFolder();
    const text = Object.entries(KEYS).map(([name, value]) => `${name}=${value}\r\n`);
    writeFileSync(join(cwd, "wide.env"), Buffer.from(`\uFEFF${text.join("")}LOG_LVL=debug\r\n`, "utf16le"));
    const program = start(way, { cwd, arguments: ["--env-file", "wide.env"], env: { PORTT: "1" } });
    await program.url;
    await until(() => program.lines().length === 3, "the warnings");
    assert.deepEqual(
      program.lines().map(({ level, event, name, meant }) => [level, event, name, meant]),
      [
        ["info", "listening", undefined, undefined],
        ["warning", "unknown variable", "LOG_LVL", "LOG_LEVEL"],
        ["warning", "unknown variable", "PORTT", "PORT"],
      ],
    );
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
    writeFileSync(join(cwd, "stray.env"), `${text.join("")}FACTORY_BASE_URL https://api.eu.factory.ai\n`);
    const { code, stderr } = await start(way, { cwd, arguments: ["--env-file", "stray.env"] }).ended;
    assert.equal(code, 2);
    assert.match(stderr, /^Line 4 of the environment file has no =\. /m);
  });

  test(
    `${way.name}: says of what is no small file that it can't be read, instead of reading it for ever`,
    { skip: !existsSync(MKFIFO) },
    async () => {
      const cwd = emptyFolder();
      execFileSync(MKFIFO, [join(cwd, "pipe")]);
      writeFileSync(join(cwd, "huge"), "");
      truncateSync(join(cwd, "huge"), 1024 ** 2 + 1);
      const faults = { pipe: "not a regular file", huge: "larger than 1 MiB", ".": "a folder", "/dev/zero": "not a regular file" };
      for (const [path, fault] of Object.entries(faults)) {
        const { code, stderr } = await start(way, { cwd, env: { ...KEYS, CONFIG_PATH: path }, arguments: ["--env-file", path] }).ended;
        const lines = ["--env-file", "CONFIG_PATH"].map((name) => `${name} ("${path}") must be a readable file (${fault}).\n`);
        assert.deepEqual({ code, stderr }, { code: 2, stderr: `factory-proxy can't start with this configuration:\n${lines.join("")}` });
      }
      const program = start(way, { env: KEYS, arguments: ["--env-file", "/dev/null"] });
      await program.url;
      program.signal("SIGTERM");
      assert.equal((await program.ended).code, 0);
    },
  );

  test(
    `${way.name}: trusts the authority in NODE_EXTRA_CA_CERTS for the host that it names, and says of others that they are not trusted`,
    { skip: !existsSync(OPENSSL) },
    async () => {
      const { server, port, authority } = await ownAuthority();
      const env = { ...KEYS, RETRIES: "0" };
      const found: unknown[] = [];
      for (const { host = "localhost", ...more } of [
        { NODE_EXTRA_CA_CERTS: authority },
        {},
        { NODE_EXTRA_CA_CERTS: authority, host: "127.0.0.1" },
      ]) {
        const program = start(way, { env: { ...env, FACTORY_BASE_URL: `https://${host}:${port}`, ...more } });
        // Long, so that neither end takes all of it at once.
        const content = "Hello".repeat(600_000);
        const body = JSON.stringify({ model: ANSWER.model, max_tokens: 5, messages: [{ role: "user", content }] });
        const headers = { "x-api-key": KEYS.PROXY_API_KEY, "content-type": "application/json" };
        const response = await fetch(`${await program.url}/v1/messages`, { method: "POST", headers, body });
        const { status } = response;
        const isWhole = (await response.text()).includes(content);
        program.signal("SIGTERM");
        await program.ended;
        const line = program.lines().find(({ event }) => event === "request");
        found.push([status, isWhole, /certificate is not trusted.*NODE_EXTRA_CA_CERTS/.test(String(line?.["message"]))]);
      }
      server.close();
      assert.deepEqual(found, [
        [200, true, false],
        [502, false, true],
        [502, false, true],
      ]);
    },
  );
}

/** Says of each error that a program makes by itself, or has JSON make, where that is. */
const TELLS_ERRORS = `
  const { Error, JSON: { parse } } = globalThis;
  const tell = (error) => process.stderr.write(error.stack + "\\n");
  globalThis.Error = new Proxy(Error, { construct: (kind, words, made) => { const error = Reflect.construct(kind, words, made); tell(error); return error; } });
  JSON.parse = (...words) => { try { return parse(...words); } catch (error) { tell(error); throw error; } };`;

for (const way of OWN_WAYS.filter(({ runtime }) => runtime === BUN.runtime)) {
  test(`${way.name}: makes no error while it starts; each costs more than what it is made for, and the first its source map`, async () => {
    const cwd = emptyFolder();
    writeFileSync(join(cwd, "tells.js"), TELLS_ERRORS);
    const env = { ...KEYS, BUN_OPTIONS: "--preload=./tells.js", DATABASE_URL: "sqlite:", DATA_DIR: join(cwd, "data") };
    const program = start(way, { cwd, env });
    const { status } = await fetch(`${await program.url}/health`);
    program.signal("SIGTERM");
    const { code, stderr } = await program.ended;
    assert.deepEqual({ status, code, stderr }, { status: 200, code: 0, stderr: "" });
  });
}

interface OwnAuthority {
  readonly server: Server;
  readonly port: number;
  /** The file of the authority's certificate. */
  readonly authority: string;
}

/** An upstream with a certificate that a new authority of its own has signed. */
async function ownAuthority(): Promise<OwnAuthority> {
  const cwd = emptyFolder();
  const openssl = (...words: string[]): void => void execFileSync(OPENSSL, words, { cwd, stdio: "ignore" });
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...fresh, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=An authority");
  openssl("req", ...fresh, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(join(cwd, "names"), "subjectAltName=DNS:localhost\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    "names",
    "-out",
    "server.pem",
  );
  const options = { key: readFileSync(join(cwd, "server.key")), cert: readFileSync(join(cwd, "server.pem")) };
  const server = createServer(options, (request, response) => {
    const asked: Uint8Array[] = [];
    request.on("data", (bytes: Uint8Array) => asked.push(bytes));
    request.on("end", () => {
      const text = /Hello(?:Hello)*/.exec(Buffer.concat(asked).toString())?.[0] ?? "";
      response.setHeader("content-type", "application/json").end(JSON.stringify({ ...ANSWER, content: [{ type: "text", text }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : assert.fail();
  return { server, port, authority: join(cwd, "ca.pem") };
}
