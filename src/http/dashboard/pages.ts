// Every page with its path, as one table.

import { nowPage } from "./now.tsx";
import type { PageRow } from "./page.ts";

/** The first that fits a path is shown. */
export const PAGES: readonly PageRow[] = [{ path: "/", entry: "now", render: nowPage }];
