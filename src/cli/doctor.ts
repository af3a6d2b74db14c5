// Checks the configuration and its surroundings. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const EXAMINE: Command = {
  name: "doctor",
  summary: "Checks configuration, keys, Factory's host, models, plan, agents, network and store, and tells you how to fix problems.",
  operands: ["[FILE]"],
  options: {
    live: {
      value: null,
      help: "Also makes two small calls to each protocol's endpoint, with and without the system prompt, after showing their cost.",
    },
    url: {
      value: "url",
      help: "Also checks this server at its public address: whether a reverse proxy delays streams or blocks WebSockets.",
    },
    report: { value: null, help: "Also writes a bug report without keys to FILE. Default: factory-proxy-report.json." },
  },
  examines: true,
  examples: ["doctor", "doctor --live", "doctor --url https://llm.example.com", "doctor --report", "doctor --report report.json --json"],
  run: async (input, context) => {
    const [{ doctor }, { doctorWorld }] = await Promise.all([import("./doctor-examination.ts"), import("./doctor-world.ts")]);
    return doctor(input, context, doctorWorld());
  },
};

export const DOCTOR: readonly Command[] = [EXAMINE];
