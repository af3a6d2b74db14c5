// Room: anthropic-messages/version (row 2).
// The one place that says which version of the API a converted request is written for, and which betas it needs.
// 2026-10-21 answers 400 to every sampling parameter; who set one that the model takes is sent to the version before it.
// Source: https://platform.claude.com/docs/en/api/migration-2026-10-21 (read 2026-11).
// Never does: touch what a client of this protocol says itself.

const WITH_SAMPLING = "2023-06-01";
const CURRENT = "2026-10-21";

/** An effort of its own on a system message inside of `messages`. */
export const MESSAGE_EFFORT_BETA = "mid-conversation-output-config-2026-07-01";

export interface Needs {
  /** Servers of other models know the older version alone. */
  readonly claude: boolean;
  /** Whether the body holds temperature, top_p or top_k. */
  readonly sampling: boolean;
  readonly betas: ReadonlySet<string>;
}

/** The headers that the body was written for. */
export function headersFor({ claude, sampling, betas }: Needs): Record<string, string> {
  const version = { "anthropic-version": sampling || !claude ? WITH_SAMPLING : CURRENT };
  return betas.size === 0 ? version : { ...version, "anthropic-beta": [...betas].join(",") };
}
