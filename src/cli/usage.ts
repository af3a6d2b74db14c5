// Reports who used what. Each report stands in a file of its own.

import type { Command } from "./command.ts";
import { BLOCKS } from "./usage-blocks.ts";
import { REPORT_COMMANDS, TODAY } from "./usage-reports.ts";
import { SHOW, TAIL } from "./usage-rows.ts";
import { STATUSLINE } from "./usage-statusline.ts";

export const USAGE: readonly Command[] = [TODAY, ...REPORT_COMMANDS, BLOCKS, TAIL, SHOW, STATUSLINE];
