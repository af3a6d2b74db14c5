// `bun run readme`: writes the generated tables of every README. The rows come from the program's own tables and from the first sentence of
// each source file. It never touches what stands outside of `<!-- name -->` and `<!-- /name -->`, nor the head of a table.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { API_ROUTES, SITE_ROUTES, type Access } from "../src/http/admin/routes.ts";
import { ROUTES } from "../src/http/routes.ts";
import { variablesTable } from "../src/config/variables.ts";
import { Models } from "../src/models/models.ts";
import { CODECS } from "../src/protocol/codecs.ts";
import { ATTACKS } from "./attacks/table.ts";
import { LOSSES, type LossRow } from "./support/losses.ts";

const ROOT = new URL("../", import.meta.url);
/** Folders of src/, by their path in it; the four codecs share the README of `protocol`. */
export const FOLDERS: readonly string[] = readdirSync(new URL("src/", ROOT), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .toSorted();
/** Every README, by its path in the repository. */
export const READMES: readonly string[] = [
  "README.md",
  "README.zh-CN.md",
  "src/README.md",
  ...FOLDERS.map((folder) => `src/${folder}/README.md`),
  "tests/README.md",
  "tests/bench/README.md",
];

type Row = readonly string[];
/** `folder`: where the README is, from the root of the repository. `present`: the first cells of the rows that it has now. */
type Rows = (folder: string, present: readonly string[]) => readonly Row[];

const TABLES: Readonly<Record<string, Rows>> = {
  files: (folder, present) => fileRows(tsFiles(folder), { folder, present }),
  "dashboard-files": (folder, present) => fileRows(dashboardFiles(`${folder}dashboard/`), { folder: `${folder}dashboard/`, present }),
  "codec-files": codecFileRows,
  "own-files": ownFileRows,
  models: modelRows,
  routes: () =>
    ROUTES.filter(({ about, handler }) => about !== null && handler !== "explain").map(({ method, path, about, isPublic }) => [
      `\`${method} ${path}\``,
      about ?? "",
      isPublic ? "none" : "needed",
    ]),
  "admin-routes": () =>
    [...SITE_ROUTES, ...Object.values(API_ROUTES)].map(({ method, path, about, access }) => [
      `\`${method} ${path}\``,
      about,
      KEY_NEEDED[access],
    ]),
  variables: () =>
    variablesTable()
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) => line.slice(2, -2).split(" | ")),
  attacks: () => Object.entries(ATTACKS).map(([name, { about }]) => [`\`${name}\``, about]),
  losses: () => lossRows(["refused", "reported"]),
  "silent-losses": () => lossRows(["dropped", "emulated"]),
};

const KEY_NEEDED: Readonly<Record<Access, string>> = { nobody: "none", key: "ADMIN_KEY or a client key", administrator: "ADMIN_KEY" };

export function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** The names of the tables that a README holds. */
export function tablesIn(text: string): string[] {
  return [...text.matchAll(MARKED)].map(([, name = ""]) => name);
}

const MARKED = /<!-- ([a-z-]+) -->\n([\s\S]*?)<!-- \/\1 -->/g;

/** A README with every table as the program has it now. @throws Error when a table has no head, or a name that nobody knows. */
export function withTables(path: string, text = read(path)): string {
  const folder = path.replace(/[^/]*$/, "");
  return text.replace(MARKED, (_all, name: string, table: string) => {
    const [head, line, ...lines] = table.split("\n").filter((one) => one.startsWith("|"));
    const rows = TABLES[name];
    if (rows === undefined || head === undefined || line === undefined) throw new Error(`${path} has no table ${name} with a head.`);
    const present = lines.map((one) => one.slice(2).split(" | ")[0] ?? "");
    const printed = rows(folder, present).map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`);
    return `<!-- ${name} -->\n\n${head}\n${line}\n${printed.join("")}\n<!-- /${name} -->`;
  });
}

/** In the order in which they stand now, which is that of reading; new files come last. */
function ordered(names: readonly string[], present: readonly string[]): string[] {
  const placeOf = (name: string): number => {
    const place = present.indexOf(`\`${name}\``);
    return place === -1 ? present.length : place;
  };
  return names.toSorted((a, b) => placeOf(a) - placeOf(b));
}

function tsFiles(folder: string): string[] {
  return readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith(".ts"))
    .toSorted();
}

/** Pages and what they share, then the scripts for browsers. */
function dashboardFiles(folder: string): string[] {
  const files = readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
  const sources = files.filter((path) => /\.(?:tsx?|js)$/.test(path) && !path.endsWith(".d.ts"));
  return sources.toSorted((one, other) => one.split("/").length - other.split("/").length || (one < other ? -1 : 1));
}

function fileRows(names: readonly string[], { folder, present }: { readonly folder: string; readonly present: readonly string[] }): Row[] {
  return ordered(names, present).map((name) => [`\`${name}\``, purposeOf(`${folder}${name}`)]);
}

const CODEC_FOLDERS = Object.keys(CODECS).map((id) => `src/protocol/${id}/`);

/** The files that every codec has, in the order of reading, described once for all of them. */
const CODEC_FILES: ReadonlyMap<string, string> = new Map([
  ["codec.ts", "The folder as one `Codec`."],
  ["wire.ts", "Types of the wire, the protocol's names of the canonical fields, and what becomes of each request member."],
  ["capabilities.ts", "What a model of this protocol can do."],
  ["request-decode.ts", "A client's request to canonical."],
  ["request-encode.ts", "Canonical to a request for the upstream."],
  ["reply-decode.ts", "The upstream's answer to canonical, streaming or not. The event sequence is drawn at its head."],
  ["reply-encode.ts", "Canonical to an answer for the client, streaming or not."],
  ["turns-decode.ts", "The turns of a client's conversation to canonical."],
  ["turns-encode.ts", "Canonical turns to those of a request."],
  ["parts-decode.ts", "One content part, block or item to canonical."],
  ["parts-encode.ts", "One canonical part to a content part, block or item."],
  ["tools.ts", "Tools and tool choice, both directions."],
  ["reasoning.ts", "How much reasoning is asked for, and reasoning parts, both directions."],
  ["media.ts", "Images, files and audio, both directions."],
  ["errors.ts", "Errors, both directions."],
  ["edit.ts", "The named edits of a body that passes through."],
  ["seals.ts", "Proofs of reasoning on the wire, and taking those of other makers out of a body that passes through."],
  ["usage.ts", "Token counts, both directions."],
  ["finish.ts", "Why an answer ended, both directions."],
]);

function codecFileRows(): Row[] {
  const present = [...CODEC_FILES.keys()].map((name) => `\`${name}\``);
  return ordered(sharedFiles(), present).map((name) => [`\`${name}\``, CODEC_FILES.get(name) ?? purposeOf(CODEC_FOLDERS[0] + name)]);
}

function sharedFiles(): string[] {
  const [first = "", ...others] = CODEC_FOLDERS;
  return tsFiles(first).filter((name) => others.every((folder) => existsSync(new URL(folder + name, ROOT))));
}

/** What a codec has beside them. */
function ownFileRows(): Row[] {
  const shared = sharedFiles();
  return CODEC_FOLDERS.flatMap((folder) =>
    tsFiles(folder)
      .filter((name) => !shared.includes(name))
      .map((name) => [`\`${folder.split("/").at(-2)}/${name}\``, purposeOf(folder + name)]),
  );
}

/** The first sentence of a file's head. @throws Error when it has none. */
function purposeOf(path: string): string {
  const lines = read(path).split("\n");
  const end = lines.findIndex((line) => !/^\/\/ \S/.test(line));
  const text = lines.slice(0, end === -1 ? undefined : end).map((line) => line.slice("// ".length));
  const [sentence] = /^.*?(?:(?<!\b(?:e\.g|i\.e))\.(?=\s|$)|:$)/.exec(text.join(" ")) ?? [];
  if (sentence === undefined) throw new Error(`${path} does not say at its head what it does.`);
  return sentence.replace(/:$/, ".");
}

/** One line for each protocol and provider. */
function modelRows(): Row[] {
  const endpoints = Object.fromEntries(["messages", "responses", "chat", "gemini", "bedrock"].map((name) => [name, "http://localhost/"]));
  const models = new Models({ endpoints: endpoints as ConstructorParameters<typeof Models>[0]["endpoints"], models: [] }).list();
  const keys = [...new Set(models.map(({ protocol, provider }) => `\`${protocol}\` | ${provider}`))];
  return keys.map((key) => {
    const of = models.filter(({ protocol, provider }) => `\`${protocol}\` | ${provider}` === key);
    return [...key.split(" | "), of.map(({ id }) => `\`${id}\``).join(", ")];
  });
}

/** One line a reason; behind it, by target, the fields that it is the reason for. */
function lossRows(kinds: readonly LossRow["how"][]): Row[] {
  return kinds.flatMap((how) => {
    const rows = LOSSES.filter((row) => row.how === how);
    return [...new Set(rows.map(({ reason }) => reason))].toSorted().map((reason) => {
      const of = rows.filter((row) => row.reason === reason);
      const pairs = [...new Set(of.map(pairOf))].map((pair) => {
        const fields = of
          .filter((row) => pairOf(row) === pair)
          .map(({ field, model }) => `\`${field}\`${model === undefined ? "" : ` (${model})`}`);
        return `${pair}: ${[...new Set(fields)].join(", ")}`;
      });
      return [how, reason, pairs.join("; ")];
    });
  });
}

function pairOf({ from, to }: LossRow): string {
  return `${from} → ${to}`;
}

if (import.meta.main) {
  for (const path of READMES) writeFileSync(new URL(path, ROOT), withTables(path));
  process.stdout.write("The READMEs have their tables.\n");
}
