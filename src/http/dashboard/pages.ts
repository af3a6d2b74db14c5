// Every page with its path, as one table.

import { apiPage } from "./api-page.tsx";
import { healthPage } from "./health.tsx";
import { keyPage } from "./key.tsx";
import { keysPage } from "./keys.tsx";
import { mePage } from "./me.tsx";
import { modelsPage } from "./models.tsx";
import { inspectorPage, openPage } from "./inspector.tsx";
import { nowPage } from "./now.tsx";
import type { PageRow } from "./page.ts";
import { quotaPage } from "./quota.tsx";
import { requestsPage } from "./requests.tsx";
import { usageCsv, usagePage } from "./usage.tsx";
import { playgroundPage } from "./playground.tsx";

/** The first that fits a path is shown. */
export const PAGES: readonly PageRow[] = [
  { path: "/", entry: "now", render: nowPage },
  { path: "/requests", entry: "requests", render: requestsPage },
  { path: "/usage", entry: "usage", render: usagePage },
  { path: "/usage.csv", entry: "usage", render: usageCsv },
  { path: "/quota", entry: "quota", render: quotaPage },
  { path: "/keys", entry: "keys", render: keysPage },
  { path: "/keys/:id", entry: "keys", render: keyPage },
  { path: "/models", entry: "models", render: modelsPage },
  { path: "/health", entry: "health", render: healthPage },
  { path: "/api", entry: "api", render: apiPage },
  { path: "/me", entry: "me", render: mePage },
  { path: "/playground", entry: "playground", render: playgroundPage },
  { path: "/requests/open", entry: "requests", render: openPage },
  { path: "/requests/:id", entry: "requests", render: inspectorPage },
];
