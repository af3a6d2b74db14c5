// What `bun run test` says at its end about the tests that failed, from what the two runners print.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresIn } from "./failures.ts";

const BUN = `bun test v1.4.5

tests/a.test.ts:
(pass) good [1.60ms]
AssertionError: Expected values to be strictly deep-equal:
+ actual - expected

+   a: 1,
-   a: 2,
      at node:test:1445:26
(fail) bad [once] [2.32ms]
(fail) slow [1000.97ms]
  ^ this test timed out after 1000ms, before its done callback was called.

::group::tests/b.test.ts:
printed by a test
(pass) fine

# Unhandled error between tests
-------------------------------
1 | import { test } from "node:test";
2 | throw new Error("at load");
              ^
error: at load
-------------------------------

2 tests failed:
(fail) bad [once] [2.32ms]
(fail) slow [1000.97ms]
  ^ this test timed out after 1000ms, before its done callback was called.

 2 pass
 2 fail
 1 error
`;

const DENO = `running 3 tests from ./tests/a.test.ts
good ... ok (1ms)
bad => twice ... FAILED (5ms)

 ERRORS 

bad => twice => ./tests/a.test.ts:4:1
error: AssertionError: Expected values to be strictly equal:

1 !== 2

    at file:///tests/a.test.ts:4:41

./tests/b.test.ts (uncaught error)
error: (in promise) Error: at load

 FAILURES 

bad => twice => ./tests/a.test.ts:4:1
./tests/b.test.ts (uncaught error)

FAILED | 1 passed | 2 failed (3s)

error: Test failed
`;

test("Bun's failed tests are named with their files and errors, and so is an error that no test can be blamed for", () => {
  assert.deepEqual(failuresIn("bun", BUN), [
    {
      test: "bad [once]",
      file: "tests/a.test.ts",
      error: [
        "AssertionError: Expected values to be strictly deep-equal:",
        "+ actual - expected",
        "+   a: 1,",
        "-   a: 2,",
        "      at node:test:1445:26",
      ],
    },
    { test: "slow", file: "tests/a.test.ts", error: ["^ this test timed out after 1000ms, before its done callback was called."] },
    {
      test: "an error between tests",
      file: "tests/b.test.ts",
      error: ['2 | throw new Error("at load");', "              ^", "error: at load"],
    },
  ]);
});

test("Deno's failed tests are named with their files and errors", () => {
  assert.deepEqual(failuresIn("deno", DENO), [
    {
      test: "bad => twice",
      file: "tests/a.test.ts",
      error: ["error: AssertionError: Expected values to be strictly equal:", "1 !== 2", "    at file:///tests/a.test.ts:4:41"],
    },
    { test: "./tests/b.test.ts (uncaught error)", file: "", error: ["error: (in promise) Error: at load"] },
  ]);
});

test("an output without a failure has none, and a long error is cut", () => {
  assert.deepEqual(failuresIn("bun", "(pass) good [1ms]\n 1 pass\n"), []);
  assert.deepEqual(failuresIn("deno", "ok | 1 passed | 0 failed (10ms)\n"), []);
  const [long] = failuresIn("bun", `${`${"x".repeat(1000)}\n`.repeat(100)}(fail) long\n`);
  assert.deepEqual(long, { test: "long", file: "", error: Array.from({ length: 15 }, () => "x".repeat(300)) });
});
