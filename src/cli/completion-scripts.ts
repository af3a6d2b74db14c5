// Completion scripts for shells, made from the table of commands: the words of a command, its options, and values for its operands.
// They run nothing: everything that they offer is in their text.

import { AGENTS } from "./agents/agents.ts";
import { COMMON_OPTIONS, type Command, type Option } from "./command.ts";
import { SERVE } from "./serve-options.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;

interface Offer {
  /** `keys add`; "" before any command. */
  readonly path: string;
  readonly words: readonly Word[];
}

interface Word {
  readonly text: string;
  /** A sentence. */
  readonly help: string;
}

export function completionScript(shell: (typeof SHELLS)[number], commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](offersOf([{ ...SERVE, run: () => {} }, ...commands]));
}

function offersOf(commands: readonly Command[]): Offer[] {
  const firsts = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
  const start = firsts.map((text) => ({ text, help: summaryOf(text, commands) }));
  const groups = firsts.flatMap((first): Offer[] => {
    const words = commands.flatMap(({ name, summary }) =>
      name.startsWith(`${first} `) ? [{ text: name.slice(first.length + 1), help: summary }] : [],
    );
    const own = commands.find(({ name }) => name === first);
    return [{ path: first, words: [...words, ...(own === undefined ? [] : wordsOf(own, firsts))] }];
  });
  const seconds = commands
    .filter(({ name }) => name.includes(" "))
    .map((command) => ({ path: command.name, words: wordsOf(command, firsts) }));
  return [{ path: "", words: [...start, ...optionsOf(SERVE.options)] }, ...groups, ...seconds];
}

function summaryOf(first: string, commands: readonly Command[]): string {
  const own = commands.filter(({ name }) => name === first || name.startsWith(`${first} `));
  const [only] = own;
  return own.length === 1 && only !== undefined ? only.summary : `${own.length} commands about ${first}.`;
}

function wordsOf({ operands, options }: Command, firsts: readonly string[]): Word[] {
  const [operand = ""] = operands;
  return [...wordsFor(operand.replace(/[[\]]/g, ""), firsts), ...optionsOf({ ...options, ...COMMON_OPTIONS })];
}

function wordsFor(operand: string, firsts: readonly string[]): Word[] {
  if (operand === "AGENT") return AGENTS.map(({ id, title }) => ({ text: id, help: title }));
  if (operand === "SHELL") return SHELLS.map((text) => ({ text, help: "" }));
  return operand === "COMMAND" ? firsts.map((text) => ({ text, help: "" })) : [];
}

function optionsOf(options: Readonly<Record<string, Option>>): Word[] {
  return Object.entries(options).map(([name, { help }]) => ({ text: `--${name}`, help }));
}

/** In single quotes, for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The longest path that the typed words begin with. */
const FIND_PATH = `  local words_of=""
  if [[ "$second" != -* && -n "$second" ]] && _factory_proxy_words "$first $second" >/dev/null; then words_of="$first $second"
  elif _factory_proxy_words "$first" >/dev/null; then words_of="$first"; fi`;

function wordsFunction(offers: readonly Offer[], line: (word: Word) => string): string {
  const cases = offers.map(
    ({ path, words }) => `    ${quoted(path)}) printf '%s\\n' ${words.map((word) => quoted(line(word))).join(" ")} ;;`,
  );
  return ["_factory_proxy_words() {", '  case "$1" in', ...cases, "    *) return 1 ;;", "  esac", "}"].join("\n");
}

function bash(offers: readonly Offer[]): string {
  return `# factory-proxy in bash. Made by: factory-proxy completion bash
${wordsFunction(offers, ({ text }) => text)}
_factory_proxy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first="" second=""
  if (( COMP_CWORD > 1 )); then first="\${COMP_WORDS[1]}"; fi
  if (( COMP_CWORD > 2 )); then second="\${COMP_WORDS[2]}"; fi
${FIND_PATH}
  local IFS=$'\\n'
  COMPREPLY=( $(compgen -W "$(_factory_proxy_words "$words_of")" -- "$current") )
}
complete -o default -F _factory_proxy factory-proxy`;
}

function zsh(offers: readonly Offer[]): string {
  // In a list for zsh, a colon ends the word.
  const line = ({ text, help }: Word): string => (help === "" ? text : `${text.replaceAll(":", String.raw`\:`)}:${help}`);
  return `#compdef factory-proxy
# factory-proxy in zsh. Made by: factory-proxy completion zsh
${wordsFunction(offers, line)}
_factory_proxy() {
  local first="" second=""
  (( CURRENT > 2 )) && first="\${words[2]}"
  (( CURRENT > 3 )) && second="\${words[3]}"
${FIND_PATH}
  local -a offered options
  offered=("\${(@f)$(_factory_proxy_words "$words_of")}")
  options=("\${(@M)offered:#--*}")
  offered=("\${(@)offered:#--*}")
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe -o option options
  elif (( \${#offered} )); then _describe command offered || _files
  else _files; fi
}
if [[ "\${funcstack[1]}" == _factory-proxy ]]; then _factory_proxy "$@"; else compdef _factory_proxy factory-proxy; fi`;
}

function fish(offers: readonly Offer[]): string {
  const quotedForFish = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
  const lineOf = (path: string, { text, help }: Word): string => {
    const word = text.startsWith("--") ? `-l ${text.slice(2)}` : `-f -a ${quotedForFish(text)}`;
    return `complete -c factory-proxy -n ${quotedForFish(`__factory_proxy_at ${quotedForFish(path)}`)} ${word}${help === "" ? "" : ` -d ${quotedForFish(help)}`}`;
  };
  const paths = offers.map(({ path }) => path).filter((path) => path !== "");
  return `# factory-proxy in fish. Made by: factory-proxy completion fish
function __factory_proxy_at
  set -l typed (commandline -opc)
  set -l paths ${paths.map(quotedForFish).join(" ")}
  set -l path ""
  if test (count $typed) -gt 1; and contains -- "$typed[2]" $paths
    set path "$typed[2]"
  end
  if test (count $typed) -gt 2; and contains -- "$typed[2] $typed[3]" $paths
    set path "$typed[2] $typed[3]"
  end
  test "$path" = "$argv[1]"
end
${offers.flatMap(({ path, words }) => words.map((word) => lineOf(path, word))).join("\n")}`;
}
