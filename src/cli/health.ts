// Asks whether the server answers, for the health check of a container.

import { CommandError, type Command } from "./command.ts";
import { ask, gatewayUrl } from "./gateway-probe.ts";

const OK = 200;

const ASK: Command = {
  name: "health",
  summary: "Checks whether the server is up. Exits with 1 if it is not.",
  operands: [],
  options: { url: { value: "url", help: "The server's address. Default: HOST and PORT." } },
  examples: ["health", "health --url http://127.0.0.1:8080"],
  async run(input, { config, show }) {
    const url = input.text("url")?.replace(/\/+$/, "") ?? gatewayUrl(config());
    if (url === null) throw CommandError.wrongUse("PORT is 0, so the server's port is not known. Pass its address with --url <url>.");
    const answer = URL.canParse(url) ? await ask(`${url}/health`) : null;
    if (answer?.status !== OK) throw CommandError.failed(`No server answers at ${url}.`);
    show({ url, ok: true }, () => `The server at ${url} is up.`);
  },
};

export const HEALTH: readonly Command[] = [ASK];
