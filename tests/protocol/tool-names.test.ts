// Names and ids that fit another protocol's alphabet, and the way back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bareRequest } from "../../src/protocol/exchange.ts";
import { CODECS } from "../../src/protocol/codecs.ts";
import { fileName, fitEndUser, fitId, fitName, hash, NameTable } from "../../src/protocol/tool-names.ts";

const RULE = { unfit: /[^a-zA-Z0-9_-]/, maxLength: 64 };

test("hash: 32-bit FNV-1a in 8 hex digits", () => {
  assert.deepEqual(["", "a", "foobar"].map(hash), ["811c9dc5", "e40c292c", "bf9cf968"]);
});

const NAMES: readonly { readonly what: string; readonly name: string; readonly fitted: string }[] = [
  { what: "a name that fits stays", name: "get_weather-2", fitted: "get_weather-2" },
  { what: "a name of the greatest length stays", name: "n".repeat(64), fitted: "n".repeat(64) },
  { what: "one letter more is shortened", name: "n".repeat(65), fitted: `${"n".repeat(55)}_${hash("n".repeat(65))}` },
  { what: "dots and slashes are replaced", name: "mcp.files/read", fitted: `mcp_files_read_${hash("mcp.files/read")}` },
  { what: "a letter of two UTF-16 units is one letter", name: "a\u{1f600}b", fitted: `a_b_${hash("a\u{1f600}b")}` },
  { what: "a name that is not there gets one", name: "", fitted: `_${hash("")}` },
];

for (const { what, name, fitted } of NAMES) {
  test(`fitName: ${what}`, () => {
    assert.equal(fitName(name, RULE), fitted);
    assert.ok(fitted.length <= 64);
    assert.equal(fitName(fitted, RULE), fitted, "a fitted name fits");
  });
}

test("fitName: names that differ only in what does not fit stay different", () => {
  const fitted = ["a.b", "a/b", "a b", "a_b"].map((name) => fitName(name, RULE));
  assert.equal(new Set(fitted).size, 4);
});

test("NameTable: declared names come back, others pass", () => {
  const names = ["get_weather", "mcp.files/read", "n".repeat(100)];
  const table = new NameTable(names, RULE);
  assert.deepEqual(
    names.map((name) => table.original(table.fit(name))),
    names,
  );
  assert.equal(table.fit("other.name"), fitName("other.name", RULE));
  assert.equal(table.original("never_seen"), "never_seen");
});

test("NameTable: the same name fits the same way in every table, so that turns of a conversation agree", () => {
  assert.equal(new NameTable(["x"], RULE).fit("a.b"), new NameTable(["a.b", "y"], RULE).fit("a.b"));
});

test("fitId: what fits stays, what is too long is hashed as a whole, so that one person has one name", () => {
  const user = `{"session_id":"s-1","account":"${"a".repeat(60)}"}`;
  assert.equal(fitId("ann", 64), "ann");
  assert.match(fitId(user, 64), /^[0-9a-f]{32}$/);
  assert.equal(fitId(user, 64), fitId(user, 64));
  assert.notEqual(fitId(user, 64), fitId(`${user} `, 64));
});

for (const [protocol, { request }] of Object.entries(CODECS)) {
  if (!protocol.startsWith("openai-")) continue;
  test(`${protocol} calls a person by the same name as every other protocol of OpenAI does`, () => {
    const endUser = "u".repeat(80);
    const asked = { ...bareRequest({ model: "gpt-5.5", stream: false }), endUser, cacheKey: endUser };
    const body = JSON.parse(request.encode(asked).body) as Record<string, unknown>;
    assert.deepEqual([body["safety_identifier"], body["prompt_cache_key"]], [fitId(endUser, 64), fitId(endUser, 64)]);
  });
}

test("a file's name tells its type by its ending, where a title does not", () => {
  const names = [
    ["Log book", "application/pdf"],
    ["log.PDF", "application/pdf"],
    [null, "application/pdf"],
    ["Log book", "text/csv"],
    [null, null],
  ] as const;
  assert.deepEqual(
    names.map(([title, mediaType]) => fileName(title, mediaType)),
    ["Log book.pdf", "log.PDF", "document.pdf", "Log book", "document"],
  );
});

const END_USERS: readonly (readonly [name: string, isHashed: boolean])[] = [
  ["joe@example.com", true],
  ["Joe <joe@example.com>", true],
  ["user:joe@host", true],
  ["+14155552671", true],
  ["+1 (415) 555-2671", true],
  ["(415)555-2671", true],
  ["4155552671", true],
  ["tel:+49.30.1234567", true],
  ["user 555 2671", true],
  ["+49\u201130\u20111234567", true],
  ["555\u2013123\u20134567", true],
  ["u".repeat(65), true],
  ["u".repeat(64), false],
  ["user-1", false],
  ["user_123456789", false],
  ["123456", false],
  ["1234567890123456789", false],
  ["550e8400-e29b-41d4-a716-446655440000", false],
  ["00000000-0000-4000-8000-00000000abcd", false],
  ["924234a47ff2de974b9ca5949838953d", false],
  ["", false],
];

for (const [name, isHashed] of END_USERS) {
  test(`fitEndUser: ${name} ${isHashed ? "is hashed" : "stays"}`, () => {
    const fitted = fitEndUser(name, 64);
    assert.equal(fitted, isHashed ? ["", "1", "2", "3"].map((salt) => hash(salt + name)).join("") : name);
    assert.equal(fitEndUser(fitted, 64), fitted, "a hash is hashed no more");
  });
}

test("fitEndUser: every upstream is sent the same for one person, whichever field the client has for it", () => {
  const hashed = fitEndUser("joe@example.com", 64);
  const hi = [{ role: "user", content: "Hi" }];
  const bodies: readonly (readonly [keyof typeof CODECS, object])[] = [
    ["openai-chat", { messages: hi, user: "joe@example.com" }],
    ["openai-chat", { messages: hi, safety_identifier: "joe@example.com" }],
    ["openai-responses", { input: "Hi", user: "joe@example.com" }],
    ["openai-responses", { input: "Hi", safety_identifier: "joe@example.com" }],
    ["anthropic-messages", { messages: hi, max_tokens: 9, metadata: { user_id: "joe@example.com" } }],
  ];
  for (const [from, more] of bodies) {
    const asked = CODECS[from].request.decode({ body: JSON.stringify({ model: "m", ...more }), headers: {}, path: null });
    const sent = (to: keyof typeof CODECS, model: string): Record<string, unknown> =>
      JSON.parse(CODECS[to].request.encode({ ...asked, extensions: [], model }).body) as Record<string, unknown>;
    assert.deepEqual(sent("anthropic-messages", "claude-sonnet-5")["metadata"], { user_id: hashed });
    assert.equal(sent("openai-responses", "gpt-5.5")["safety_identifier"], hashed);
    assert.equal(sent("openai-chat", "gpt-5.5")["safety_identifier"], hashed);
    assert.equal(sent("openai-chat", "glm-5.2")["user"], hashed);
    assert.ok(!CODECS.gemini.request.encode({ ...asked, model: "gemini-2.5-pro" }).body.includes("joe"));
  }
});

test("fitEndUser: Claude takes longer names than OpenAI", () => {
  const [long, longer] = ["u".repeat(256), "u".repeat(257)];
  assert.deepEqual([fitEndUser(long, 256), fitEndUser(long, 64), fitEndUser(longer, 256)], [long, fitId(long, 64), fitId(longer, 64)]);
});
