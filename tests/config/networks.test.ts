import assert from "node:assert/strict";
import { test } from "node:test";
import { isWithin, neighbourhood, parseNetwork } from "../../src/config/networks.ts";

const networks = (...texts: readonly string[]): NonNullable<ReturnType<typeof parseNetwork>>[] =>
  texts.flatMap((text) => parseNetwork(text) ?? []);

test("an address lies in the networks that hold it, however it is written", () => {
  const cases: readonly (readonly [address: string, network: string, isWithin: boolean])[] = [
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["192.168.1.129", "192.168.1.128/25", true],
    ["192.168.1.127", "192.168.1.128/25", false],
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.2", "127.0.0.1", false],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["fd12::1", "0.0.0.0/0", false],
    ["fd12:3456::1", "fd00::/8", true],
    ["fe80::1%eth0", "fe80::/10", true],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1", true],
    ["::1", "::1", true],
    ["127.0.0.1", "::1", false],
    ["localhost", "127.0.0.1", false],
  ];
  assert.deepEqual(
    cases.map(([address, network]) => isWithin(address, networks(network))),
    cases.map(([, , expected]) => expected),
  );
  assert.equal(isWithin("127.0.0.1", []), false);
});

test("what is no network is none", () => {
  const wrong = [
    "",
    "10.0.0.0/33",
    "10.0.0/8",
    "256.1.1.1",
    "::/129",
    ":::",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "10.0.0.1/8/8",
    "a.b.c.d",
    "::1.2.3",
    "*",
  ];
  assert.deepEqual(
    wrong.filter((text) => parseNetwork(text) !== null),
    [],
  );
});

test("neighbours in an IPv6 network count as one, IPv4 addresses each for themselves", () => {
  assert.equal(neighbourhood("2001:db8:1:2:3::4"), neighbourhood("2001:db8:1:2::9"));
  assert.notEqual(neighbourhood("2001:db8:1:2::9"), neighbourhood("2001:db8:1:3::9"));
  assert.equal(neighbourhood("::ffff:192.0.2.1"), neighbourhood("192.0.2.1"));
  assert.notEqual(neighbourhood("192.0.2.1"), neighbourhood("192.0.2.2"));
  assert.equal(neighbourhood("unknown"), "unknown");
});
