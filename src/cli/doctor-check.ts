// What the doctor says, and what it gets to look at. Types, and the making of checks.

import type { Config } from "../config/config.ts";
import type { After } from "../runtime/ports.ts";
import type { Context } from "./command.ts";

export const GROUPS = ["configuration", "keys", "host", "models", "quota", "clients", "network", "store"] as const;
export type GroupName = (typeof GROUPS)[number];

/** `skip`: it could not be looked at, or nobody asked for it. */
export type CheckState = "ok" | "warn" | "fail" | "skip";

export interface Check {
  /** The group and what in it: `host.clock`. */
  readonly id: `${GroupName}.${string}`;
  readonly state: CheckState;
  /** A sentence: what was found. */
  readonly what: string;
  /** What follows from it, or how it is known. Null: the finding says it all. */
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

/** What this process has to offer. */
export interface DoctorWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly after: After;
  /** Milliseconds since some moment. */
  readonly monotonic: () => number;
  /** As Node says it. */
  readonly platform: string;
  /** The environment of the shell, which programs started beside this one have too. */
  readonly shell: Environment;
  /** With what the file of variables adds. Null: the file in the working directory. */
  readonly variables: (envFile: string | null) => Environment;
  /** Where `sqlite:` keeps its file. Null: nowhere. */
  readonly dataDir: string | null;
  /** Of the present process: `bun 1.4.5`. */
  readonly runtime: string;
  /** What a program prints; null where it can't be run, or says nothing in time. */
  readonly outputOf: (path: string, words: readonly string[]) => Promise<string | null>;
}

/** What is looked at. */
export interface Subject {
  readonly context: Context;
  readonly world: DoctorWorld;
  /** What a server started here would have. Null: it could not start. */
  readonly config: Config | null;
  /** What is wrong with it. Null: nothing. */
  readonly faults: string | null;
  readonly variables: Environment;
  /** The file of variables that was named. Null: none was. */
  readonly envFile: string | null;
  /** The server's address as clients see it, without a slash at the end. Null: it was not asked about. */
  readonly url: string | null;
  /** Whether calls may be made that cost something. */
  readonly isLive: boolean;
  /** The text without keys. */
  readonly redact: (text: string) => string;
}

export type Group = (subject: Subject) => Promise<readonly Check[]>;

/** A name of a variable as systems and people spell it, in upper or in lower case. */
export function variable(environment: Environment, name: string): string | null {
  return environment[name] || environment[name.toLowerCase()] || null;
}

/** `3 keys`, `1 key`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
