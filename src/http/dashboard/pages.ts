// Every page with its path, as one table.

import { inspectorPage, openPage } from "./inspector.tsx";
import { nowPage } from "./now.tsx";
import type { PageRow } from "./page.ts";

/** The first that fits a path is shown. */
export const PAGES: readonly PageRow[] = [
  { path: "/", entry: "now", render: nowPage },
  { path: "/requests/open", entry: "requests", render: openPage },
  { path: "/requests/:id", entry: "requests", render: inspectorPage },
];
