// What the doctor reports and what it can use. Types, and functions that make checks.

import type { Config } from "../config/config.ts";
import type { After } from "../runtime/ports.ts";
import type { Context } from "./command.ts";

export const GROUPS = ["configuration", "keys", "host", "models", "quota", "clients", "network", "store"] as const;
export type GroupName = (typeof GROUPS)[number];

/** `skip`: it could not be checked, or was not asked for. */
export type CheckState = "ok" | "warn" | "fail" | "skip";

export interface Check {
  /** The group and its subject: `host.clock`. */
  readonly id: `${GroupName}.${string}`;
  readonly state: CheckState;
  /** What was found, as a sentence. */
  readonly what: string;
  /** The consequence, or how it is known. Null: there is nothing to add. */
  readonly why: string | null;
  /** What to do. Null: nothing. */
  readonly fix: string | null;
}

type Reason = Partial<Pick<Check, "why" | "fix">>;
type Making = (id: Check["id"], what: string, reason?: Reason) => Check;

export const ok: Making = making("ok");
export const warn: Making = making("warn");
export const fail: Making = making("fail");
export const skip: Making = making("skip");

function making(state: CheckState): Making {
  return (id, what, { why = null, fix = null } = {}) => ({ id, state, what, why, fix });
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What this process offers. */
export interface DoctorWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly after: After;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  /** Node's name of the platform. */
  readonly platform: string;
  /** The shell's environment, which programs started beside this one share. */
  readonly shell: Environment;
  /** Including what the file of variables adds. Null: the file in the working directory. */
  readonly variables: (envFile: string | null) => Environment;
  /** Where `sqlite:` keeps its file. Null: nowhere. */
  readonly dataDir: string | null;
  /** Of this process: `bun 1.4.5`. */
  readonly runtime: string;
  /** The output of a program; null where it can't be run, or prints nothing in time. */
  readonly outputOf: (path: string, words: readonly string[]) => Promise<string | null>;
}

/** What is examined. */
export interface Subject {
  readonly context: Context;
  readonly world: DoctorWorld;
  /** The configuration that a server started here would have. Null: it could not start. */
  readonly config: Config | null;
  /** Why it could not start. Null: it could. */
  readonly faults: string | null;
  readonly variables: Environment;
  /** The file of variables that was named on the command line. Null: none. */
  readonly envFile: string | null;
  /** The server's address as clients see it, without a trailing slash. Null: not to be checked. */
  readonly url: string | null;
  /** Whether calls that cost something may be made. */
  readonly isLive: boolean;
  /** Masks keys in a text. */
  readonly redact: (text: string) => string;
}

export type Group = (subject: Subject) => Promise<readonly Check[]>;

/** Matches the name of a variable in upper or lower case. */
export function variable(environment: Environment, name: string): string | null {
  return environment[name] || environment[name.toLowerCase()] || null;
}

/** `3 keys`, `1 key`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
