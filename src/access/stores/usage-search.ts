// Finds usage rows, the newest first: by time, by what they have in common, by how they ended, by a part of their ids. Never reads more of the
// table than an answer is likely to need.

import type { RowQuery, UsageRow } from "../store.ts";
import { Conditions } from "./conditions.ts";
import { query, type Plan, type Row } from "./plan.ts";
import { KIND_NAMES, ROW_NAMES, usageRow } from "./usage-columns.ts";

const COLUMNS = [...KIND_NAMES.map((name) => `k.${name}`), ...ROW_NAMES.map((name) => `u.${name}`)].join(", ");
/** CROSS JOIN is what has SQLite begin with the first. */
const BY_TIME = "usage u CROSS JOIN kinds k WHERE k.id = u.kind";
const NEWEST_FIRST = "ORDER BY u.at_ms DESC, u.id DESC";
/** Among how many of the newest rows a part of an id is looked for, and how many older ones that begin so are put in order. */
const NAMED = 10_000;
/** Comes after every text. */
const LAST = "\u{10ffff}";

/** What is asked for, with the end that the row `before` sets. */
interface Search extends RowQuery {
  readonly last: Row | null;
}

export function* rowWith(id: string): Plan<UsageRow | null> {
  const [found] = yield* query(`SELECT ${COLUMNS} FROM ${BY_TIME} AND u.id = $1`, id);
  return found === undefined ? null : usageRow(found);
}

export function* rowsOf(asked: RowQuery): Plan<readonly UsageRow[]> {
  const search = yield* searchOf(asked);
  if (search === null) return [];
  const found = yield* asked.text === null ? select(search) : named(search, asked.text.toLowerCase());
  return found.map(usageRow);
}

/** Null: there can be none. */
function* searchOf(asked: RowQuery): Plan<Search | null> {
  const { before, session } = asked;
  const limit = Math.max(0, Math.floor(asked.limit));
  const last = before === null ? null : ((yield* query("SELECT at_ms, id FROM usage WHERE id = $1", before))[0] ?? null);
  if (limit === 0 || (before !== null && last === null)) return null;
  if (session === null) return { ...asked, limit, last };
  const [span] = yield* query("SELECT MIN(first_ms) AS first, MAX(last_ms) AS last FROM usage_days WHERE session = $1", session);
  const sinceMs = Math.max(asked.sinceMs ?? 0, Number(span?.["first"] ?? 0));
  const untilMs = Math.min(asked.untilMs ?? Infinity, Number(span?.["last"] ?? 0) + 1);
  return { ...asked, limit, last, sinceMs, untilMs };
}

/** The time from which on ids are looked at one by one. */
function* floorOf(search: Search): Plan<number> {
  const conditions = timesOf({ ...search, last: null });
  const sql = `SELECT u.at_ms AS at_ms FROM usage u${conditions.where()} ORDER BY u.at_ms DESC LIMIT 1 OFFSET ${NAMED - 1}`;
  const [found] = yield* query(sql, ...conditions.values);
  return Number(found?.["at_ms"] ?? search.sinceMs ?? 0);
}

/** Rows with `part` in an id of theirs, among the newest; then older ones with one that begins so. */
function* named(search: Search, part: string): Plan<readonly Row[]> {
  const floorMs = yield* floorOf(search);
  const newest = yield* select({ ...search, sinceMs: floorMs }, (conditions) => {
    const pattern = conditions.value(`%${part.replaceAll(/[!%_]/g, "!$&")}%`);
    conditions.add(`(LOWER(u.id) LIKE ${pattern} ESCAPE '!' OR LOWER(u.request_id) LIKE ${pattern} ESCAPE '!')`);
  });
  if (newest.length === search.limit || floorMs <= (search.sinceMs ?? 0)) return newest;
  const older = { ...search, untilMs: Math.min(search.untilMs ?? Infinity, floorMs), limit: search.limit - newest.length };
  const beginning = yield* select(older, (conditions) => {
    const [from, to] = [conditions.value(part), conditions.value(part + LAST)];
    const first = (id: string, rows: string): string =>
      `SELECT * FROM (SELECT id FROM ${rows} ${id} >= ${from} AND ${id} < ${to} ORDER BY ${id} DESC LIMIT ${NAMED}) ids`;
    const byRequest = first("LOWER(request_id)", "usage WHERE request_id IS NOT NULL AND");
    conditions.add(`u.id IN (${first("id", "usage WHERE")} UNION ${byRequest})`);
  });
  return [...newest, ...beginning];
}

function* select(search: Search, narrow?: (conditions: Conditions) => void): Plan<readonly Row[]> {
  const conditions = timesOf(search);
  if (search.session !== null) conditions.add(`u.session = ${conditions.value(search.session)}`);
  addKinds(conditions, search);
  narrow?.(conditions);
  return yield* query(`SELECT ${COLUMNS} FROM ${BY_TIME}${conditions.more()} ${NEWEST_FIRST} LIMIT ${search.limit}`, ...conditions.values);
}

/** SQLite finds kinds first, and then passes over rows by the index alone: a tenth of a microsecond each. */
function addKinds(conditions: Conditions, search: Search): void {
  const kinds = conditions.within();
  kinds.addKind(search);
  if (search.status !== null) kinds.addStatus(search.status);
  if (kinds.where() !== "") conditions.add(`u.kind IN (SELECT k.id FROM kinds k${kinds.where()})`);
}

function timesOf({ sinceMs, untilMs, last }: Search): Conditions {
  const conditions = new Conditions();
  conditions.addTimes({ sinceMs, untilMs });
  if (last === null) return conditions;
  const [atMs, id] = [conditions.value(last["at_ms"] ?? 0), conditions.value(last["id"] ?? "")];
  conditions.add(`(u.at_ms, u.id) < (${atMs}, ${id})`);
  return conditions;
}
