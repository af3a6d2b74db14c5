// Room: config (row 3), its table.
// In:  nothing. Out: what can be set, and the three texts made from it: --help, .env.example, the README's table.
// Never does: read a value; that is config.ts.

export interface Variable {
  readonly name: string;
  /** What counts while the variable is unset or empty; "" where nothing does. */
  readonly default: string;
  /** The unit of a plain number. */
  readonly unit: "seconds" | null;
  readonly isSecret: boolean;
  /** Whether the value is kept as it is: spaces around it count, and "" is a value of its own. */
  readonly isVerbatim: boolean;
  readonly help: string;
}

interface Traits {
  readonly unit?: "seconds";
  readonly isSecret?: boolean;
  readonly isVerbatim?: boolean;
}

const BASE = "https://api.factory.ai";
const PATHS = {
  messages: "/api/llm/a/v1/messages",
  responses: "/api/llm/o/v1/responses",
  chat: "/api/llm/o/v1/chat/completions",
  gemini: "/api/llm/g/v1/generate",
} as const;

/** Path of each endpoint below `FACTORY_BASE_URL`. */
export const ENDPOINT_PATHS: Readonly<Record<keyof typeof PATHS, string>> = PATHS;

export const VARIABLES = {
  FACTORY_API_KEY: variable(
    "",
    "Your Factory key (fk-..., from app.factory.ai/settings/api-keys), sent to Factory only. Unset: each client brings its own.",
    { isSecret: true },
  ),
  FACTORY_API_KEYS: variable(
    "",
    "Further Factory keys of the same organisation, separated by commas; they take over while another one rests.",
    {
      isSecret: true,
    },
  ),
  FACTORY_AI_TOKEN: variable("", "Another name for FACTORY_API_KEY, which wins when both are set.", { isSecret: true }),
  PROXY_API_KEY: variable(
    "",
    "What your clients present; several are separated by commas. Unset: a random one is made for each run and printed once.",
    { isSecret: true },
  ),
  PORT: variable("8000", "The port to listen on; 0 takes any free one."),
  HOST: variable("127.0.0.1", "The address to listen on. Any other than this machine's own needs PROXY_API_KEY."),
  FACTORY_BASE_URL: variable(BASE, "Where Factory's API is; EU organisations use https://api.eu.factory.ai."),
  ANTHROPIC_TARGET_URL: variable(BASE + PATHS.messages, "The whole URL of the Messages endpoint; the default follows FACTORY_BASE_URL."),
  OPENAI_TARGET_URL: variable(BASE + PATHS.responses, "The whole URL of the Responses endpoint; the default follows FACTORY_BASE_URL."),
  CHAT_TARGET_URL: variable(BASE + PATHS.chat, "The whole URL of the Chat Completions endpoint; the default follows FACTORY_BASE_URL."),
  GEMINI_TARGET_URL: variable(BASE + PATHS.gemini, "The whole URL of the Gemini endpoint; the default follows FACTORY_BASE_URL."),
  BEDROCK_TARGET_URL: variable(BASE + PATHS.messages, "The whole URL behind /bedrock/*; the default follows ANTHROPIC_TARGET_URL."),
  SYSTEM_PROMPT: variable(
    "You are Droid, an AI software engineering agent built by Factory.",
    "Put in front of the client's own instructions; empty switches it off.",
    { isVerbatim: true },
  ),
  UPSTREAM_HEADERS: variable("", 'Further headers for Factory, or others in place of the usual, as a JSON object: {"x-name": "value"}.', {
    isSecret: true,
  }),
  CONFIG_PATH: variable("", "A JSON file that changes and extends the table of models."),
  STRICT: variable("0", "1 answers 400 where a conversion would leave something out, instead of naming it in a header."),
  LENIENT: variable("0", "1 sends a repaired request where a conversion would otherwise answer 400."),
  LOG_LEVEL: variable("info", "debug (adds headers and bodies, keys masked), info, warning or error."),
  MAX_BODY_BYTES: variable("64MiB", "The largest request body, from 1KiB to 256MiB; a plain number counts bytes."),
  UPSTREAM_CONNECT_TIMEOUT: variable(
    "10",
    "How long Factory's host may take to accept a connection, where it has not answered within the last minute; 0 is no limit.",
    { unit: "seconds" },
  ),
  UPSTREAM_FIRST_BYTE_TIMEOUT: variable("600", "How long Factory may take to begin an answer; 0 is no limit.", { unit: "seconds" }),
  UPSTREAM_IDLE_TIMEOUT: variable("300", "How long an answer may stay silent once it has begun; 0 is no limit.", { unit: "seconds" }),
  UPSTREAM_TOTAL_TIMEOUT: variable("0", "How long a whole answer may take; 0 is no limit.", { unit: "seconds" }),
  RETRIES: variable("2", "How often a call is tried again when Factory is overloaded, limits it or can't be reached; 0 never."),
  RETRY_BUDGET: variable("20", "How long one call may wait for its retries, all together.", { unit: "seconds" }),
  RETRY_LOST: variable("0", "1 tries again too when the connection broke after the request had gone out; it may be billed twice."),
  KEEP_ALIVE_INTERVAL: variable("15", "How long a stream may be silent before the client gets a sign of life; 0 is never.", {
    unit: "seconds",
  }),
  KEEP_ALIVE_WHOLE: variable(
    "0",
    "1 sends white space before a whole JSON answer that takes longer than KEEP_ALIVE_INTERVAL; the status is then 200 even if the call fails.",
  ),
  MAX_CALLS: variable("5000", "How many calls may run at once; 0 is no limit."),
  MAX_CALLS_PER_KEY: variable("0", "How many calls of one client key may run at once; 0 is no limit."),
  MAX_HEADER_BYTES: variable("32KiB", "The largest head of a request, from 1KiB to 1MiB; Deno itself takes no more than 64KiB."),
  CORS_ORIGINS: variable("", "Origins of web pages that may call this server, separated by commas; none by default."),
  SHUTDOWN_TIMEOUT: variable("30", "How long running answers may go on after the signal to stop; 0 ends them at once.", {
    unit: "seconds",
  }),
} as const;

export type VariableName = keyof typeof VARIABLES;

interface Option {
  readonly flag: string;
  /** What stands for its value in the help; null for a switch. */
  readonly value: string | null;
  /** The variable that it sets. */
  readonly variable: VariableName | null;
  readonly help: string;
}

export const OPTIONS: readonly Option[] = [
  { flag: "port", value: "number", variable: "PORT", help: "Sets PORT." },
  { flag: "host", value: "address", variable: "HOST", help: "Sets HOST." },
  { flag: "config", value: "path", variable: "CONFIG_PATH", help: "Sets CONFIG_PATH." },
  { flag: "env-file", value: "path", variable: null, help: "Reads variables from this file instead of .env in the working directory." },
  { flag: "version", value: null, variable: null, help: "Prints the version." },
  { flag: "help", value: null, variable: null, help: "Prints this." },
];

function variable(value: string, help: string, { unit, isSecret = false, isVerbatim = false }: Traits = {}): Omit<Variable, "name"> {
  return { default: value, unit: unit ?? null, isSecret, isVerbatim, help };
}

function rows(): Variable[] {
  return Object.entries(VARIABLES).map(([name, row]) => ({ name, ...row }));
}

const INDENT = "      ";

/** What --help prints. */
export function helpText(): string {
  const options = OPTIONS.map(({ flag, value, help }) => `  ${`--${flag}${value === null ? "" : ` <${value}>`}`.padEnd(20)}${help}`);
  const variables = rows().map((row) => `  ${row.name}\n${INDENT}${row.help}\n${INDENT}Default: ${shownDefault(row)}`);
  return [
    "factory-proxy: one server between any AI client and Factory's LLM API.",
    "",
    "Usage: factory-proxy [options]",
    "",
    ...options,
    "",
    "Variables, from the environment or the .env file. Options win over the environment, the environment over the file.",
    "",
    ...variables,
  ].join("\n");
}

/** The text of `.env.example`: every variable with its default, commented out but for the keys. */
export function envExample(): string {
  const blocks = rows().map((row) => {
    const unit = row.unit === null ? "" : ` In ${row.unit}.`;
    const line = `${row.name}=${row.isVerbatim ? JSON.stringify(row.default) : row.default}`;
    return `# ${row.help}${unit}\n${KEYS.has(row.name) ? "" : "#"}${line}\n`;
  });
  return [
    "# Settings of factory-proxy. Copy this file to .env and change what you need; the environment wins over the file.",
    "# A line that is commented out shows the default. Keep .env to yourself: it holds keys.\n",
    ...blocks,
  ].join("\n");
}

const KEYS: ReadonlySet<string> = new Set<VariableName>(["FACTORY_API_KEY", "PROXY_API_KEY"]);

/** The README's table of variables, in Markdown. */
export function variablesTable(): string {
  const lines = rows().map(
    (row) => `| \`${row.name}\` | ${row.default === "" ? "none" : `\`${row.default}\`${unitOf(row)}`} | ${row.help} |`,
  );
  return ["| Variable | Default | What it does |", "|---|---|---|", ...lines, ""].join("\n");
}

function shownDefault(row: Variable): string {
  return row.default === "" ? "none" : row.default + unitOf(row);
}

function unitOf({ unit, default: value }: Variable): string {
  return unit === "seconds" && value !== "0" ? " seconds" : "";
}
