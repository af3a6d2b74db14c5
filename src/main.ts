// Where the process begins. Never loads the program before a command needs it, nor before the runtime's limits are lifted, since that may
// start the process anew.

import { run } from "./cli/commands.ts";

/** What `deno serve`, Deno Deploy and a program that imports this one take. */
export default await run(import.meta.main);
