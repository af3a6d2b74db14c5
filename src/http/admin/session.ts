// Who has signed in. Types only.

export interface Session {
  /** Says nothing about the cookie. `bearer`: a script that sends ADMIN_KEY with each request. */
  readonly id: string;
  /** Null: an administrator. Otherwise the name of the client key whose own usage may be seen. */
  readonly key: string | null;
  /** What each change must send as `x-csrf-token`. Null: a script, which need not. */
  readonly csrfToken: string | null;
  /** Unix time in milliseconds. */
  readonly untilMs: number;
}
