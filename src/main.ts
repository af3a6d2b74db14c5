// Where the process begins. Never loads the program before the runtime's limits are lifted, since that may start the process anew.

import { runtime } from "./runtime/runtime.ts";

const isMain = import.meta.main;
if (isMain) await (runtime.liftLimits() || undefined);
const { run } = await import("./cli/commands.ts");

/** What `deno serve`, Deno Deploy and a program that imports this one take. */
export default run(isMain);
