// Connections on Bun: made at once, abandoned when their call ends before they open, and then closed without a word to anybody. Against a Bun that
// the test scripts, and against the real one where that runs the test.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import process from "node:process";
import { after, test } from "node:test";
import { bunConnectTcp, type BunConnect } from "../../src/runtime/bun-sockets.ts";
import type { TcpAddress, TcpEvents } from "../../src/runtime/ports.ts";
import { aliveBytes } from "../support/alive.ts";
import { startDeafHost } from "../support/deaf-host.ts";
import { until } from "../support/gateway.ts";

type Options = Parameters<BunConnect["connect"]>[0];

const ADDRESS: TcpAddress = { host: "127.0.0.1", port: 1, isSecure: false };
const REFUSED = new Error("refused");
/** What Bun tells with an event. */
const DETAILS: Readonly<Record<string, readonly unknown[]>> = { handshake: [false, REFUSED], error: [REFUSED], connectError: [REFUSED] };

/** A connection that the program has asked Bun for. */
class Asked {
  readonly options: Options;
  readonly #connecting = Promise.withResolvers<unknown>();
  readonly connecting = this.#connecting.promise;
  isTerminated = false;

  constructor(options: Options) {
    this.options = options;
  }

  /** Bun calls this handler, if there is one. */
  tell(name: string, details = DETAILS[name] ?? []): void {
    const handler = this.options.socket[name];
    if (typeof handler !== "function") return;
    const socket = {
      data: this.options.data,
      write: () => 0,
      pause() {},
      resume() {},
      ref() {},
      unref() {},
      terminate: () => {
        if (this.isTerminated) return;
        this.isTerminated = true;
        // As Bun 1.4 does, before `terminate` returns.
        this.tell("handshake");
        this.tell("close");
      },
    };
    handler(socket, ...(details as never[]));
  }

  open(): void {
    this.tell("open");
    this.#connecting.resolve(this);
  }

  fail(): void {
    this.tell("connectError");
    this.#connecting.reject(REFUSED);
  }
}

interface Scripted {
  readonly asked: Asked[];
  /** Connects, and writes down what the receiver hears. */
  readonly connect: (
    address?: Partial<TcpAddress>,
    events?: Partial<TcpEvents>,
  ) => { readonly heard: string[]; readonly giveUp: () => void };
}

function scripted(): Scripted {
  const asked: Asked[] = [];
  const connectTcp = bunConnectTcp({
    connect(options) {
      const one = new Asked(options);
      asked.push(one);
      return one.connecting;
    },
  });
  return {
    asked,
    connect(address, events) {
      const heard: string[] = [];
      const giveUp = connectTcp(
        { ...ADDRESS, ...address },
        {
          opened: () => void heard.push("opened"),
          ready: () => void heard.push("ready"),
          received: () => void heard.push("received"),
          drained: () => void heard.push("drained"),
          closed: (error) => void heard.push(`closed: ${error?.message ?? "properly"}`),
          ...events,
        },
      );
      return { heard, giveUp };
    },
  };
}

/** What was promised by now has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** A host that counts the connections that it takes. */
interface Host {
  readonly port: number;
  readonly taken: () => number;
}

async function startHost(): Promise<Host> {
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    socket.on("error", () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  return { port: (server.address() as AddressInfo).port, taken: () => taken };
}

for (const isSecure of [false, true]) {
  const over = isSecure ? "over TLS" : "plain";

  test(`${over}: a connection is made at once, and its receiver hears of it`, () => {
    const { asked, connect } = scripted();
    const { heard } = connect({ isSecure });
    assert.equal(asked.length, 1);
    asked[0]?.open();
    if (isSecure) asked[0]?.tell("handshake", [true, null]);
    for (const name of ["data", "drain", "close"]) asked[0]?.tell(name);
    assert.deepEqual(heard, ["opened", "ready", "received", "drained", "closed: properly"]);
  });

  test(`${over}: a connection that was given up is closed when it opens and forgotten when it fails; nobody hears of it`, async () => {
    for (const comes of ["open", "fail"] as const) {
      const { asked, connect } = scripted();
      const { heard, giveUp } = connect({ isSecure });
      giveUp();
      giveUp();
      asked[0]?.[comes]();
      assert.equal(asked[0]?.isTerminated, comes === "open");
      for (const name of ["handshake", "data", "drain", "error", "connectError", "close"]) asked[0]?.tell(name);
      await settled();
      assert.deepEqual(heard, []);
      // The next one is not held up by it.
      connect({ isSecure });
      assert.equal(asked.length, 2);
    }
  });

  test(`${over}: a receiver hears of the end once, and of nothing after it`, async () => {
    const opened = isSecure ? ["opened"] : ["opened", "ready"];
    for (const [told, expected] of [
      [["connectError", "close"], ["closed: refused"]],
      [
        ["open", "error"],
        [...opened, "closed: refused"],
      ],
      [
        ["open", "close", "drain", "error"],
        [...opened, "closed: properly"],
      ],
      ...(isSecure
        ? [
            [
              ["open", "handshake", "data"],
              ["opened", "closed: refused"],
            ],
          ]
        : []),
    ] as const) {
      const { asked, connect } = scripted();
      const { heard, giveUp } = connect({ isSecure });
      for (const name of told) asked[0]?.tell(name);
      giveUp();
      await settled();
      assert.deepEqual(heard, expected);
      connect({ isSecure });
      assert.equal(asked.length, 2);
    }
  });
}

test("over TLS a host is asked for by its name, without the dot that may stand behind it, and never by an IP address", () => {
  const { asked, connect } = scripted();
  for (const host of ["localhost", "localhost.", "127.0.0.1", "::1"]) connect({ host, isSecure: true });
  assert.deepEqual(
    asked.map(({ options }) => options.tls?.serverName),
    ["localhost", "localhost", "", ""],
  );
});

test("a receiver that closes the connection when it opens hears that it is closed, and not that it is ready", () => {
  const { asked, connect } = scripted();
  const { heard } = connect({}, { opened: (socket) => socket.terminate() });
  asked[0]?.open();
  assert.deepEqual(heard, ["closed: properly"]);
});

test("while connections that were given up have neither opened nor failed, their host is dialled before the next one", async () => {
  const [host, other] = [await startHost(), await startHost()];
  const { port } = host;
  const { asked, connect } = scripted();
  for (const { giveUp } of [connect({ port }), connect({ port })]) giveUp();
  connect({ port: other.port });
  assert.equal(asked.length, 3);
  asked[0]?.open();
  await settled();
  const third = connect({ port });
  assert.equal(asked.length, 3);
  await until(() => asked.length === 4, "the connection behind the dial");
  await until(() => host.taken() === 1, "the dial");
  asked[3]?.open();
  assert.deepEqual(third.heard, ["opened", "ready"]);
  asked[1]?.fail();
  await settled();
  connect({ port });
  assert.equal(asked.length, 5);
  assert.deepEqual([host.taken(), other.taken()], [1, 0]);
});

test("a dial that is given up is followed by no connection; a connection that is given up behind its dial is closed when it opens", async () => {
  const { port } = await startHost();
  const { asked, connect } = scripted();
  connect({ port }).giveUp();
  const dialled = connect({ port });
  dialled.giveUp();
  const behind = connect({ port });
  await until(() => asked.length === 2, "the connection behind the second dial");
  behind.giveUp();
  asked[1]?.open();
  assert.equal(asked[1]?.isTerminated, true);
  await settled();
  assert.deepEqual([asked.length, dialled.heard, behind.heard], [2, [], []]);
});

test("a connection that was given up holds nothing of its call", async () => {
  const { asked, connect } = scripted();
  const begin = (length: number): void => {
    const body = String(asked.length).repeat(length);
    connect({ port: asked.length + 1 }, { ready: () => void assert.fail(body) }).giveUp();
  };
  begin(1);
  await settled();
  const earlier = aliveBytes();
  begin(4_000_000);
  await settled();
  const held = aliveBytes() - earlier;
  assert.ok(held < 1_000_000, `${held} bytes`);
  assert.equal(asked.length, 2);
});

const BUN_ON_LINUX =
  process.versions["bun"] !== undefined && process.platform === "linux"
    ? {}
    : { skip: "Bun's own connections, to a host that is made to take none the Linux way" };

/** The sockets of this process, each by a name of its own. */
function openSockets(): string[] {
  return readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        // Closed by now, as the one that has listed them.
        return "";
      }
    })
    .filter((name) => name.startsWith("socket:"));
}

for (const isSecure of [false, true]) {
  test(
    `connections that were given up leave no socket behind when their host opens late, ${isSecure ? "over TLS" : "plain"}`,
    BUN_ON_LINUX,
    async () => {
      const host = await startDeafHost();
      after(() => host.stop());
      await host.deafen();
      const connectTcp = bunConnectTcp((globalThis as unknown as { readonly Bun: BunConnect }).Bun);
      const heard: string[] = [];
      const hears = (event: string) => (): void => void heard.push(event);
      const events = {
        opened: hears("opened"),
        ready: hears("ready"),
        received: hears("received"),
        drained: hears("drained"),
        closed: hears("closed"),
      };
      const before = openSockets();
      const sockets = (): number => openSockets().filter((name) => !before.includes(name)).length;
      const address = { host: "127.0.0.1", port: Number(new URL(host.url).port), isSecure };
      const givenUp = Array.from({ length: 20 }, () => connectTcp(address, events));
      await until(() => host.knocks().length === 20, "the host to be asked for connections");
      for (const giveUp of givenUp) giveUp();
      assert.deepEqual([sockets(), host.knocks().length], [20, 20]);
      host.listenAgain();
      await until(() => sockets() === 0, "the sockets to be closed");
      assert.deepEqual(heard, []);
    },
  );
}
