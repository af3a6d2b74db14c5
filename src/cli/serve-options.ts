// The options of the server's command line, for help and completion. Never starts anything.

import { OPTIONS } from "../config/variables.ts";
import type { Command } from "./command.ts";

export const SERVE: Omit<Command, "run"> = {
  name: "serve",
  summary: "Starts the server. This is the default.",
  operands: [],
  options: Object.fromEntries(OPTIONS.map(({ flag, value, help }) => [flag, { value, help }])),
  examples: ["serve", "serve --port 8080", "serve --config models.json --env-file production.env"],
};
