// Read by bunfig.toml before each test file, so that a bare `bun test` waits as long as `bun run test` does: Bun 1.4 takes no limit from
// bunfig.toml, and its own of 5 s is too short for tests that start the program. A `--timeout` on the command line counts for nothing then.

import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(60_000);
