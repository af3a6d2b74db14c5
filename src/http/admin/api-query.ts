// Reads the queries of the admin API.

import { wrongInput } from "./admin-faults.ts";
import type { RequestQuery, UsageBy, UsageRequest } from "./admin.ts";

const FILTERS = ["key", "model", "client", "session", "since", "until", "zone"] as const;
export const REQUEST_PARAMETERS = [...FILTERS, "status", "q", "cursor", "limit"] as const;
export const USAGE_PARAMETERS = [...FILTERS, "by", "split"] as const;

export const USAGE_BY: readonly UsageBy[] = ["hour", "day", "week", "month", "model", "key", "client", "session"];
export const USAGE_SPLITS = ["model", "key", "client"] as const;

const STATUS = /^(?:[1-5]\d\d|[1-5]xx|ok|error|cut|cancelled|error:[\w-]+)$/;
const USUAL_ROWS = 50;
const MOST_ROWS = 500;

/** @throws GatewayError */
export function requestQuery(parameters: URLSearchParams): RequestQuery {
  const given = valuesIn(parameters, REQUEST_PARAMETERS);
  const { key, model, client, session, since, until, zone, status, q, cursor } = given;
  if (status !== null && !STATUS.test(status)) {
    throw wrongInput("status must be a number (429), a class (4xx), or ok, error, cut or cancelled.", "status");
  }
  const limit = given.limit === null ? USUAL_ROWS : Number(given.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
    throw wrongInput(`limit must be a whole number from 1 to ${MOST_ROWS}.`, "limit");
  }
  return { key, model, client, session, since, until, zone: zone ?? "UTC", status, q, cursor, limit };
}

/** @throws GatewayError */
export function usageRequest(parameters: URLSearchParams): UsageRequest {
  const { by, split, zone, ...filter } = valuesIn(parameters, USAGE_PARAMETERS);
  return {
    ...filter,
    by: oneOf("by", by ?? "day", USAGE_BY),
    split: split === null ? null : oneOf("split", split, USAGE_SPLITS),
    zone: zone ?? "UTC",
  };
}

/** Null: absent, or empty as forms send it. */
function valuesIn<Name extends string>(parameters: URLSearchParams, names: readonly Name[]): Record<Name, string | null> {
  for (const name of parameters.keys()) {
    if (!names.some((known) => known === name)) {
      throw wrongInput(`Unknown parameter ${JSON.stringify(name)}. Known parameters: ${names.join(", ")}.`, name);
    }
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of an object's keys is lost on the way
  return Object.fromEntries(names.map((name) => [name, parameters.get(name) || null])) as Record<Name, string | null>;
}

function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw wrongInput(`${name} must be one of ${words.join(", ")}.`, name);
  return found;
}
