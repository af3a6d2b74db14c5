// A call as a file: what is exported, and what is taken of a file that anybody may have written.
// Never trusts a file: all that is in one is text or a number.

import { parsed } from "./answers.js";
import { el, t } from "./dom.js";

const FORMAT = "factory-proxy-inspection-1";

/** Of the ledger's row. */
const NUMBERS = ["status", "totalMs", "inputTokens", "cacheReadTokens", "cacheWrite5mTokens", "cacheWrite1hTokens", "outputTokens"];

/** Has the browser save what the server shows of a call, without its secrets. */
export function save(detail) {
  const text = JSON.stringify({ format: FORMAT, ...detail }, null, 2);
  const link = el("a", {
    href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    download: `factory-proxy-${detail.request?.id ?? "call"}.json`,
  });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** What the functions above take for granted, of a file that anybody may have written. */
function checked(value) {
  const text = (one) => (typeof one === "string" ? one : null);
  const count = (one) => (Number.isFinite(one) ? one : 0);
  const list = (one) => (Array.isArray(one) ? one : []);
  const headers = (one) => Object.fromEntries(Object.entries(one ?? {}).map(([name, header]) => [name, String(header)]));
  const message = (one) => ({
    headers: headers(one?.headers),
    body: text(one?.body),
    bodyBytes: count(one?.bodyBytes),
    isCut: one?.isCut === true,
  });
  const event = (one) => ({ atMs: count(one?.atMs), name: String(one?.name ?? ""), bytes: count(one?.bytes), data: text(one?.data) });
  const answer = (one) => (one ? { ...message(one), status: count(one.status), events: list(one.events).map(event) } : null);
  const attempt = (one) => ({
    model: String(one?.model ?? ""),
    protocol: String(one?.protocol ?? ""),
    url: String(one?.url ?? ""),
    request: message(one?.request),
    sentMs: count(one?.sentMs),
    answeredMs: Number.isFinite(one?.answeredMs) ? one.answeredMs : null,
    answer: answer(one?.answer),
    why: text(one?.why),
  });
  const loss = (one) => ({
    field: String(one?.field),
    reason: String(one?.reason),
    severity: one?.severity === "dropped" ? "dropped" : one?.severity === "refused" ? "refused" : "reported",
  });
  const counts = (one, names) => Object.fromEntries(names.map((name) => [name, Number.isFinite(one?.[name]) ? one[name] : null]));
  const request = (one) => ({
    at: Number.isNaN(Date.parse(one.at)) ? new Date(0).toISOString() : String(one.at),
    modelAsked: text(one.modelAsked),
    modelServed: text(one.modelServed),
    finish: text(one.finish),
    client: text(one.client),
    ...counts(one, NUMBERS),
  });
  const line = (one) => ({ of: text(one?.of), ...counts(one, ["tokens", "rate", "usd"]) });
  if (value?.format !== FORMAT || typeof value.inspection !== "object" || value.inspection === null)
    throw new Error(t("inspect.no-export"));
  const { inspection } = value;
  return {
    request: value.request ? request(value.request) : null,
    price: value.price ? { lines: list(value.price.lines).map(line) } : null,
    inspection: {
      kept: inspection.kept === "bodies" ? "bodies" : "headers",
      protocol: String(inspection.protocol),
      clientRequest: {
        ...message(inspection.clientRequest),
        method: String(inspection.clientRequest?.method ?? ""),
        path: String(inspection.clientRequest?.path ?? ""),
      },
      attempts: list(inspection.attempts).map(attempt),
      clientAnswer: answer(inspection.clientAnswer),
      losses: list(inspection.losses).map(loss),
      error: inspection.error ? { kind: String(inspection.error.kind), message: String(inspection.error.message) } : null,
    },
  };
}

/** Throws where it is something else. */
export async function loaded(file) {
  return checked(parsed(await file.text()));
}
