// Whether the routes that clients call exist. Their answers are judged in other areas.

import { isAbsent, type Case } from "../case.ts";
import { pathOf, PROTOCOLS } from "../wire.ts";
import type { Page, World } from "../world.ts";
import { atVersion1, countTokens } from "./gemini-cli.ts";
import { geminiList, oneModel, openAiList } from "./models.ts";
import { CLIENTS } from "./shapes.ts";

const OFFERS: readonly Case[] = PROTOCOLS.map((protocol) => ({
  area: "routes",
  name: `${protocol} is offered`,
  protocol: null,
  needs: "live",
  expected: `a route at ${pathOf(protocol, { model: "MODEL", stream: false })} for each model`,
  breaks: `${CLIENTS[protocol]} can't be used`,
  run: ({ found }) => {
    const without = found.filter(({ upstreams }) => !upstreams.has(protocol)).map(({ id }) => id);
    return Promise.resolve(without.length === 0 ? null : without.length === found.length ? "none" : `none for ${without.join(", ")}`);
  },
}));

interface Route extends Pick<Case, "name" | "protocol" | "needs" | "breaks"> {
  readonly send: (world: World) => Promise<Page>;
}

const ROUTES: readonly Route[] = [
  { name: "GET /v1/models", protocol: null, needs: "live", breaks: "all clients that let a user choose", send: openAiList },
  { name: "GET /v1/models/MODEL", protocol: "openai-chat", needs: "live", breaks: "openai's models.retrieve()", send: oneModel },
  { name: "GET /v1beta/models", protocol: "gemini", needs: "live", breaks: "the Google Gen AI SDK's models.list()", send: geminiList },
  { name: "gemini countTokens", protocol: "gemini", needs: "live", breaks: "Gemini CLI's compression of its history", send: countTokens },
  { name: "gemini at /v1", protocol: "gemini", needs: "lab", breaks: "@google/genai 3", send: atVersion1 },
];

export const ROUTE_CASES: readonly Case[] = [
  ...OFFERS,
  ...ROUTES.map(({ send, ...rest }): Case => ({
    ...rest,
    area: "routes",
    expected: "a route: another status than 404, 405 or 501",
    run: async (world) => {
      const page = await send(world);
      return isAbsent(page) ? `status ${page.status}` : null;
    },
  })),
];
