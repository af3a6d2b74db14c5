// Lists of models, and the answer to an unknown name.

import { isAbsent, NOT_OFFERED, shown, type Came, type Case } from "../case.ts";
import { ANTHROPIC_VERSION, bodyOf, keyHeaders, listAt, objectIn, pathOf, printed, textAt, userTurn } from "../wire.ts";
import type { Page, World } from "../world.ts";
import { malformed } from "./errors.ts";

/** Close to an existing name, like a typo: a gateway that guesses by prefix would accept other wrong names. */
function misspelled({ models }: World): string {
  return `${(models[0]?.id ?? "model").slice(0, 3)}x-no-such-model-x`;
}

export function openAiList(world: World): Promise<Page> {
  return world.page("/v1/models");
}

export function geminiList(world: World): Promise<Page> {
  return world.page("/v1beta/models", { headers: keyHeaders("gemini", world.key) });
}

export function oneModel(world: World): Promise<Page> {
  return world.page(`/v1/models/${encodeURIComponent(world.models[0]?.id ?? "none")}`);
}

function rows(page: Page, list: string, isRow: (row: unknown) => boolean): Came {
  if (isAbsent(page)) return NOT_OFFERED;
  if (page.status !== 200) return `status ${page.status}: ${shown(page.text)}`;
  const found = listAt(objectIn(page.text), list);
  return found.length > 0 && found.every(isRow) ? null : shown(page.text);
}

export const MODEL_CASES: readonly Case[] = [
  {
    area: "models",
    name: "OpenAI's list",
    protocol: "openai-chat",
    needs: "live",
    expected: 'GET /v1/models with object "list" and rows with id, object "model" and owned_by',
    breaks: "Cherry Studio, Open WebUI, LibreChat show no models",
    run: async (world) => {
      const page = await openAiList(world);
      if (page.status === 200 && textAt(objectIn(page.text), "object") !== "list") return `status ${page.status}: ${shown(page.text)}`;
      return rows(page, "data", (row) => textAt(row, "id") !== "" && textAt(row, "object") === "model" && textAt(row, "owned_by") !== "");
    },
  },
  {
    area: "models",
    name: "Anthropic's list",
    protocol: "anthropic-messages",
    needs: "live",
    expected: 'GET /v1/models with anthropic-version: rows with id, type "model", display_name and created_at',
    breaks: "Claude Code's /model and the Anthropic SDK's models.list()",
    run: async (world) =>
      rows(
        await world.page("/v1/models", {
          headers: { ...keyHeaders("anthropic-messages", world.key), "anthropic-version": ANTHROPIC_VERSION },
        }),
        "data",
        (row) =>
          textAt(row, "id") !== "" &&
          textAt(row, "type") === "model" &&
          textAt(row, "display_name") !== "" &&
          textAt(row, "created_at") !== "",
      ),
  },
  {
    area: "models",
    name: "Gemini's list",
    protocol: "gemini",
    needs: "live",
    expected: "GET /v1beta/models: rows with a name models/... and supportedGenerationMethods",
    breaks: "the Google Gen AI SDK's models.list()",
    run: async (world) =>
      rows(
        await geminiList(world),
        "models",
        (row) => textAt(row, "name").startsWith("models/") && listAt(row, "supportedGenerationMethods").length > 0,
      ),
  },
  {
    area: "models",
    name: "one model",
    protocol: "openai-chat",
    needs: "live",
    expected: "GET /v1/models/MODEL with the same id",
    breaks: "openai's models.retrieve(); clients that check a model before they use it",
    run: async (world) => {
      const page = await oneModel(world);
      if (isAbsent(page)) return NOT_OFFERED;
      return page.status === 200 && textAt(objectIn(page.text), "id") !== "" ? null : `status ${page.status}: ${shown(page.text)}`;
    },
  },
  {
    area: "models",
    name: "every model that is called is in the list",
    protocol: "openai-chat",
    needs: "lab",
    expected: "the names of --model in GET /v1/models",
    breaks: "clients offer only what is listed",
    run: async (world) => {
      const page = await openAiList(world);
      if (isAbsent(page)) return NOT_OFFERED;
      const ids = new Set(listAt(objectIn(page.text), "data").map((row) => textAt(row, "id")));
      const missing = world.models.filter(({ id }) => !ids.has(id)).map(({ id }) => id);
      return missing.length === 0 ? null : `without ${missing.join(", ")}`;
    },
  },
  ...(["openai-chat", "anthropic-messages"] as const).map((protocol): Case => ({
    area: "models",
    name: `${protocol} unknown model`,
    protocol,
    needs: "live",
    expected: "status 400 or 404 and an error in the shape of the protocol",
    breaks: "Claude Code says so and stops at 404; SDKs retry a 500",
    run: async (world) => {
      const model = misspelled(world);
      const body = printed(bodyOf(protocol, { model, stream: false, turns: [userTurn(protocol, "Hello.")] }));
      const page = await world.page(pathOf(protocol, { model, stream: false }), {
        method: "POST",
        headers: keyHeaders(protocol, world.key),
        body,
      });
      return page.status === 400 || page.status === 404 ? malformed(protocol, page) : `status ${page.status}: ${shown(page.text)}`;
    },
  })),
];
