// The entry point of the process. Never loads the program before a command needs it, nor before the runtime's limits are lifted, which may
// restart the process.

import { run } from "./cli/commands.ts";

/** The default export for `deno serve`, Deno Deploy and importing programs. */
export default await run(import.meta.main);
