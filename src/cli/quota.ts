// Shows what is left of the plan according to Factory, with a forecast from the ledger.

import packageJson from "../../package.json" with { type: "json" };
import { Quota } from "../access/quota.ts";
import { quotaJson, QuotaReports, type QuotaReport, type WindowReport } from "../access/quota-report.ts";
import { StoreError, type Store } from "../access/store.ts";
import { Models } from "../models/models.ts";
import type { After } from "../runtime/ports.ts";
import { runtime } from "../runtime/runtime.ts";
import { keyIds } from "../upstream/key-ids.ts";
import { CommandError, EXIT_FAILED, type Command, type Context } from "./command.ts";
import { after } from "./command-run.ts";
import { missingEnvFile } from "./environment.ts";
import { checkKeyHosts } from "./folder-trust.ts";
import { askedOf, columns, FILTER_OPTIONS, printTime, printUsd } from "./usage-words.ts";

export interface QuotaWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly after: After;
}

/** The maximum age of a server's answer that is reused, where servers ask for none themselves. */
const USUAL_INTERVAL_MS = 60_000;

export function quotaCommand(world: QuotaWorld): Command {
  return {
    name: "quota",
    summary: "Shows what is left of your plan: each window with its reset and a forecast. Exits with 1 if Factory does not report it.",
    operands: [],
    options: { zone: FILTER_OPTIONS["zone"] ?? { value: "name", help: "" } },
    examples: ["quota", "quota --json"],
    run: async (input, context) => {
      const { zone } = askedOf(input, context);
      const { upstreamKey } = context.config();
      if (upstreamKey === null) {
        const hint = missingEnvFile(input.text("env-file"));
        throw CommandError.failed(`FACTORY_API_KEY is not set. Set it to see what is left of your plan.${hint}`);
      }
      checkKeyHosts(context);
      const report = await quotaReport(context, { ...world, upstreamKey });
      context.show(quotaJson(report), () => textOf(report, { zone, nowMs: context.now() }));
      return report.state === "works" ? 0 : EXIT_FAILED;
    },
  };
}

export const QUOTA: readonly Command[] = [quotaCommand({ fetch: (url, init) => fetch(url, init), after })];

export async function quotaReport(
  { config, store: open, now }: Context,
  { upstreamKey, ...world }: QuotaWorld & { readonly upstreamKey: string },
): Promise<QuotaReport> {
  const { quotaUrl, quotaIntervalMs, upstreamHeaders, endpoints, models: rows } = config();
  const store = await storeOrNull(open);
  const headers = { "user-agent": `factory-proxy/${packageJson.version}`, "x-factory-client": "cli", ...upstreamHeaders };
  const quota = new Quota(
    { ...world, store, now, random: () => 0, keyId: keyIds(runtime.sha256) },
    { url: quotaUrl, everyMs: quotaIntervalMs ?? USUAL_INTERVAL_MS, headers },
  );
  const models = new Models({ endpoints, models: rows });
  const poolOf = (name: string): "standard" | "core" | null => (models.knows(name) ? models.entry(name).pool : null);
  return new QuotaReports({ store, now, poolOf }).report(await quota.read(upstreamKey));
}

/** Without one there is no forecast. */
async function storeOrNull(open: Context["store"]): Promise<Store | null> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof CommandError || error instanceof StoreError) return null;
    throw error;
  }
}

interface Here {
  readonly zone: string;
  readonly nowMs: number;
}

function textOf({ state, reason, atMs, plan, windows, extraUsage }: QuotaReport, here: Here): string {
  if (state !== "works") {
    const text = state === "sign-in only" ? "shown only to people who sign in" : state;
    return `The plan's limits are ${text}. ${reason ?? ""} Calls work without them. As of ${printTime(atMs, here.zone)}. Zone: ${here.zone}.`;
  }
  const rows = windows.map((window) => [
    window.pool,
    window.name,
    percentText(window),
    resetText(window, here),
    forecastText(window, here),
  ]);
  return [
    ...(plan === null ? [] : [`Plan: ${plan}`, ""]),
    ...columns([["Pool", "Window", "Used", "Resets", "Forecast"], ...rows], 5),
    "",
    ...(extraUsage === null ? [] : [extraText(extraUsage)]),
    `As of ${printTime(atMs, here.zone)}. Zone: ${here.zone}. Forecasts are estimates from the ledger.`,
  ].join("\n");
}

function percentText({ usedPercent }: WindowReport): string {
  return usedPercent === null ? "unknown" : `${Math.round(usedPercent * 10) / 10}%`;
}

function resetText({ resetMs, usedPercent }: WindowReport, { zone }: Here): string {
  if (resetMs !== null) return printTime(resetMs, zone);
  return usedPercent === 0 ? "on first use" : "";
}

const DAY_MS = 24 * 3_600_000;

function forecastText({ forecast, usedPercent }: WindowReport, { zone, nowMs }: Here): string {
  if (usedPercent !== null && usedPercent >= 100) return "full";
  if (forecast === null) return "";
  if (forecast.fullMs === null) return "lasts at this pace";
  const time = printTime(forecast.fullMs, zone);
  return `runs out at ${forecast.fullMs - nowMs < DAY_MS ? time.slice(-"14:20".length) : time}`;
}

function extraText({ isAllowed, balanceUsd }: NonNullable<QuotaReport["extraUsage"]>): string {
  const allowed = isAllowed === null ? "unknown" : isAllowed ? "allowed" : "not allowed";
  return `Extra usage: ${allowed}${balanceUsd === null ? "" : `, balance ${printUsd(balanceUsd)}`}.`;
}
