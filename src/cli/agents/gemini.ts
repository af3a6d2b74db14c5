// Gemini CLI: base URL and key come from the environment. How a person signs in is in settings.json, and no variable overrides that: where it
// is not by key, the run gets a home folder of its own.

import { isObject, parseOrUndefined, type Json, type JsonObject } from "../../wire/json.ts";
import { editsAt, json, type Agent } from "./agent.ts";

export const GEMINI: Agent = {
  id: "gemini",
  title: "Gemini CLI",
  program: "gemini",
  package: "@google/gemini-cli",
  version: "0.61.0",
  versionWords: ["--version"],
  protocols: ["gemini"],
  defaultModel: null,
  foreignVariables: ["GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA", "GOOGLE_VERTEX_BASE_URL"],
  reads: ".gemini/settings.json",
  launch({ url, key, model, read, folder }) {
    const environment = {
      GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_API_KEY: key,
      ...(model === null ? {} : { GEMINI_MODEL: model }),
    };
    const settings = parseOrUndefined(read ?? "{}");
    if (isObject(settings) && signInOf(settings) === BY_KEY) return { words: [], environment };
    return {
      words: [],
      environment: { ...environment, GEMINI_CLI_HOME: folder },
      files: { ".gemini/settings.json": json(byKey(isObject(settings) ? settings : {})) },
      ...(read === null ? {} : { note: NOTE }),
    };
  },
  files: [
    {
      folder: "",
      folderVariable: "GEMINI_CLI_HOME",
      names: [".gemini/settings.json"],
      format: "jsonc",
      holdsKey: false,
      edits: ({ models: [model] }) => [
        { path: ["security", "auth", "selectedType"], value: BY_KEY },
        ...(model === undefined ? [] : [{ path: ["model", "name"], value: model.id }]),
      ],
    },
    {
      folder: "",
      folderVariable: "GEMINI_CLI_HOME",
      names: [".gemini/.env"],
      format: "env",
      holdsKey: true,
      edits: ({ url, key }) => editsAt([], { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key }),
    },
  ],
};

const BY_KEY = "gemini-api-key";
const NOTE = "Your Gemini CLI does not sign in with an API key, so this run uses a copy of its settings.json and a separate history.";

function signInOf(settings: JsonObject): Json | undefined {
  return memberOf(memberOf(settings, "security"), "auth")["selectedType"];
}

function byKey(settings: JsonObject): JsonObject {
  const security = memberOf(settings, "security");
  return { ...settings, security: { ...security, auth: { ...memberOf(security, "auth"), selectedType: BY_KEY } } };
}

function memberOf(value: JsonObject, name: string): JsonObject {
  const member = value[name];
  return isObject(member) ? member : {};
}
