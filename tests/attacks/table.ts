// The attacks by name. A new one is a file of this folder that exports `attack`, and its row here.
// Never says what an attack looks at; its file does.

import type { Attack, OwnTarget } from "./attack.ts";

interface Row {
  readonly about: string;
  /** What the gateway that is started for it is set to, besides what all have. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface AnyRow extends Row {
  /** It can be pointed at any gateway. */
  readonly on: "any";
  readonly load: () => Promise<{ readonly attack: Attack }>;
}

export interface OwnRow extends Row {
  /** It needs a gateway that the runner started. */
  readonly on: "own";
  readonly load: () => Promise<{ readonly attack: Attack<OwnTarget> }>;
}

export const ATTACKS: Readonly<Record<string, AnyRow | OwnRow>> = {
  "quadratic-bodies": {
    about: "Bodies of a few megabytes whose conversion could cost the square of their length.",
    on: "any",
    load: () => import("./quadratic-bodies.ts"),
  },
  "odd-statuses": {
    about: "Statuses of an upstream that no answer can have.",
    on: "own",
    load: () => import("./odd-statuses.ts"),
  },
};
