// `bun run package`: what a release is made of. dist/release gets the executables, SHA256SUMS and the CycloneDX list of what is in them;
// dist/npm gets a package for each platform and the launcher. `--host` makes those of this machine only. Never publishes anything.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import packageJson from "../../package.json" with { type: "json" };
import { executableName, hostTarget, TARGETS, type Target } from "./targets.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELEASE = join(ROOT, "dist", "release");
const NPM = join(ROOT, "dist", "npm");
const NPM_SOURCE = join(ROOT, ".github", "npm");

const { version, description, license } = packageJson;
/** Where npm is to say that a package comes from; a release is signed for it. Unset: nowhere. */
const repository = process.env["GITHUB_REPOSITORY"];
const about = {
  version,
  description,
  license,
  ...(repository === undefined ? {} : { repository: { type: "git", url: `git+https://github.com/${repository}.git` } }),
};

const chosen = process.argv.includes("--host") ? TARGETS.filter((target) => target === hostTarget()) : TARGETS;
if (chosen.length === 0) throw new Error(`There is no executable for ${process.platform} ${process.arch}.`);

for (const folder of [RELEASE, NPM]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
for (const target of chosen) {
  build(target);
  packPlatform(target);
}
packLauncher();
writeSums();
writeFileSync(join(RELEASE, "sbom.cdx.json"), `${JSON.stringify(billOfMaterials(), null, 2)}\n`);

/** The same source, Bun and name of the file give the same bytes: the name is in them. */
function build(target: Target): void {
  const path = join(RELEASE, executableName(target));
  run(process.execPath, ["run", "build", `--target=${target.bun}`, "--outfile", path]);
}

function packPlatform(target: Target): void {
  const { name, os, cpu, libc } = target;
  const folder = join(NPM, `factory-proxy-${name}`);
  const file = os === "win32" ? "factory-proxy.exe" : "factory-proxy";
  mkdirSync(folder);
  linkSync(join(RELEASE, executableName(target)), join(folder, file));
  chmodSync(join(folder, file), 0o755);
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "README.md"), `The executable of factory-proxy for ${name}. Install the package factory-proxy instead.\n`);
  writePackage(folder, {
    name: `factory-proxy-${name}`,
    ...about,
    os: [os],
    cpu: [cpu],
    ...(libc === null ? {} : { libc: [libc] }),
    files: [file],
    preferUnplugged: true,
  });
}

function packLauncher(): void {
  const folder = join(NPM, "factory-proxy");
  mkdirSync(folder);
  for (const file of ["launcher.cjs", "README.md"]) copyFileSync(join(NPM_SOURCE, file), join(folder, file));
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  writePackage(folder, {
    name: "factory-proxy",
    ...about,
    bin: { "factory-proxy": "launcher.cjs" },
    files: ["launcher.cjs"],
    engines: { node: ">=18" },
    optionalDependencies: Object.fromEntries(chosen.map(({ name }) => [`factory-proxy-${name}`, version])),
  });
}

function writePackage(folder: string, value: unknown): void {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(value, null, 2)}\n`);
}

function writeSums(): void {
  const lines = chosen.map((target) => {
    const name = executableName(target);
    const hash = createHash("sha256").update(readFileSync(join(RELEASE, name)));
    return `${hash.digest("hex")}  ${name}\n`;
  });
  writeFileSync(join(RELEASE, "SHA256SUMS"), lines.join(""));
}

interface Bill {
  readonly components: readonly unknown[];
}

/** What npm knows of the dependencies, and the runtime that is built in. */
function billOfMaterials(): Bill {
  const words = ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"];
  const bill = JSON.parse(execFileSync("npm", words, { cwd: ROOT, encoding: "utf8", shell: process.platform === "win32" })) as Bill;
  const bun = {
    type: "platform",
    name: "bun",
    version: packageJson.devDependencies.bun,
    purl: `pkg:npm/bun@${packageJson.devDependencies.bun}`,
  };
  return { ...bill, components: [...bill.components, bun] };
}

function run(command: string, words: readonly string[]): void {
  execFileSync(command, words, { cwd: ROOT, stdio: "inherit" });
}
