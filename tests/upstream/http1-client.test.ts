// The HTTP/1.1 client over connections that the test scripts: what is sent when, what is kept, what is closed, and what is never sent twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpAnswer, HttpCall, HttpRequest, ReadWaiter, TcpEvents, TcpSocket } from "../../src/runtime/ports.ts";
import { http1 } from "../../src/upstream/http1/client.ts";
import { UnsentFault } from "../../src/upstream/http1/exchange.ts";
import { HttpFault } from "../../src/upstream/http1/head.ts";
import { aliveBytes } from "../support/alive.ts";

const URL = "http://host.test/path";
const HELLO = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const latin1 = new TextDecoder("latin1");
const utf8 = new TextEncoder();

/** A connection as the runtime would have it. */
class Peer implements TcpSocket {
  readonly events: TcpEvents;
  sent = "";
  /** How many bytes are taken yet; -1: it is closed. */
  room = Infinity;
  isPaused = false;
  isClosed = false;
  isTakenBack = false;
  isReferenced = true;

  constructor(events: TcpEvents) {
    this.events = events;
  }

  open(): this {
    this.events.opened(this);
    if (!this.isClosed) this.events.ready();
    return this;
  }

  write(bytes: Uint8Array): number {
    if (this.room < 0 || this.isClosed) return -1;
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.sent += latin1.decode(taken);
    return taken.length;
  }

  says(text: string): void {
    this.events.received(utf8.encode(text));
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  terminate(): void {
    this.isClosed = true;
    this.events.closed(null);
  }

  ref(): void {
    this.isReferenced = true;
  }

  unref(): void {
    this.isReferenced = false;
  }
}

interface Room {
  readonly peers: Peer[];
  /** Those of them that are open. */
  readonly open: () => Peer[];
  readonly call: (request?: Partial<HttpRequest>, connected?: () => boolean) => HttpCall;
  /** Lets time pass. */
  readonly pass: (ms: number) => void;
}

function room(): Room {
  const peers: Peer[] = [];
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const send = http1({
    connectTcp(_, events) {
      const peer = new Peer(events);
      peers.push(peer);
      return () => void (peer.isTakenBack = true);
    },
    after(ms, run) {
      timers.push({ atMs: nowMs + ms, run });
      return () => {};
    },
    now: () => nowMs,
    otherwise: () => ({ answer: Promise.reject(new Error("otherwise")), cancel: () => Promise.resolve() }),
  });
  return {
    peers,
    open: () => peers.filter(({ isClosed }) => !isClosed),
    call({ url = URL, headers = {}, body = "{}" } = {}, connected = () => true) {
      const call = send({ url, headers, body }, connected);
      call.answer.catch(() => {});
      return call;
    },
    pass(ms) {
      for (const endMs = nowMs + ms; nowMs < endMs;) {
        nowMs += 1000;
        const due = timers.filter(({ atMs }) => atMs <= nowMs);
        timers = timers.filter(({ atMs }) => atMs > nowMs);
        for (const { run } of due) run();
      }
    },
  };
}

async function textOf({ answer }: HttpCall): Promise<string> {
  return new TextDecoder().decode(await (await answer).body.all());
}

/** Longer than a connection rests. */
const REST_MS = 1000;

/** A call that is answered on the latest connection, which may then serve the next. */
async function answered({ call, peers, pass }: Room, text = HELLO): Promise<Peer> {
  const before = peers.length;
  const made = call();
  const peer = peers.length > before ? peers.at(-1)?.open() : peers.findLast(({ isClosed }) => !isClosed);
  assert.ok(peer !== undefined);
  peer.says(text);
  await textOf(made);
  pass(REST_MS);
  return peer;
}

test("a request goes out once its connection is open, and its answer comes with status, headers and body", async () => {
  const { call, peers } = room();
  let connections = 0;
  const made = call({ headers: { "x-a": "b" }, body: "\u00fc" }, () => ++connections > 0);
  const [peer] = peers;
  assert.ok(peer !== undefined);
  assert.equal(connections, 0);
  peer.open();
  assert.equal(connections, 1);
  assert.equal(peer.sent, "POST /path HTTP/1.1\r\nhost: host.test\r\nx-a: b\r\ncontent-length: 2\r\n\r\n\u00c3\u00bc");
  peer.says("HTTP/1.1 404 Not Found\r\nX-B: c\r\ncontent-length: 2\r\n\r\n");
  const { status, headers, body } = await made.answer;
  assert.deepEqual([status, Object.fromEntries(headers)], [404, { "x-b": "c", "content-length": "2" }]);
  const read = body.read();
  peer.says("ok");
  assert.deepEqual(await read, { done: false, value: utf8.encode("ok") });
  assert.deepEqual(await body.read(), { done: true });
});

// ---- Kept connections ------------------------------------------------------------------------------------------------

test("a connection serves one call after the other, and keeps no process from its end meanwhile", async () => {
  const there = room();
  const peer = await answered(there);
  assert.equal(peer.isReferenced, false);
  await answered(there);
  await answered(there, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
  assert.equal(there.peers.length, 1);
  assert.equal(peer.sent.split("POST").length - 1, 3);
});

test("calls at once have a connection each; the one that was used last is used next", async () => {
  const { call, peers, open, pass } = room();
  const calls = [call(), call()];
  for (const peer of peers) peer.open().says(HELLO);
  await Promise.all(calls.map(textOf));
  pass(REST_MS);
  const next = call();
  assert.deepEqual(
    peers.map(({ sent }) => sent.split("POST").length - 1),
    [1, 2],
  );
  peers[1]?.says(HELLO);
  await textOf(next);
  assert.equal(open().length, 2);
});

for (const [what, text] of Object.entries({
  "that the other end closes": "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  "of HTTP/1.0": "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
  "that says more than it was asked for": `${HELLO}HTTP/1.1 200 OK\r\n\r\n`,
  "that is kept for no time": "HTTP/1.1 200 OK\r\nkeep-alive: timeout=0\r\ncontent-length: 0\r\n\r\n",
})) {
  test(`a connection ${what} serves no other call`, async () => {
    const there = room();
    await answered(there, text);
    assert.equal(there.open().length, 0);
    await answered(there);
    assert.equal(there.peers.length, 2);
  });
}

test("a connection rests: a server that closes behind an answer, without a word of it, gets no other request", async () => {
  const there = room();
  const made = there.call();
  there.peers[0]?.open().says(HELLO);
  await textOf(made);
  void there.call().cancel();
  assert.equal(there.peers.length, 2);
  there.peers[0]?.events.closed(null);
  there.pass(REST_MS);
  await answered(there);
  assert.deepEqual([there.peers.length, there.peers[0]?.sent.split("POST").length], [3, 2]);
});

test("a connection that speaks unasked is closed: what it says is nobody's answer", async () => {
  const there = room();
  const peer = await answered(there);
  peer.says(HELLO);
  assert.equal(there.open().length, 0);
  const made = there.call();
  assert.equal(there.peers.length, 2);
  there.peers[1]?.open().says(HELLO);
  assert.equal(await textOf(made), "hello");
});

test("an idle connection is closed after a minute at most, and before the time that its server names", async () => {
  const there = room();
  const peer = await answered(there);
  there.pass(50_000);
  assert.equal(peer.isClosed, false);
  there.pass(10_000);
  assert.equal(peer.isClosed, true);
  const short = await answered(there, "HTTP/1.1 200 OK\r\nkeep-alive: timeout=12, max=7\r\ncontent-length: 0\r\n\r\n");
  there.pass(16_000);
  assert.equal(short.isClosed, true);
});

test("a kept connection that turns out to be closed before a byte went out: the request goes out on another, once", async () => {
  const there = room();
  const peer = await answered(there);
  peer.room = -1;
  let connections = 0;
  const made = there.call({}, () => ++connections > 0);
  peer.terminate();
  assert.equal(there.peers.length, 2);
  there.peers[1]?.open().says(HELLO);
  assert.equal(await textOf(made), "hello");
  assert.deepEqual([connections, there.peers[1]?.sent.split("POST").length], [1, 2]);
});

test("the other, which is new, is the last: where it is closed too, nothing was sent", async () => {
  const there = room();
  const peer = await answered(there);
  peer.room = -1;
  const made = there.call();
  peer.terminate();
  there.peers[1]?.events.closed(new Error("refused"));
  await assert.rejects(made.answer, UnsentFault);
  assert.equal(there.peers.length, 2);
});

test("a kept connection that closes once bytes went out: the request may have been read, and is not sent again", async () => {
  for (const bytes of [1, Infinity]) {
    const there = room();
    const peer = await answered(there);
    peer.room = bytes;
    const made = there.call();
    peer.terminate();
    await assert.rejects(made.answer, (error: unknown) => error instanceof Error && !(error instanceof UnsentFault));
    assert.equal(there.peers.length, 1);
  }
});

test("a connection that does not come about: nothing was sent, and why is said by its code", async () => {
  const { call, peers } = room();
  const made = call();
  peers[0]?.events.closed(Object.assign(new Error("Failed to connect"), { code: "ECONNREFUSED" }));
  await assert.rejects(made.answer, (error: unknown) => error instanceof UnsentFault && error.message.endsWith("ECONNREFUSED"));
});

// ---- Pressure ----------------------------------------------------------------------------------------------------------

test("a long request goes out as the other end takes it", async () => {
  const { call, peers } = room();
  const body = "x".repeat(1_000_000);
  const made = call({ body });
  const [peer] = peers;
  assert.ok(peer !== undefined);
  peer.room = 0;
  peer.open();
  while (peer.sent.length < 1_000_000) {
    peer.room = 70_000;
    peer.events.drained();
  }
  assert.ok(peer.sent.endsWith(`content-length: 1000000\r\n\r\n${body}`));
  peer.events.drained();
  peer.says(HELLO);
  assert.equal(await textOf(made), "hello");
  assert.equal(peer.isClosed, false);
});

test("an answer that comes before all of the request is out is taken, and the connection serves no other", async () => {
  const { call, peers } = room();
  const made = call({ body: "x".repeat(100_000) });
  const [peer] = peers;
  assert.ok(peer !== undefined);
  peer.room = 50_000;
  peer.open().says("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
  assert.equal((await made.answer).status, 413);
  assert.equal(await textOf(made), "no");
  assert.equal(peer.isClosed, true);
});

test("the other end is paused while nobody reads, and goes on when most of what came has been read", async () => {
  const { call, peers } = room();
  const made = call();
  const [peer] = peers;
  assert.ok(peer !== undefined);
  peer.open().says("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n");
  const { body } = await made.answer;
  const piece = "x".repeat(50_000);
  peer.says(piece);
  assert.equal(peer.isPaused, false);
  peer.says(piece);
  assert.equal(peer.isPaused, true);
  peer.says(piece);
  await body.read();
  assert.equal(peer.isPaused, true);
  await body.read();
  assert.equal(peer.isPaused, false);
  await body.read();
  for (let index = 0; index < 3; index++) peer.says(piece);
  assert.deepEqual([peer.isPaused, peer.isClosed], [false, false]);
  assert.equal((await body.all()).length, 150_000);
});

test("of a great deal at once a part goes on in each turn of the event loop, in order, and then the end or the fault", async () => {
  for (const isCut of [false, true]) {
    const there = room();
    const made = there.call();
    const [peer] = there.peers;
    peer?.open().says("HTTP/1.1 200 OK\r\ncontent-length: 300001\r\n\r\n");
    const { body } = await made.answer;
    const told: (number | string)[] = [];
    const waiter: ReadWaiter = {
      came(piece) {
        told.push(piece === undefined ? "end" : piece.length);
        for (let next = piece; next instanceof Uint8Array;) {
          next = body.poll?.(waiter) ?? undefined;
          if (next !== undefined) told.push(next.length);
        }
      },
      broke: (error) => void told.push(String(error)),
    };
    assert.equal(body.poll?.(waiter), null);
    peer?.says("x".repeat(300_000));
    if (isCut) peer?.events.closed(null);
    else peer?.says("y");
    const turns: unknown[] = [];
    for (let turn = 0; turn < 4; turn++) {
      turns.push(told.splice(0));
      there.pass(1000);
    }
    assert.deepEqual(turns, [[], [131_072], [131_072], isCut ? [37_856, "Error: The connection was closed."] : [37_856, 1]]);
  }
});

// ---- Ends --------------------------------------------------------------------------------------------------------------

test("without a length, the answer is complete when the connection closes in order, and not when it breaks", async () => {
  for (const error of [null, new Error("ECONNRESET")]) {
    const { call, peers } = room();
    const made = call();
    peers[0]?.open().says("HTTP/1.1 200 OK\r\n\r\nhel");
    const { body } = await made.answer;
    peers[0]?.says("lo");
    const all = body.all();
    peers[0]?.events.closed(error);
    if (error === null) assert.equal(latin1.decode(await all), "hello");
    else await assert.rejects(all, error);
  }
});

test("an answer that ends before its length, or its last chunk, is not complete; what came is read before", async () => {
  for (const head of ["content-length: 9", "transfer-encoding: chunked"]) {
    const { call, peers } = room();
    const made = call();
    peers[0]?.open().says(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc`);
    peers[0]?.events.closed(null);
    const { body }: HttpAnswer = await made.answer;
    assert.equal((await body.read()).done, false);
    await assert.rejects(body.read(), { message: "The connection was closed." });
  }
});

test("what is no HTTP/1.1 breaks the call and the connection, before and in the body", async () => {
  for (const text of ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"]) {
    const { call, peers } = room();
    const made = call();
    peers[0]?.open().says(text);
    await assert.rejects(made.answer, HttpFault);
    assert.equal(peers[0]?.isClosed, true);
  }
  const { call, peers } = room();
  const made = call();
  peers[0]?.open().says("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  const read = (await made.answer).body.read();
  peers[0]?.says("no size\r\n");
  await assert.rejects(read, HttpFault);
  assert.equal(peers[0]?.isClosed, true);
});

test("interim answers are passed over", async () => {
  const { call, peers } = room();
  const made = call();
  peers[0]?.open().says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early");
  peers[0]?.says(` Hints\r\n\r\n${HELLO}`);
  assert.equal(await textOf(made), "hello");
});

// ---- Cancelling ----------------------------------------------------------------------------------------------------------

test("a call that is cancelled closes its connection at once: before the answer, and in its body", async () => {
  for (const said of ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"]) {
    const { call, peers } = room();
    const made = call();
    peers[0]?.open();
    if (said !== "") peers[0]?.says(said);
    const reading = said === "" ? null : (await made.answer).body;
    await reading?.read();
    const read = reading?.read();
    void made.cancel();
    assert.equal(peers[0]?.isClosed, true);
    if (read === undefined) await assert.rejects(made.answer);
    else assert.deepEqual(await read, { done: true });
    void made.cancel();
  }
});

test("a call that may not go out when it is connected sends nothing, and its connection serves the next", async () => {
  const { call, peers, pass } = room();
  const made = call({}, () => false);
  peers[0]?.open();
  await assert.rejects(made.answer);
  pass(REST_MS);
  await assert.rejects(call({}, () => false).answer);
  pass(REST_MS);
  assert.deepEqual([peers[0]?.sent, peers[0]?.isClosed], ["", false]);
  const next = call();
  peers[0]?.says(HELLO);
  assert.equal(await textOf(next), "hello");
  assert.equal(peers.length, 1);
});

test("a call that is cancelled before is let go at once, its connection is taken back, and closed if it opens all the same", async () => {
  const { call, peers } = room();
  const made = call();
  assert.equal(peers[0]?.isTakenBack, false);
  void made.cancel();
  assert.equal(peers[0]?.isTakenBack, true);
  await assert.rejects(made.answer);
  peers[0]?.open();
  assert.deepEqual([peers[0]?.sent, peers[0]?.isClosed], ["", true]);
});

test("a call that is cancelled once its answer is complete leaves the connection to the next", async () => {
  const there = room();
  const made = there.call();
  there.peers[0]?.open().says(HELLO);
  await made.answer;
  void made.cancel();
  assert.equal(there.peers[0]?.isClosed, false);
  there.pass(REST_MS);
  await answered(there);
  assert.equal(there.peers.length, 1);
});

test("a connection that comes about once its call is cancelled is closed as it opens: no call waits for it or goes over it", async () => {
  const { call, peers, pass } = room();
  for (let index = 0; index < 3; index++) void call().cancel();
  const made = call();
  peers[0]?.events.closed(new Error("refused"));
  for (const peer of peers.slice(1)) peer.open();
  peers[3]?.says(HELLO);
  assert.equal(await textOf(made), "hello");
  pass(REST_MS);
  assert.deepEqual(
    peers.map(({ isClosed, sent }) => [isClosed, sent.split("POST").length - 1]),
    [
      [false, 0],
      [true, 0],
      [true, 0],
      [false, 1],
    ],
  );
  await answered({ ...room(), call, peers });
  assert.equal(peers.length, 4);
});

test("while an answer is under way, nothing of its request is held, nor what was asked before it went out", async () => {
  const { peers, call } = room();
  const begun = async (length: number): Promise<HttpCall> => {
    const body = String(peers.length).repeat(length);
    const made = call({ body }, () => body.length > 0);
    const peer = peers.at(-1)?.open();
    peer?.says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
    await made.answer;
    if (peer !== undefined) peer.sent = "";
    return made;
  };
  await begun(1);
  const earlier = aliveBytes();
  const calls = [await begun(4_000_000), await begun(1)];
  await new Promise((resolve) => setTimeout(resolve, 10));
  const held = aliveBytes() - earlier;
  assert.ok(held < 1_000_000, `${held} bytes`);
  assert.equal(calls.length, 2);
});

test("a body that is polled: what is there comes at once, and whoever waits is told once, of each piece, the end and the fault", async () => {
  for (const fault of [false, true]) {
    const { call, peers } = room();
    const made = call();
    peers[0]?.open().says("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
    const { body } = await made.answer;
    const told: string[] = [];
    const waiter: ReadWaiter = {
      came: (piece) => void told.push(piece === undefined ? "end" : latin1.decode(piece)),
      broke: (error) => void told.push(String(error)),
    };
    const poll = (): string | null | undefined => {
      const piece = body.poll?.(waiter);
      return piece instanceof Uint8Array ? latin1.decode(piece) : piece;
    };
    assert.deepEqual([poll(), poll(), told], ["a", null, []]);
    peers[0]?.says("1\r\nb\r\n1\r\nc\r\n");
    peers[0]?.says("1\r\nd\r\n");
    assert.deepEqual([told, poll(), poll()], [["bc"], "d", null]);
    peers[0]?.says(fault ? "x" : "0\r\n\r\n");
    assert.deepEqual(told.slice(1), [fault ? "Error: a line between two chunks is malformed" : "end"]);
    if (fault) assert.throws(poll, HttpFault);
    else assert.equal(poll(), undefined);
    assert.equal(peers[0]?.isClosed, fault);
  }
});

test("what this client does not do is left to the other", async () => {
  const { call, peers } = room();
  await assert.rejects(call({ url: "http://user:word@host.test/" }).answer, { message: "otherwise" });
  assert.equal(peers.length, 0);
});

test("a connection that fails while it is being asked for is a failure as any other", async () => {
  const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  const send = http1({
    connectTcp(_, events) {
      events.closed(refused);
      return () => {};
    },
    after: () => () => {},
    now: () => 0,
    otherwise: () => assert.fail("not for fetch"),
  });
  const call = send({ url: URL, headers: {}, body: "{}" }, () => assert.fail("no connection"));
  await assert.rejects(call.answer, new UnsentFault("ECONNREFUSED", { cause: refused }));
  await call.cancel();
});
