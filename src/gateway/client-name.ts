// Which program calls, and in which of its sessions, according to its headers: for the usage report and nothing else.
// Does not trust it: anything but a plain word is left out.

export interface ClientInfo {
  /** `claude-code`, `codex`, `openai-node` ..., else the first word of the user agent. Null: no user agent. */
  readonly client: string | null;
  /** Null: the client names no session. */
  readonly session: string | null;
  /** Which of several agents in a session. Null: the client does not say. */
  readonly agent: string | null;
}

type Heads = Readonly<Record<string, string>>;

export function clientInfo(headers: Heads): ClientInfo {
  return {
    client: clientName(headers),
    session: word(headers, SESSION_HEADERS),
    agent: word(headers, AGENT_HEADERS),
  };
}

/** Claude Code, then Codex (with the spelling of its older releases), then OpenCode. */
const SESSION_HEADERS = ["x-claude-code-session-id", "session-id", "session_id", "conversation_id", "x-session-id"];
const AGENT_HEADERS = ["x-claude-code-agent-id"];
const WORD = /^[\w.:-]{1,128}$/;

function word(headers: Heads, names: readonly string[]): string | null {
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined && WORD.test(value)) return value;
  }
  return null;
}

/** The user agent alone is not enough: Qwen Code calls itself `claude-cli` when it speaks Messages. */
function clientName(headers: Heads): string | null {
  if ("x-claude-code-session-id" in headers) return "claude-code";
  if ("x-codex-turn-metadata" in headers || headers["originator"]?.startsWith("codex") === true) return "codex";
  const agent = headers["user-agent"];
  const name = agent === undefined ? undefined : PRODUCT.exec(agent)?.[0].toLowerCase();
  return name === undefined ? null : (KNOWN.get(name) ?? name);
}

/** The first product of a user agent; the official SDKs add their language after a slash. */
const PRODUCT = /^(?:(?:Async)?(?:OpenAI|Anthropic)\/[A-Za-z]{1,20}|[A-Za-z][\w.-]{0,39})/;

/** By prefix, in lower case. Seen 2026-11. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ["claude-cli", "claude-code"],
  ["codex_exec", "codex"],
  ["codex_cli_rs", "codex"],
  ["geminicli", "gemini-cli"],
  ["geminicli-tui", "gemini-cli"],
  ["qwencode", "qwen-code"],
  ["openai/js", "openai-node"],
  ["openai/python", "openai-python"],
  ["asyncopenai/python", "openai-python"],
  ["anthropic/js", "anthropic-node"],
  ["anthropic/python", "anthropic-python"],
  ["asyncanthropic/python", "anthropic-python"],
  ["google-genai-sdk", "google-genai"],
  ["copilot", "copilot-cli"],
]);
