// setup over every agent, each in a home folder of its own: what is written, and that the undo leaves the identical tree.

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { MemoryStore } from "../../src/access/stores/memory.ts";
import { ADDED, valueAt, type FormatName } from "../../src/cli/settings-format.ts";
import { settingsIn } from "../../src/cli/settings-formats.ts";
import { KEY_VARIABLE, type Agent, type SettingsFile } from "../../src/cli/agents/agent.ts";
import { AGENTS } from "../../src/cli/agents/agents.ts";
import { CommandError, readInput, type Context } from "../../src/cli/command.ts";
import { setupIn } from "../../src/cli/setup.ts";
import { read } from "../support/configuration.ts";
import { cleanUp, emptyFolder, OWN_WAYS, start } from "../support/program.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 15);
/** No server ever answers there. */
const OURS = "http://127.0.0.1:1";
const SILENCE = `No server answers at ${OURS} yet. Start one with factory-proxy serve.`;
const isWindows = process.platform === "win32";

interface Said {
  readonly code: number;
  readonly out: string;
  readonly note: string;
}

class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "factory-proxy-setup-"));
  readonly home = join(this.folder, "home");
  readonly dataDir = join(this.folder, "data");
  readonly store = new MemoryStore();
  environment: Record<string, string> = {};
  /** What is answered when it asks; null: there is no terminal. */
  answer: boolean | null = null;
  readonly asked: string[] = [];

  constructor() {
    mkdirSync(this.home);
  }

  async run(line: string): Promise<Said> {
    const [out, notes]: [string[], string[]] = [[], []];
    const words = line.split(" ");
    const isJson = words.includes("--json");
    const command = setupIn({
      home: this.home,
      machine: "MyBook.local",
      environment: this.environment,
      platform: process.platform,
    });
    const context: Context = {
      now: () => NOW_MS,
      isJson,
      config: () => read({ environment: { PROXY_API_KEY: "bruno=secret-of-bruno", PORT: "1", DATA_DIR: this.dataDir } }),
      envHere: () => null,
      store: () => Promise.resolve(this.store),
      print: (text) => void out.push(text),
      show: (value, text) => void out.push(isJson ? JSON.stringify(value) : text()),
      note: (text) => void notes.push(text),
      ask: this.answer === null ? null : (question) => this.#ask(question),
      style: (_, text) => text,
      read: (path) => assert.fail(`no file ${path}`),
    };
    try {
      const code = (await command.run(readInput(words, command), context)) ?? 0;
      return { code, out: out.join("\n"), note: notes.join("\n") };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { code: error.exitCode, out: out.join("\n"), note: error.message };
    }
  }

  #ask(question: string): Promise<boolean> {
    this.asked.push(question);
    return Promise.resolve(this.answer ?? false);
  }

  path(...names: readonly string[]): string {
    return join(this.home, ...names);
  }

  put(name: string, text: string): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  text(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** Every file, link and folder of the home with its permissions. */
  tree(): string[] {
    return readdirSync(this.home, { recursive: true, encoding: "utf8" })
      .sort()
      .map((name) => {
        const stat = lstatSync(this.path(name));
        const content = stat.isSymbolicLink()
          ? `-> ${readlinkSync(this.path(name))}`
          : stat.isFile()
            ? JSON.stringify(this.text(name))
            : "/";
        return `${name} ${(stat.mode & 0o777).toString(8)} ${content}`;
      });
  }
}

/** A test with a home of its own, removed at its end. */
function testAt(name: string, body: (desk: Desk) => Promise<void>): void {
  test(name, async () => {
    const desk = new Desk();
    try {
      await body(desk);
    } finally {
      rmSync(desk.folder, { recursive: true, force: true });
    }
  });
}

test("setups that run at the same time share one key, which goes with the last of them", async (context) => {
  context.after(cleanUp);
  const [way] = OWN_WAYS;
  assert.ok(way);
  const [home, cwd] = [emptyFolder(), emptyFolder()];
  const env = { HOME: home, USERPROFILE: home, DATA_DIR: join(cwd, "data"), DATABASE_URL: `sqlite:${join(cwd, "store.db")}` };
  const cache = process.env["DENO_DIR"] ?? join(process.env["HOME"] ?? "", ".cache", "deno");
  const run = async (line: string): Promise<unknown> => {
    const words = [...line.split(" "), "--json"];
    const { code, stdout, stderr } = await start(way, { cwd, env: { ...env, DENO_DIR: cache }, arguments: words }).ended;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const names = async (): Promise<unknown[]> => ((await run("keys list")) as { name: string }[]).map(({ name }) => name);
  // The store is made by one process, so that they have nothing to wait for but one another.
  assert.deepEqual(await names(), []);
  const agents = ["codex", "gemini", "opencode", "pi"];
  const made = await Promise.all(agents.map((agent) => run(`setup ${agent} --write --yes`) as Promise<{ key: string }>));
  assert.deepEqual(new Set(made.map(({ key }) => key)), new Set(await names()));
  assert.equal((await names()).length, 1);
  await Promise.all(agents.map((agent) => run(`setup ${agent} --undo`)));
  assert.deepEqual(await names(), []);
});

const placeOf = ({ folder, names }: SettingsFile): string => join(folder, names.at(-1) ?? "");
const written = AGENTS.filter(({ files }) => files.length > 0);

/** What people have in such files. */
const BEFORE: Readonly<Record<FormatName, string>> = {
  jsonc:
    '// My settings {\n{\n    "theme": "dark", // not light\n    "list": [ 1,2 , 3 ],\n    /* "old": true, */\n    "env": {"MINE": "1"},\n}',
  toml: '# My settings\napproval_policy = "never" # "always"?\n\n[features]\nweb_search=true\n\n\n[projects."/x"]\ntrust_level   = \'trusted\'\n# the end',
  env: "# My variables\nexport MINE='1' # one\n\nOTHER=2",
};
const SHAPES: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "with Windows line ends and a byte order mark": (text) => `\uFEFF${text.replaceAll("\n", "\r\n")}`,
  "with a last line end": (text) => `${text}\n`,
};

for (const agent of written) {
  testAt(`${agent.title}: setup writes what it needs, a second time nothing, and the undo leaves an empty home`, async (desk) => {
    const before = desk.tree();
    const { code, out, note } = await desk.run(`${agent.id} --write --yes`);
    assert.deepEqual([code, note.includes("Removed the key")], [0, false]);
    assert.match(out, /^Undo: factory-proxy setup \w+ --undo$/m);
    for (const file of agent.files) {
      checkFile(desk, agent, file);
      const { mode } = lstatSync(desk.path(placeOf(file)));
      if (!isWindows) assert.equal(mode & 0o777, file.holdsKey ? 0o600 : 0o644);
    }
    const after = desk.tree();
    assert.deepEqual(await desk.run(`${agent.id} --write --yes`), {
      code: 0,
      out: `${agent.title} is already set up. Nothing to write.`,
      note: SILENCE,
    });
    assert.deepEqual(desk.tree(), after);
    const undone = await desk.run(`${agent.id} --undo`);
    assert.equal(undone.code, 0);
    assert.deepEqual(desk.tree(), before);
    assert.equal((await desk.store.keys()).length, 0);
    assert.deepEqual(existsSync(join(desk.dataDir, "setup")), false);
    assert.equal((await desk.run(`${agent.id} --undo`)).out, `${agent.title} is not set up. Nothing to undo.`);
  });

  for (const [shape, shaped] of Object.entries(SHAPES)) {
    testAt(`${agent.title}: what a person has in the file stays, and comes back byte for byte, ${shape}`, async (desk) => {
      for (const file of agent.files) desk.put(placeOf(file), shaped(BEFORE[file.format]));
      const before = desk.tree();
      assert.equal((await desk.run(`${agent.id} --write --yes --model glm-5.2 --model claude-sonnet-5`)).code, 0);
      for (const file of agent.files) {
        checkFile(desk, agent, file);
        const text = desk.text(placeOf(file));
        assert.deepEqual(missingLines(shaped(BEFORE[file.format]), text), []);
        assert.equal(text.startsWith("\uFEFF"), shape.includes("mark"));
        if (shape.includes("Windows")) assert.doesNotMatch(text, /(?<!\r)\n/);
      }
      // Another choice replaces the first, and the undo still leads back to the beginning.
      assert.equal((await desk.run(`${agent.id} --write --yes --model gpt-5.5 --url http://10.0.0.1:9000`)).code, 0);
      for (const file of agent.files) assert.ok(!desk.text(placeOf(file)).includes(OURS));
      assert.equal((await desk.run(`${agent.id} --undo`)).code, 0);
      assert.deepEqual(desk.tree(), before);
    });
  }

  testAt(`${agent.title}: what was edited since stays, and only our lines go`, async (desk) => {
    for (const file of agent.files) desk.put(placeOf(file), BEFORE[file.format]);
    assert.equal((await desk.run(`${agent.id} --write --yes`)).code, 0);
    const edits: Readonly<Record<FormatName, (text: string) => string>> = {
      jsonc: (text) => text.replace('"theme": "dark"', '"theme": "light", "more": {}'),
      toml: (text) => text.replace("web_search=true", "web_search=false\nmore = 1 # more"),
      env: (text) => text.replace("OTHER=2", "OTHER=3"),
    };
    for (const file of agent.files) writeFileSync(desk.path(placeOf(file)), edits[file.format](desk.text(placeOf(file))));
    const { code, out } = await desk.run(`${agent.id} --undo`);
    assert.equal(code, 0);
    for (const file of agent.files) {
      assert.ok(out.includes(`${desk.path(placeOf(file))} was edited since setup; only the lines that setup added were removed.`));
      const expected = edits[file.format](BEFORE[file.format]);
      assert.equal(desk.text(placeOf(file)).replaceAll(/\s/g, ""), expected.replaceAll(/\s/g, ""));
      assert.deepEqual(settingsIn(desk.text(placeOf(file)), file.format), settingsIn(expected, file.format));
    }
    assert.equal(out.match(/Backup from before setup: (.+)/g)?.length, agent.files.length);
  });
}

/** All edits of a file are in it. The key is one that the store knows, or stands in a variable. */
function checkFile(desk: Desk, { protocols }: Agent, file: SettingsFile): void {
  const settings = settingsIn(desk.text(placeOf(file)), file.format);
  const limits = { contextTokens: null, outputTokens: null };
  const models = [{ id: "glm-5.2", protocol: protocols[0] ?? "openai-chat", limits }];
  for (const { path } of file.edits({ url: OURS, key: "", models })) {
    const isOurs =
      path.includes(ADDED) ||
      path.some((step) => String(step).includes("MODEL")) ||
      ["model", "models"].some((name) => path.includes(name));
    if (!isOurs && !path.includes("providers")) assert.notEqual(valueAt(settings, path), undefined, path.join("."));
  }
  const text = desk.text(placeOf(file));
  assert.equal(/fp-[0-9A-Za-z]{32}/.test(text), file.holdsKey);
}

/** Lines of a text that another lacks, but for a comma at their end. */
function missingLines(text: string, other: string): string[] {
  const bare = (line: string): string => line.replace(/,?\r?$/, "");
  const others = other.split("\n").map(bare);
  // `env` in one line gets further members.
  return text
    .split("\n")
    .map(bare)
    .filter((line) => !others.includes(line) && !line.includes('"env"'));
}

// ---- Asking and refusing ------------------------------------------------------------------------------------------

testAt("without a word, and with --show, nothing is written, and no secret is shown", async (desk) => {
  desk.put(".claude/settings.json", '{"env": {"ANTHROPIC_AUTH_TOKEN": "of-another-gateway", "OTHER_API_KEY": "of-a-friend"}}');
  const before = desk.tree();
  for (const line of ["claude", "claude --show --model glm-5.2", "--all --show", "--all --json"]) {
    const { code, out } = await desk.run(line);
    assert.equal(code, 0);
    assert.ok(!out.includes("of-another-gateway") && !out.includes("of-a-friend"));
    assert.match(out, /ANTHROPIC_BASE_URL/);
  }
  assert.deepEqual(desk.tree(), before);
  assert.equal((await desk.store.keys()).length, 0);
  assert.equal(existsSync(desk.dataDir), false);
});

testAt("--write asks, and does nothing on a no or where nobody can be asked", async (desk) => {
  assert.deepEqual(await desk.run("codex --write"), {
    code: 2,
    out: "",
    note: "Can't ask for confirmation without a terminal. Review the changes with --show, then write them with --write --yes.",
  });
  desk.answer = false;
  const { code, out, note } = await desk.run("codex --write");
  assert.deepEqual([code, note, desk.asked], [1, "Nothing was written.", ["Write these changes?"]]);
  assert.match(out, /^\+model_provider = "factory-proxy"$/m);
  assert.deepEqual(desk.tree(), []);
  desk.answer = true;
  assert.equal((await desk.run("codex --write")).code, 0);
  assert.match(desk.text(".codex/config.toml"), /factory-proxy/);
});

testAt("what can't be meant is wrong use", async (desk) => {
  const wrong: readonly (readonly [line: string, note: RegExp])[] = [
    ["--show", /^Missing AGENT: one of claude, /],
    ["cluade", /Did you mean "claude"\?/],
    ["claude --show --undo", /^Use either --show or --undo, not both\.$/],
    ["--all --write --yes", /one at a time/],
    ["claude --url 127.0.0.1:8000", /^--url must begin with http/],
  ];
  for (const [line, note] of wrong) {
    const said = await desk.run(line);
    assert.equal(said.code, 2, line);
    assert.match(said.note, note);
  }
});

testAt("Copilot CLI gets lines for a shell, and no file", async (desk) => {
  const shown = await desk.run("copilot");
  assert.equal(shown.code, 0);
  assert.match(shown.out, /COPILOT_PROVIDER_BASE_URL/);
  const { code, note } = await desk.run("copilot --write --yes");
  assert.equal(code, 1);
  assert.match(note, /reads environment variables, not a settings file/);
  assert.deepEqual(desk.tree(), []);
});

testAt("a file that is invalid, read-only or no text gets a sentence, and nothing is written, not even the other file", async (desk) => {
  const env = desk.put(".gemini/.env", "A=1");
  const path = desk.put(".gemini/settings.json", '{"a": 1');
  const refused = async (words: RegExp): Promise<void> => {
    const before = desk.tree();
    const { code, note } = await desk.run("gemini --write --yes");
    assert.equal(code, 1);
    assert.match(note, words);
    assert.deepEqual(desk.tree(), before);
    assert.equal((await desk.store.keys()).length, 0);
  };
  await refused(/settings\.json is not valid JSON \(.+ in line 1\)\. Nothing was written\.$/);
  writeFileSync(path, Uint8Array.of(0x7b, 0xff, 0x7d));
  await refused(/settings\.json is not UTF-8 text\. Nothing was written\.$/);
  rmSync(path);
  mkdirSync(path);
  await refused(/settings\.json is not a file\. Nothing was written\.$/);
  rmSync(path, { recursive: true });
  writeFileSync(path, "{}");
  chmodSync(env, 0o444);
  await refused(/\.env is read-only\. Nothing was written\.$/);
  chmodSync(env, 0o644);
  if (!isWindows) {
    chmodSync(dirname(path), 0o555);
    await refused(/is in a read-only folder\. Nothing was written\.$/);
    chmodSync(dirname(path), 0o755);
  }
  assert.equal((await desk.run("gemini --write --yes")).code, 0);
});

testAt("a file that has become invalid since stays, and the undo says so", async (desk) => {
  await desk.run("claude --write --yes");
  desk.put(".claude/settings.json", "{ broken");
  const { code, note } = await desk.run("claude --undo");
  assert.equal(code, 1);
  assert.match(note, /settings\.json is not valid JSON/);
  assert.equal(desk.text(".claude/settings.json"), "{ broken");
  assert.equal((await desk.store.keys()).length, 1);
  rmSync(desk.path(".claude/settings.json"));
  assert.match((await desk.run("claude --undo")).out, /has nothing to undo: it no longer exists\.$/);
});

testAt("what was changed in our lines stays, and is named", async (desk) => {
  desk.put(".claude/settings.json", '{"env": {"ANTHROPIC_BASE_URL": "http://mine"}}');
  await desk.run("claude --write --yes");
  desk.put(".claude/settings.json", desk.text(".claude/settings.json").replace(OURS, "http://theirs"));
  const { out } = await desk.run("claude --undo");
  assert.match(out, /^ {2}env\.ANTHROPIC_BASE_URL was changed since and was kept\.$/m);
  assert.deepEqual(JSON.parse(desk.text(".claude/settings.json")), { env: { ANTHROPIC_BASE_URL: "http://theirs" } });
});

testAt("a copy that is not what it was is not put back: our lines are taken out instead", async (desk) => {
  const text = '{ "env": {"ANTHROPIC_BASE_URL": "http://mine"} }';
  desk.put(".claude/settings.json", text);
  await desk.run("claude --write --yes");
  const setup = join(desk.dataDir, "setup");
  const copy = readdirSync(setup).find((name) => name.endsWith("settings.json")) ?? "";
  assert.equal(readFileSync(join(setup, copy), "utf8"), text);
  if (!isWindows)
    assert.deepEqual(
      [setup, join(setup, copy)].map((path) => lstatSync(path).mode & 0o777),
      [0o700, 0o600],
    );
  writeFileSync(join(setup, copy), "{}");
  await desk.run("claude --undo");
  assert.equal(desk.text(".claude/settings.json"), text);
});

// ---- Links, folders and permissions ------------------------------------------------------------------------------------

if (!isWindows) {
  testAt(
    "a symbolic link stays, and the file behind it is edited; so it is behind a folder that is a link, or where the file is missing",
    async (desk) => {
      desk.put("dotfiles/claude.json", "{}");
      mkdirSync(desk.path(".claude"));
      symlinkSync("../dotfiles/claude.json", desk.path(".claude/settings.json"));
      mkdirSync(desk.path("dotfiles/codex"));
      symlinkSync(desk.path("dotfiles/codex"), desk.path(".codex"));
      mkdirSync(desk.path(".factory"));
      symlinkSync("../dotfiles/deep/droid.json", desk.path(".factory/settings.json"));
      const before = desk.tree();
      for (const agent of ["claude", "codex", "droid"]) assert.equal((await desk.run(`${agent} --write --yes`)).code, 0);
      for (const link of [".claude/settings.json", ".codex", ".factory/settings.json"])
        assert.ok(lstatSync(desk.path(link)).isSymbolicLink());
      assert.match(desk.text("dotfiles/claude.json"), /ANTHROPIC_BASE_URL/);
      assert.match(desk.text("dotfiles/codex/config.toml"), /factory-proxy/);
      assert.match(desk.text("dotfiles/deep/droid.json"), /customModels/);
      for (const agent of ["claude", "codex", "droid"]) assert.equal((await desk.run(`${agent} --undo`)).code, 0);
      assert.deepEqual(desk.tree(), before);
    },
  );

  testAt("permissions are kept, made narrower for a key, and come back", async (desk) => {
    chmodSync(desk.put(".codex/config.toml", ""), 0o640);
    chmodSync(desk.put(".claude/settings.json", "{}"), 0o664);
    const before = desk.tree();
    for (const agent of ["claude", "codex"]) await desk.run(`${agent} --write --yes`);
    const modes = [".codex/config.toml", ".claude/settings.json"].map((name) => lstatSync(desk.path(name)).mode & 0o777);
    assert.deepEqual(modes, [0o640, 0o600]);
    for (const agent of ["claude", "codex"]) await desk.run(`${agent} --undo`);
    assert.deepEqual(desk.tree(), before);
  });
}

testAt("folders that were made go with the undo, but not those in which something new is", async (desk) => {
  await desk.run("pi --write --yes");
  desk.put(".pi/mine.txt", "");
  await desk.run("pi --undo");
  assert.deepEqual(readdirSync(desk.path(".pi")), ["mine.txt"]);
});

testAt("what a setup that was killed has left beside its files goes with the undo, and nobody else's", async (desk) => {
  const before = desk.tree();
  await desk.run("claude --write --yes");
  const record = join(desk.dataDir, "setup", "claude.json");
  const settings = desk.path(".claude/settings.json");
  // As it is where the process ended before the files got their names.
  for (const path of [record, settings]) writeFileSync(`${path}.0123abcd.new`, "secret");
  rmSync(settings);
  await desk.run("claude --undo");
  assert.deepEqual(desk.tree(), before);
  assert.equal(existsSync(join(desk.dataDir, "setup")), false);
  desk.put(".claude/settings.json.mine.new", "mine");
  await desk.run("claude --write --yes");
  await desk.run("claude --undo");
  assert.deepEqual(readdirSync(desk.path(".claude")), ["settings.json.mine.new"]);
});

testAt("a variable that names the agent's folder is followed, and of two files the one that is there", async (desk) => {
  desk.environment = { CODEX_HOME: desk.path("elsewhere"), XDG_CONFIG_HOME: desk.path("xdg") };
  desk.put("xdg/opencode/opencode.jsonc", "{} // mine");
  await desk.run("codex --write --yes");
  await desk.run("opencode --write --yes");
  assert.deepEqual(
    ["elsewhere/config.toml", ".codex", "xdg/opencode/opencode.json"].map((name) => existsSync(desk.path(name))),
    [true, false, false],
  );
  assert.match(desk.text("xdg/opencode/opencode.jsonc"), /\/\/ mine/);
});

// ---- Keys ---------------------------------------------------------------------------------------------------------

const keyNames = async (desk: Desk): Promise<string[]> => (await desk.store.keys()).map(({ name }) => name);
const keyIn = (text: string): string => /fp-[0-9A-Za-z]{32}/.exec(text)?.[0] ?? "";

testAt("all agents of a machine get one key, which setup names, and which goes with the last of them", async (desk) => {
  const codex = await desk.run("codex --write --yes");
  const key = keyIn(codex.out);
  assert.deepEqual(codex.note.split("\n"), [
    "Made the key setup-mybook. Setup uses it for all agents on this machine.",
    "Codex reads the key setup-mybook from FACTORY_PROXY_KEY. Add this line to your shell profile:",
    SILENCE,
  ]);
  const claude = await desk.run("claude --write --yes");
  assert.equal(keyIn(desk.text(".claude/settings.json")), key);
  assert.equal(claude.note, `Using the key setup-mybook, which setup made earlier for this machine.\n${SILENCE}`);
  assert.match(claude.out, /settings\.json contains the key setup-mybook in plain text/);
  assert.equal(keyIn(claude.out), "");
  assert.equal(keyIn((await desk.run("opencode --write --yes")).out), key);
  assert.equal(keyIn((await desk.run("copilot")).out), key);
  assert.equal(keyIn((await desk.run("--all")).out), "");
  assert.deepEqual(await keyNames(desk), ["setup-mybook"]);
  const stays = "The key setup-mybook was kept: it is still used by ";
  assert.equal((await desk.run("codex --undo")).note, `${stays}claude, opencode. To remove it: factory-proxy keys rm setup-mybook`);
  assert.equal((await desk.run("claude --undo")).note, `${stays}opencode. To remove it: factory-proxy keys rm setup-mybook`);
  assert.equal((await desk.run("opencode --undo")).note, "Removed the key setup-mybook.");
  assert.deepEqual(await keyNames(desk), []);
});

testAt("an agent that gets the key of the machine from the variable is one of those that use it", async (desk) => {
  const key = keyIn((await desk.run("codex --write --yes")).out);
  desk.environment = { [KEY_VARIABLE]: key };
  assert.deepEqual(await desk.run("opencode --write --yes --json").then(({ out }) => JSON.parse(out).key), "setup-mybook");
  assert.match((await desk.run("codex --undo")).note, /^The key setup-mybook was kept: it is still used by opencode\./);
  assert.equal((await desk.run("opencode --undo")).note, "Removed the key setup-mybook.");
});

testAt("another key of the name, as of another person at the same store, is left alone", async (desk) => {
  await desk.run("codex --write --yes");
  const [theirs] = await desk.store.keys();
  rmSync(desk.dataDir, { recursive: true });
  await desk.run("claude --write --yes");
  assert.deepEqual(await keyNames(desk), ["setup-mybook", "setup-mybook-2"]);
  assert.deepEqual((await desk.store.keys())[0], theirs);
});

testAt("a key that somebody made under the name, once ours was removed, is neither written nor removed", async (desk) => {
  await desk.run("claude --write --yes");
  const [ours] = await desk.store.keys();
  assert.ok(ours !== undefined);
  await desk.store.updateKey("setup-mybook", () => null);
  const theirs = { ...ours, createdMs: ours.createdMs + 1, hash: "0".repeat(64) };
  await desk.store.insertKey(theirs);
  await desk.run("codex --write --yes");
  assert.deepEqual(await keyNames(desk), ["setup-mybook", "setup-mybook-2"]);
  assert.match((await desk.run("claude --undo")).note, /^Could not remove the key setup-mybook\. Setup did not make it\.$/m);
  assert.equal((await desk.run("codex --undo")).note, "Removed the key setup-mybook-2.");
  assert.deepEqual(await desk.store.keys(), [theirs]);
});

testAt("a damaged record of one agent keeps no other from being set up and undone, and keeps the key", async (desk) => {
  await desk.run("codex --write --yes");
  const damaged = join(desk.dataDir, "setup", "codex.json");
  writeFileSync(damaged, "{");
  for (const command of ["claude --write --yes", "opencode --write --yes", "claude --show", "claude --undo"])
    assert.equal((await desk.run(command)).code, 0, command);
  const { code, note } = await desk.run("opencode --undo");
  assert.deepEqual(
    [code, note],
    [
      0,
      `The key setup-mybook-2 was kept: another agent may use it, as ${damaged} is damaged. To remove it: factory-proxy keys rm setup-mybook-2`,
    ],
  );
  assert.match((await desk.run("codex --undo")).note, /is damaged\. Backups/);
});

testAt("--key takes a key of PROXY_API_KEY, and says what else there is for any other", async (desk) => {
  assert.equal((await desk.run("claude --write --yes --key bruno")).code, 0);
  assert.match(desk.text(".claude/settings.json"), /"ANTHROPIC_AUTH_TOKEN": "secret-of-bruno"/);
  assert.equal((await desk.store.keys()).length, 0);
  const { code, note } = await desk.run("codex --write --yes --key carla");
  assert.equal(code, 1);
  assert.match(note, /^PROXY_API_KEY has no key named carla/);
});

testAt("a key that is gone from the store, or was changed there, is made anew by the next --write", async (desk) => {
  await desk.run("claude --write --yes");
  const [before, note] = [desk.text(".claude/settings.json"), /^Claude Code's key setup-mybook no longer works/];
  await desk.store.updateKey("setup-mybook", () => null);
  assert.match((await desk.run("claude --write --yes")).note, note);
  const after = desk.text(".claude/settings.json");
  assert.notEqual(after, before);
  await desk.store.updateKey("setup-mybook", (record) => ({ ...record, hash: "0".repeat(64) }));
  assert.match((await desk.run("claude --write --yes")).note, note);
  assert.notEqual(desk.text(".claude/settings.json"), after);
  await desk.run("claude --undo");
  assert.deepEqual(desk.tree(), []);
  assert.deepEqual(await keyNames(desk), ["setup-mybook"]);
});
