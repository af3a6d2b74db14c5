// A WHERE clause about usage that grows, and its values. Never holds a value in its SQL.

import type { UsageDimension, UsageFilter } from "../store.ts";
import type { Value } from "./plan.ts";
import { STATUS, STATUS_CLASS } from "./usage-groups.ts";

/** What the dimensions stand for, of rows or sums `u` and their kinds `k`. */
export const DIMENSIONS = {
  session: "u.session",
  key: "k.key",
  client: "k.client",
  model: "COALESCE(k.model_served, k.model_asked)",
  status: "k.status",
} as const satisfies Partial<Record<UsageDimension, string>>;

/** What a kind `k` has to be to count as an error. */
export const IS_ERROR = "(k.finish = 'cut' OR k.finish LIKE 'error:%')";

export class Conditions {
  readonly values: Value[];
  readonly #conditions: string[] = [];

  constructor(values: Value[] = []) {
    this.values = values;
  }

  /** Other conditions of the same statement. */
  within(): Conditions {
    return new Conditions(this.values);
  }

  add(sql: string): void {
    this.#conditions.push(sql);
  }

  /** What stands for the value in the SQL. */
  value(value: Value): string {
    return `$${this.values.push(value)}`;
  }

  addFilter(filter: UsageFilter): void {
    const { session } = filter;
    this.addTimes(filter);
    if (session !== null) this.add(`u.session = ${this.value(session)}`);
    this.addKind(filter);
  }

  addTimes({ sinceMs, untilMs }: Pick<UsageFilter, "sinceMs" | "untilMs">): void {
    if (sinceMs !== null) this.add(`u.at_ms >= ${this.value(sinceMs)}`);
    if (untilMs !== null) this.add(`u.at_ms < ${this.value(untilMs)}`);
  }

  addKind({ key, client, model }: UsageFilter): void {
    if (key !== null) this.add(`${DIMENSIONS.key} = ${this.value(key)}`);
    if (client !== null) this.add(`${DIMENSIONS.client} = ${this.value(client)}`);
    if (model !== null) this.add(`${DIMENSIONS.model} = ${this.value(model)}`);
  }

  /** As `RowQuery.status`. */
  addStatus(status: string): void {
    if (status === "error") this.add(IS_ERROR);
    else if (status === "ok") this.add(`NOT ${IS_ERROR} AND k.finish <> 'cancelled'`);
    else if (STATUS.test(status)) this.add(`k.status = ${this.value(Number(status))}`);
    else if (STATUS_CLASS.test(status)) this.add(`k.status / 100 = ${this.value(Number(status[0]))}`);
    else this.add(`k.finish = ${this.value(status)}`);
  }

  where(): string {
    return this.#conditions.length === 0 ? "" : ` WHERE ${this.#conditions.join(" AND ")}`;
  }

  /** Behind other conditions. */
  more(): string {
    return this.#conditions.map((condition) => ` AND ${condition}`).join("");
  }
}
