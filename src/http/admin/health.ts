// The checks of `factory-proxy doctor`, as the pages show them. Types only.

export interface Check {
  /** The group and what in it: `host.clock`. */
  readonly id: string;
  /** `skip`: it could not be looked at, or nobody asked for it. */
  readonly state: "ok" | "warn" | "fail" | "skip";
  /** A sentence: what was found. */
  readonly what: string;
  /** Null: the finding says it all. */
  readonly why: string | null;
  /** What to do. Null: nothing. */
  readonly fix: string | null;
}
