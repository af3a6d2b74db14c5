// How a client is pointed at this server with a key: lines for a shell, and a link that cc-switch accepts.
// Never starts a client, and edits no file.

export const LINKED_APPS = ["claude", "codex", "gemini", "openai"] as const;
export type LinkedApp = (typeof LINKED_APPS)[number];

export interface LinkOptions {
  /** Without a trailing slash. */
  readonly url: string;
  /** Secret, or a placeholder. */
  readonly key: string;
  /** The key's name, as cc-switch shows it. */
  readonly name: string;
  /** Null: the client chooses. */
  readonly model: string | null;
}

export interface KeyLink {
  readonly environment: Readonly<Record<string, string>>;
  /** The command that starts the client. Null: any program that uses one of the SDKs. */
  readonly command: string | null;
  /** What the person has to do in the client itself, once. Absent: nothing. */
  readonly once?: string;
  /** https://github.com/farion1231/cc-switch, "Deep Link Protocol" of its manual (read 2026-11-28). Null: cc-switch does not know the client. */
  readonly ccSwitch: string | null;
}

export function keyLink(app: LinkedApp, options: LinkOptions): KeyLink {
  const { url, key, model } = options;
  const chosen = (name: string): Record<string, string> => (model === null ? {} : { [name]: model });
  if (app === "claude") {
    const environment = { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: key, ANTHROPIC_API_KEY: "", ...chosen("ANTHROPIC_MODEL") };
    return { environment, command: "claude", ccSwitch: ccSwitchLink("claude", url, options) };
  }
  if (app === "codex") {
    const command = `codex -c 'openai_base_url="${url}/v1"'${model === null ? "" : ` -m ${model}`}`;
    return { environment: { CODEX_API_KEY: key }, command, ccSwitch: ccSwitchLink("codex", `${url}/v1`, options) };
  }
  if (app === "gemini") {
    const environment = { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key, ...chosen("GEMINI_MODEL") };
    return { environment, command: "gemini", once: GEMINI_SIGN_IN, ccSwitch: ccSwitchLink("gemini", url, options) };
  }
  const environment = { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key, ...chosen("OPENAI_MODEL") };
  return { environment, command: null, ccSwitch: null };
}

/** A settings file says how it signs in. Until then it expects a base URL for a kind of sign-in that it then refuses. */
const GEMINI_SIGN_IN = 'choose "Use Gemini API Key" in its sign-in dialog; "gemini -p" works from then on.';

function ccSwitchLink(app: string, endpoint: string, { url, key, name, model }: LinkOptions): string {
  const query = { resource: "provider", app, name: `Factory Proxy (${name})`, homepage: url, endpoint, apiKey: key };
  const parameters = new URLSearchParams({ ...query, ...(model === null ? {} : { model }) });
  // Only in forms does a + mean a space.
  return `ccswitch://v1/import?${parameters.toString().replaceAll("+", "%20")}`;
}

/** Lines to paste into a shell: PowerShell on Windows, a POSIX shell elsewhere. Anything but commands is in comments. */
export function shellLines({ environment, command, once, ccSwitch }: KeyLink, isWindows: boolean): string {
  const quoted = (value: string): string =>
    isWindows ? `'${value.replaceAll("'", "''")}'` : `'${value.replaceAll("'", String.raw`'\''`)}'`;
  return [
    ...Object.entries(environment).map(([name, value]) =>
      isWindows ? `$env:${name} = ${quoted(value)}` : `export ${name}=${quoted(value)}`,
    ),
    ...(command === null ? [] : [`# Then: ${command}`]),
    ...(once === undefined ? [] : [`# Once: ${once}`]),
    ...(ccSwitch === null ? [] : [`# For cc-switch: ${ccSwitch}`]),
  ].join("\n");
}
