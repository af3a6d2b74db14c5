// Scores any gateway from outside. The command's options are here; its implementation is loaded when it runs.

import type { Command } from "./command.ts";

const SCORE: Command = {
  name: "conformance",
  summary: "Scores this or another server on what official clients need. Exits with 1 if the score is below --min.",
  operands: ["URL"],
  options: {
    key: { value: "key", help: "The client key. Default: the CONFORMANCE_KEY variable." },
    model: {
      value: "name",
      help: "A model to call; repeatable. Default: the first one that GET /v1/models lists, or with --lab the first of each family.",
    },
    header: { value: "name: value", help: "An extra header to send; repeatable." },
    lab: {
      value: null,
      help: "Also acts as the upstream: point the server at it (FACTORY_BASE_URL). Without --lab, at most 40 small calls are made.",
    },
    "lab-port": { value: "number", help: "The lab's port. Default: 8900." },
    "lab-host": { value: "address", help: "The address the lab listens on. Default: 127.0.0.1." },
    silence: { value: "seconds", help: "How long the lab stays silent to test keep-alives. Default: 20." },
    area: { value: "name", help: "Tests only this area; repeatable." },
    junit: { value: "file", help: "Writes a JUnit report to this file." },
    min: { value: "score", help: "The minimum passing score, from 0 to 100. Default: 90." },
  },
  examples: [
    "conformance http://127.0.0.1:8000 --key my-client-key",
    "conformance http://127.0.0.1:8000 --lab --lab-port 8900 --junit report.xml",
    "conformance http://127.0.0.1:4000 --model claude-sonnet-5 --model gpt-5.5 --lab --json",
  ],
  run: async (input, context) => (await import("./conformance/session.ts")).score(input, context),
};

export const CONFORMANCE: readonly Command[] = [SCORE];
