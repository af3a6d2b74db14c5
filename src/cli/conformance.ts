// Scores any gateway from outside. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const SCORE: Command = {
  name: "conformance",
  summary: "Scores a gateway, this one or another, by what official clients need. Exits with 1 below --min.",
  operands: ["URL"],
  options: {
    key: { value: "key", help: "The client key. Default: the variable CONFORMANCE_KEY." },
    model: {
      value: "name",
      help: "A model to call; may be given several times. Default: of GET /v1/models the first, with --lab the first of each family.",
    },
    header: { value: "name: value", help: "Sends this header too; may be given several times." },
    lab: {
      value: null,
      help: "Plays the upstream as well: point the gateway at it (FACTORY_BASE_URL). Without it at most 40 small calls are made.",
    },
    "lab-port": { value: "number", help: "The port of the lab. Default: 8900." },
    "lab-host": { value: "address", help: "The address that the lab listens on. Default: 127.0.0.1." },
    silence: { value: "seconds", help: "How long the lab is silent where a keep-alive is due. Default: 20." },
    area: { value: "name", help: "Only this area; may be given several times." },
    junit: { value: "file", help: "Writes a report in JUnit's form." },
    min: { value: "score", help: "The least score, from 0 to 100, that is good enough. Default: 90." },
  },
  examples: [
    "conformance http://127.0.0.1:8000 --key my-client-key",
    "conformance http://127.0.0.1:8000 --lab --lab-port 8900 --junit report.xml",
    "conformance http://127.0.0.1:4000 --model claude-sonnet-5 --model gpt-5.5 --lab --json",
  ],
  run: async (input, context) => (await import("./conformance/session.ts")).score(input, context),
};

export const CONFORMANCE: readonly Command[] = [SCORE];
