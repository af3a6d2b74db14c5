// The style sheets and scripts of the pages, as text in the program, each under a name with its hash, so that browsers keep them for good.
// Never reads a file at run time.

import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import dom from "./client/dom.js" with { type: "text" };
import endCall from "./client/end-call.js" with { type: "text" };
import filters from "./client/filters.js" with { type: "text" };
import formats from "./client/formats.js" with { type: "text" };
import health from "./client/health.js" with { type: "text" };
import keys from "./client/keys.js" with { type: "text" };
import models from "./client/models.js" with { type: "text" };
import answers from "./client/answers.js" with { type: "text" };
import codeSamples from "./client/code-samples.js" with { type: "text" };
import inspectionFile from "./client/inspection-file.js" with { type: "text" };
import inspector from "./client/inspector.js" with { type: "text" };
import jsonViewer from "./client/json-view.js" with { type: "text" };
import now from "./client/now.js" with { type: "text" };
import streamView from "./client/stream-view.js" with { type: "text" };
import playground from "./client/playground.js" with { type: "text" };
import requestBodies from "./client/requests.js" with { type: "text" };
import running from "./client/running.js" with { type: "text" };
import shell from "./client/shell.js" with { type: "text" };
import usage from "./client/usage.js" with { type: "text" };
import inspectorCss from "./inspector.css" with { type: "text" };
import css from "./style.css" with { type: "text" };

/** In this order: a script is served after those that it imports. */
const SOURCES = {
  "style.css": css,
  "inspector.css": inspectorCss,
  "uplot.css": uplotCss,
  "uplot.js": uplotScript,
  "formats.js": formats,
  "dom.js": dom,
  "shell.js": shell,
  "end-call.js": endCall,
  "now.js": now,
  "filters.js": filters,
  "usage.js": usage,
  "keys.js": keys,
  "models.js": models,
  "health.js": health,
  "answers.js": answers,
  "code-samples.js": codeSamples,
  "json-view.js": jsonViewer,
  "stream-view.js": streamView,
  "inspection-file.js": inspectionFile,
  "inspector.js": inspector,
  "running.js": running,
  "requests.js": requestBodies,
  "playground.js": playground,
} as const;

type AssetName = keyof typeof SOURCES;
export type ScriptName = Extract<AssetName, `${string}.js`>;
export type StyleName = Extract<AssetName, `${string}.css`>;

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const FOLDER = "/ui/assets/";

interface Served {
  readonly path: string;
  readonly asset: Asset;
}

const SERVED: ReadonlyMap<string, Served> = served();

/** Imports of other scripts get their hashed names, so what imports a changed script has a new name too. */
function served(): Map<string, Served> {
  const all = new Map<string, Served>();
  for (const [name, source] of Object.entries(SOURCES)) {
    const text = source.replaceAll(/(?<=from ")\.\/([\w-]+\.js)(?=")/g, (_all, imported: string) => all.get(imported)?.path ?? imported);
    const [stem = "", ending = ""] = name.split(".");
    const type = ending === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    all.set(name, { path: `${FOLDER}${stem}.${hashOf(text)}.${ending}`, asset: { type, text } });
  }
  return all;
}

/** Of a script or style sheet: where it is served. */
export function assetPath(name: AssetName): string {
  return SERVED.get(name)?.path ?? FOLDER + name;
}

/** Null: there is none at this path. */
export function assetAt(path: string): Asset | null {
  return [...SERVED.values()].find((one) => one.path === path)?.asset ?? null;
}

/** 53 bits that tell versions of a file apart; nobody is kept from making two of the same. */
function hashOf(text: string): string {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 2654435761);
    two = Math.imul(two ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36);
}
