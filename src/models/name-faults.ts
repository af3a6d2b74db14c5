// What is wrong with names in rows of the configuration: an alias that is already another model's name, an unknown fallback.
// Never looks at anything but names.

import { FAMILIES, type Endpoints, type ModelSetting, type NameFault } from "./catalog.ts";
import { Models } from "./models.ts";

export function nameFaults(settings: readonly ModelSetting[]): NameFault[] {
  if (settings.every(({ aliases = [], fallback = [] }) => aliases.length + fallback.length === 0)) return [];
  const builtIn = new Models({ endpoints: UNUSED_ENDPOINTS, models: [] });
  const table = new Models({ endpoints: UNUSED_ENDPOINTS, models: settings.map(({ id, aliases = [] }) => ({ id, aliases })) });
  return settings.flatMap(({ id, aliases = [], fallback = [] }, row) => [
    ...aliases.flatMap((name): NameFault[] => {
      // The name of a family is free to use.
      if (FAMILIES.includes(name.toLowerCase()) || !builtIn.knows(name)) return [];
      const owner = builtIn.entry(name).id;
      if (owner === id.toLowerCase()) return [];
      return [{ row, member: "alias", name, problem: `already belongs to ${owner}; choose another` }];
    }),
    ...fallback.flatMap((name): NameFault[] => {
      if (table.knows(name)) return [];
      const near = table.nearest(name).map((known) => `"${known}"`);
      const hint = near.length === 0 ? "add a row for it" : `did you mean ${near.join(" or ")}?`;
      return [{ row, member: "fallback", name, problem: `must be a model in the table; ${hint}` }];
    }),
  ]);
}

const UNUSED = "http://localhost/";
const UNUSED_ENDPOINTS: Endpoints = { messages: UNUSED, responses: UNUSED, chat: UNUSED, gemini: UNUSED, bedrock: UNUSED };
