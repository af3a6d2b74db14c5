// Whether the configuration is valid, what in the environment is probably a mistake, and which limits the runtime and the system set.
// Never changes any of it.

import { readFileSync } from "node:fs";
import { upstreamOrigins } from "../config/upstream-hosts.ts";
import { warningsOf } from "../config/warnings.ts";
import { nearest } from "../models/nearest.ts";
import { fail, ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";

export const configurationChecks: Group = (subject) =>
  Promise.resolve([
    validity(subject),
    names(subject),
    certificates(subject),
    proxyOfNetwork(subject),
    runtimeLimits(subject),
    openFiles(subject),
  ]);

function validity({ config, faults }: Subject): Check {
  const id = "configuration.valid";
  if (config !== null) return ok(id, "The configuration is valid.");
  const fix = "Correct the settings above in the environment or in .env. Run `factory-proxy help settings` for what each one does.";
  return fail(id, "The configuration is invalid, so the server would not start.", { why: faults, fix });
}

function names({ variables }: Subject): Check {
  const id = "configuration.names";
  const found = warningsOf({ environment: variables, origins: [], upstreamKeys: [], nearest }).filter(
    ({ event }) => event === "unknown variable",
  );
  if (found.length === 0) return ok(id, "No variable looks like a misspelled one.");
  const pairs = found.map(({ fields }) => `${String(fields["name"])} (${String(fields["meant"])}?)`);
  return warn(id, `These variables may be misspelled: ${pairs.join(", ")}.`, {
    why: "Variables with unknown names have no effect.",
    fix: "Correct their names, or remove them.",
  });
}

function certificates({ variables }: Subject): Check {
  const id = "configuration.certificates";
  if (variables["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0") return ok(id, "TLS certificates are verified.");
  return warn(id, "NODE_TLS_REJECT_UNAUTHORIZED is 0, so TLS certificates are not verified.", {
    why: "Anyone between you and Factory can read your key and your prompts.",
    fix: "Unset it. To trust your own certificate authority, set NODE_EXTRA_CA_CERTS to its file.",
  });
}

function proxyOfNetwork({ config, variables }: Subject): Check {
  const id = "configuration.proxy";
  const set = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].filter((name) => variables[name] || variables[name.toLowerCase()]);
  if (set.length === 0) return ok(id, "No HTTP proxy is set.");
  const isPlain = config !== null && upstreamOrigins(config).some((origin) => origin.startsWith("http:"));
  const what = `Calls to Factory go through an HTTP proxy: ${set.join(", ")}.`;
  if (!isPlain) return ok(id, what);
  return warn(id, what, {
    why: "An endpoint uses plain http, so that proxy can read keys and prompts.",
    fix: "Use an https URL, or add the endpoint's host to NO_PROXY.",
  });
}

const CONNECTION_LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const USUAL_CONNECTIONS = 256;

/** Bun's fetch runs 256 calls at once by default, which the server raises unless it is set. */
function runtimeLimits({ config, world, variables }: Subject): Check {
  const id = "configuration.runtime";
  const limit = variables[CONNECTION_LIMIT];
  if (!world.runtime.startsWith("bun") || limit === undefined)
    return ok(id, `The runtime (${world.runtime}) does not limit concurrent calls.`);
  const count = Number(limit) || USUAL_CONNECTIONS;
  const wanted = config?.maxCalls ?? null;
  if (wanted !== null && count >= wanted) return ok(id, `The runtime (${world.runtime}) allows ${count} concurrent calls.`);
  return warn(id, `${CONNECTION_LIMIT} limits concurrent calls to ${count}.`, {
    why: `The server raises this limit itself unless it is set. MAX_CALLS is ${wanted ?? "0 (no limit)"}.`,
    fix: `Unset ${CONNECTION_LIMIT}.`,
  });
}

/** A call takes one connection on either side. */
const FILES_PER_CALL = 2;
const OWN_FILES = 100;

function openFiles({ config, world }: Subject): Check {
  const id = "configuration.files";
  if (world.platform === "win32") return ok(id, "The system does not limit open files.");
  const [, soft] = /^Max open files\s+(\S+)/m.exec(textOf("/proc/self/limits")) ?? [];
  if (soft === undefined)
    return skip(id, "The limit on open files is unknown.", { why: "It can only be read on Linux. Check it with: ulimit -n" });
  const wanted = (config?.maxCalls ?? 0) * FILES_PER_CALL + OWN_FILES;
  const what = `Limit on open files and connections: ${soft}.`;
  if (soft === "unlimited" || Number(soft) >= wanted) return ok(id, what);
  return warn(id, what, {
    why: `MAX_CALLS is ${config?.maxCalls ?? 0}, and each call needs ${FILES_PER_CALL}.`,
    fix: `Raise the limit (ulimit -n ${wanted}, LimitNOFILE= of systemd), or lower MAX_CALLS.`,
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
