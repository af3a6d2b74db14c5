// The checks of `factory-proxy doctor` for the pages. Types only.

export interface Check {
  /** The group and its subject: `host.clock`. */
  readonly id: string;
  /** `skip`: it could not be checked, or was not asked for. */
  readonly state: "ok" | "warn" | "fail" | "skip";
  /** What was found, as a sentence. */
  readonly what: string;
  /** Null: there is nothing to add. */
  readonly why: string | null;
  /** What to do. Null: nothing. */
  readonly fix: string | null;
}
