// Checks everything, all groups at the same time, and reports the findings: the groups in order, failures with what to do.

import type { InspectColor } from "node:util";
import { ConfigError, type Config } from "../config/config.ts";
import { CommandError, EXIT_FAILED, type Context, type Input } from "./command.ts";
import {
  GROUPS,
  counted,
  type Check,
  type CheckState,
  type DoctorWorld,
  type Group,
  type GroupName,
  type Subject,
} from "./doctor-check.ts";
import { clientChecks } from "./doctor-clients.ts";
import { configurationChecks } from "./doctor-configuration.ts";
import { hostChecks } from "./doctor-host.ts";
import { keyChecks } from "./doctor-keys.ts";
import { modelChecks } from "./doctor-models.ts";
import { networkChecks } from "./doctor-network.ts";
import { quotaChecks } from "./doctor-quota.ts";
import { redactorFor, REPORT_FILE, writeReport } from "./doctor-report.ts";
import { storeChecks } from "./doctor-store.ts";

const CHECKS: Readonly<Record<GroupName, Group>> = {
  configuration: configurationChecks,
  keys: keyChecks,
  host: hostChecks,
  models: modelChecks,
  quota: quotaChecks,
  clients: clientChecks,
  network: networkChecks,
  store: storeChecks,
};

/** Resolves to the exit code. @throws CommandError */
export async function doctor(input: Input, context: Context, world: DoctorWorld): Promise<number> {
  const subject = subjectOf(input, context, world);
  const checks = await examined(subject);
  const failures = checks.filter(({ state }) => state === "fail").length;
  context.show({ object: "doctor", schema_version: 1, ok: failures === 0, checks }, () => textOf(checks, context));
  if (input.has("report")) {
    const path = input.operand(0) || REPORT_FILE;
    writeReport(path, checks, subject);
    context.note(`Wrote ${path}, without keys. Review it before you send it.`);
  }
  return failures === 0 ? 0 : EXIT_FAILED;
}

/** For the dashboard: only what costs nothing. */
export function examine(context: Context, world: DoctorWorld, envFile: string | null): Promise<readonly Check[]> {
  return examined(subjectFor(context, world, { envFile, url: null, isLive: false }));
}

async function examined(subject: Subject): Promise<readonly Check[]> {
  const found = await Promise.all(GROUPS.map((name) => CHECKS[name](subject)));
  return found.flat().map((check) => redacted(check, subject));
}

function subjectOf(input: Input, context: Context, world: DoctorWorld): Subject {
  if (input.operand(0) !== "" && !input.has("report")) throw CommandError.wrongUse("FILE needs --report. See factory-proxy doctor --help.");
  return subjectFor(context, world, { envFile: input.text("env-file"), url: urlOf(input), isLive: input.has("live") });
}

type Asked = Pick<Subject, "envFile" | "url" | "isLive">;

function subjectFor(context: Context, world: DoctorWorld, { envFile, url, isLive }: Asked): Subject {
  const { config, faults } = configOf(context);
  const variables = world.variables(envFile);
  const redactor = redactorFor({ ...world.shell, ...variables }, config);
  return {
    context,
    world,
    config,
    faults,
    envFile,
    variables,
    url,
    isLive,
    redact: (text) => redactor.text(text),
  };
}

function configOf({ config }: Context): { readonly config: Config | null; readonly faults: string | null } {
  try {
    return { config: config(), faults: null };
  } catch (error) {
    if (error instanceof ConfigError) return { config: null, faults: error.message };
    throw error;
  }
}

function urlOf(input: Input): string | null {
  const url = input.text("url");
  if (url === null) return null;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw CommandError.wrongUse("--url must begin with http:// or https://.");
  const { origin, pathname } = new URL(url);
  return (origin + pathname).replace(/\/+$/, "");
}

function redacted({ id, state, what, why, fix }: Check, { redact }: Subject): Check {
  return { id, state, what: redact(what), why: why === null ? null : redact(why), fix: fix === null ? null : redact(fix) };
}

const COLOURS: Readonly<Record<CheckState, InspectColor>> = { ok: "green", warn: "yellow", fail: "red", skip: "gray" };
const INDENT = "        ";

function textOf(checks: readonly Check[], { style }: Context): string {
  const groups = GROUPS.map((name) => {
    const own = checks.filter(({ id }) => id.startsWith(`${name}.`));
    return [style("bold", `${name.charAt(0).toUpperCase()}${name.slice(1)}`), ...own.flatMap((check) => linesOf(check, style))].join("\n");
  });
  return [...groups, summaryOf(checks)].join("\n\n");
}

function linesOf({ state, what, why, fix }: Check, style: Context["style"]): string[] {
  const more = state === "ok" ? [] : [state === "skip" ? null : why, fix === null ? null : `-> ${fix}`];
  return [
    `  ${style(COLOURS[state], state.padEnd(4))}  ${what}`,
    ...more.flatMap((text) => (text === null ? [] : text.split("\n").map((line) => INDENT + line))),
  ];
}

function summaryOf(checks: readonly Check[]): string {
  const count = (state: CheckState): number => checks.filter((check) => check.state === state).length;
  return `${count("fail")} failed, ${count("ok")} passed, ${counted(count("warn"), "warning")}, ${count("skip")} skipped.`;
}
