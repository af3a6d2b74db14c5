// Loads the dashboard and the admin API at their first request: a server without administrators does not need them.
// Never answers anything itself.

import type { Config } from "../../config/config.ts";
import type { Site, SitePorts, SiteSettings } from "./site.ts";

export type LazyPorts = Omit<SitePorts, "dashboard" | "wrongKeys">;

export function lazySite(ports: LazyPorts): Site {
  let loaded: Promise<Site> | null = null;
  return async (incoming) => {
    loaded ??= load(ports);
    return (await loaded)(incoming);
  };
}

async function load(ports: LazyPorts): Promise<Site> {
  const [{ createSite, WrongKeys }, { createDashboard }] = await Promise.all([import("./site.ts"), import("../dashboard/dashboard.tsx")]);
  return createSite({ ...ports, wrongKeys: new WrongKeys(ports.now), dashboard: createDashboard({ now: ports.now }) });
}

export function siteSettings({ adminKey, trustedProxies, allowedHosts }: Config, isLocal: boolean): SiteSettings {
  return { adminKey, isLocal, trustedProxies, allowedHosts };
}
