// Who has signed in. Types only.

export interface Session {
  /** Does not reveal the cookie. `bearer`: a script that sends ADMIN_KEY with each request. */
  readonly id: string;
  /** Null: an administrator. Otherwise the name of the client key whose usage may be seen. */
  readonly key: string | null;
  /** Required as `x-csrf-token` of each change. Null: a script, which needs none. */
  readonly csrfToken: string | null;
  /** Unix time in milliseconds. */
  readonly untilMs: number;
}
