// The command that opens the dashboard. Its options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const OPEN: Command = {
  name: "ui",
  summary: "Opens the dashboard of the server on this machine in a browser, signed in.",
  operands: [],
  options: {
    print: { value: null, help: "Prints the sign-in link instead. It works once, within 10 minutes." },
    url: { value: "url", help: "The server's address. Default: HOST and PORT." },
  },
  examples: ["ui", "ui --print", "ui --url http://127.0.0.1:8080"],
  run: async (input, context) => (await import("./dashboard-link.ts")).openDashboard(input, context),
};

export const UI: readonly Command[] = [OPEN];
