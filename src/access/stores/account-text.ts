// Accounts and reservations as a database keeps them: as short as may be, since they are written for each call of a key that has limits.
// Never leaves anything out.

import type { Account, AccountId, Reservation } from "../store.ts";
import type { Value } from "./plan.ts";
import { kindValues, rowFrom, rowValues } from "./usage-columns.ts";

/** How many accounts are kept as they were read. */
const MOST_KEPT = 500;

/** Pairs of seconds and amounts as one list, each second as what it is behind the one before. */
type Steps = readonly number[];
type Pairs = Account["requests"];

type KeptAccount = readonly [
  running: number,
  requests: Steps,
  tokens: Steps,
  /** Also what is reserved ahead, under AHEAD, when it ends and how many. */
  ...budgets: readonly (readonly [id: string, startMs: number, used: number])[],
];
type KeptReservation = readonly [
  accounts: readonly AccountId[],
  amounts: Reservation["amounts"],
  places: number | null,
  kind: readonly Value[] | null,
  row: readonly Value[],
];

/** No budget has this id. */
const AHEAD = "ahead";

/** Reads accounts. What has not changed since it was last read, or written, is not read again. */
export class AccountTexts {
  readonly #known = new Map<string, { readonly text: string; readonly account: Account }>();

  read(name: string, text: string): Account {
    const known = this.#known.get(name);
    if (known?.text === text) return known.account;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `write` writes what is read here
    const [running, requests, tokens, ...budgets] = JSON.parse(text) as KeptAccount;
    const [, untilMs = 0, count = 0] = budgets.find(([id]) => id === AHEAD) ?? [];
    const account = {
      budgets: Object.fromEntries(budgets.filter(([id]) => id !== AHEAD).map(([id, startMs, used]) => [id, { startMs, used }])),
      requests: pairsOf(requests),
      tokens: pairsOf(tokens),
      running,
      ahead: count > 0 ? { count, untilMs } : null,
    };
    this.#keep(name, text, account);
    return account;
  }

  write(name: string, account: Account): string {
    const { running, requests, tokens, budgets, ahead } = account;
    const kept: KeptAccount = [
      running,
      stepsOf(requests),
      stepsOf(tokens),
      ...Object.entries(budgets).map(([id, { startMs, used }]) => [id, startMs, used] as const),
      ...(ahead === null ? [] : [[AHEAD, ahead.untilMs, ahead.count] as const]),
    ];
    const text = JSON.stringify(kept);
    this.#keep(name, text, account);
    return text;
  }

  #keep(name: string, text: string, account: Account): void {
    if (this.#known.size >= MOST_KEPT && !this.#known.has(name)) this.#known.clear();
    this.#known.set(name, { text, account });
  }
}

function stepsOf(pairs: Pairs): Steps {
  const steps: number[] = [];
  let before = 0;
  // By index: taking pairs apart in a loop takes several times as long.
  for (let at = 0; at < pairs.length; at++) {
    const second = pairs[at]?.[0] ?? 0;
    steps.push(second - before, pairs[at]?.[1] ?? 0);
    before = second;
  }
  return steps;
}

function pairsOf(steps: Steps): Pairs {
  const pairs: (readonly [number, number])[] = [];
  let second = 0;
  for (let at = 0; at < steps.length; at += 2) pairs.push([(second += steps[at] ?? 0), steps[at + 1] ?? 0]);
  return pairs;
}

/** What has no column of its own. */
export function reservationText({ accounts, amounts, places, row }: Reservation): string {
  const [kind, values] = row === null ? [null, []] : [kindValues(row), rowValues(row, 0)];
  return JSON.stringify([accounts, amounts, places, kind, values] satisfies KeptReservation);
}

export function reservationFrom({ id, gateway, atMs }: Pick<Reservation, "id" | "gateway" | "atMs">, text: string): Reservation {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const [accounts, amounts, places, kind, row] = JSON.parse(text) as KeptReservation;
  return { id, accounts, gateway, atMs, amounts, places, row: kind === null ? null : rowFrom(kind, row) };
}
