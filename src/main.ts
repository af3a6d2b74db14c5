// Room: main (row 6). Where the process begins.
// In:  nothing.
// Out: a server, or the default export that `deno serve`, Deno Deploy and Bun understand.
// Never does: load the program before the runtime's limits are lifted, since that may start the process anew.

import { liftRuntimeLimits } from "./runtime/runtime.ts";

const isMain = import.meta.main;
if (isMain) await (liftRuntimeLimits() || undefined);
const { program } = await import("./cli/serve.ts");

export default program(isMain);
