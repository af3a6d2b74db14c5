#!/usr/bin/env node
// Starts the executable of this platform, which npm has installed beside this package. Hands over its terminal, signals and exit code.
"use strict";

const { spawn } = require("node:child_process");
const { chmodSync } = require("node:fs");

const OS = { win32: "windows" }[process.platform] || process.platform;
const FILE = process.platform === "win32" ? "factory-proxy.exe" : "factory-proxy";
const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "windows-x64", "windows-arm64"];
const platform = `${OS}-${process.arch}`;

function isMusl() {
  return process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
}

function end(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function executable() {
  if (!PLATFORMS.includes(platform))
    end(`factory-proxy has no executable for ${process.platform} ${process.arch}. Run it from its source with Bun or Deno.`);
  // An emulated or older npm may have installed the other C library's.
  const names = isMusl() ? [`${platform}-musl`, platform] : [platform, `${platform}-musl`];
  for (const name of names) {
    try {
      return require.resolve(`factory-proxy-${name}/${FILE}`);
    } catch {
      // The next one.
    }
  }
  return end(
    `The package factory-proxy-${names[0]}, which holds the program, is not installed. npm leaves it out with --omit=optional or --no-optional, ` +
      "and where node_modules was copied from another platform. Install factory-proxy again without them: npm install factory-proxy --include=optional",
  );
}

function start(path, isAgain) {
  const child = spawn(path, process.argv.slice(2), { stdio: "inherit", windowsHide: false });
  const handOn = (signal) => {
    // A terminal has told the child already, and a server that is told twice stops at once.
    const isTold = signal !== "SIGTERM" && process.stdin.isTTY;
    if (!isTold) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, handOn);
  child.on("error", (error) => {
    for (const signal of signals) process.removeListener(signal, handOn);
    // Some package managers drop the mode of files.
    if (error.code === "EACCES" && !isAgain) {
      try {
        chmodSync(path, 0o755);
        return start(path, true);
      } catch {
        // Told below.
      }
    }
    return end(`${path} can't be started (${error.code || error.message}).`);
  });
  child.on("exit", (code, signal) => {
    for (const name of signals) process.removeListener(name, handOn);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
  });
}

start(executable(), false);
