// What is scored, area by area. All areas have the same weight.

export const AREAS = {
  routes: "Routes that clients call at all",
  shapes: "Non-streaming answers in the shape of each protocol",
  "stream-grammar": "Streams that the official accumulators read",
  tools: "Tool calls, their arguments and results",
  usage: "Token counts, each in its protocol's way of counting",
  errors: "Refusals in the shape of each protocol",
  models: "Lists of models",
  cuts: "Answers that break off",
  pings: "An upstream's signs of life",
  "error-statuses": "The upstream's error statuses",
  "errors-in-stream": "Errors inside of an answer with status 200",
  "finish-reasons": "Odd finish reasons",
  signatures: "Signed reasoning, to its own maker and to others",
  "split-utf8": "Characters and events that are cut anywhere",
  compression: "Compressed answers",
  cancel: "How soon the upstream is let go when the client leaves",
  "keep-alives": "Signs of life while the upstream is silent, and events that are not held back",
  "unknown-fields": "Members that nobody knows yet",
  "cache-marks": "Marks of the prompt cache",
  "byte-exactness": "Bytes that must not change",
  "claude-code": "Claude Code's contract with a server",
  codex: "Codex's ladder of events, and what it refuses",
  "gemini-cli": "Gemini CLI's contract",
  "open-responses": "The compliance cases of Open Responses, by their names",
} as const;

export type AreaName = keyof typeof AREAS;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of an object's keys is lost on the way
export const AREA_NAMES = Object.keys(AREAS) as readonly AreaName[];
