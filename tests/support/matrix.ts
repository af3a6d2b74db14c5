// The violations of the law *matrix* for each ordered pair of protocols and each case: whatever a case says in one protocol is said in the other
// as well, except for the rows of losses.ts, and a strict provider accepts it. Also the rows that never happened.

import type { CanonicalRequest, FieldName, Loss, ProtocolId, Reply, ReplyEvent, Tool } from "../../src/protocol/canonical.ts";
import type { Codec, Exchange, WireRequest } from "../../src/protocol/codec.ts";
import { fold } from "../../src/protocol/fold.ts";
import { replyDifferences, requestDifferences, type Difference } from "./facts.ts";
import type { Case } from "./fixtures.ts";
import { decodeStream, encodeStream, endOf, errorValue, exchangeAt, exchangeFor, sseEvents } from "./laws.ts";
import { refuseRequest } from "./providers.ts";
import { objectOf } from "./reading.ts";
import { Refusal } from "./strict.ts";
import { LOSSES, TARGET_MODELS, type LossRow } from "./losses.ts";

export interface Cell {
  readonly one: Case;
  readonly from: ProtocolId;
  readonly to: ProtocolId;
  readonly faults: readonly string[];
}

export interface Matrix {
  readonly cells: readonly Cell[];
  /** Rows of the table that no case needed. */
  readonly unused: readonly LossRow[];
}

/** Checks every case against every codec but its own. */
export function matrix(codecs: readonly Codec[], cases: readonly Case[]): Matrix {
  const used = new Set<LossRow>();
  const cells: Cell[] = [];
  for (const one of cases) {
    const from = codecs.find((codec) => codec.id === one.protocol);
    if (from === undefined) continue;
    for (const to of codecs) {
      if (to === from) continue;
      const faults: string[] = [];
      const attempt = (what: string, check: () => string[]): void => {
        try {
          faults.push(...check().map((fault) => `${what}: ${fault}`));
        } catch (error) {
          faults.push(`${what} threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        }
      };
      const pair = { from, to, model: null, used };
      for (const model of one.request === null ? [] : TARGET_MODELS[to.id]) {
        attempt(`request for ${model}`, () => requestFaults({ ...pair, model }, one));
      }
      if (one.reply !== null && one.meta.ends !== "error") attempt("whole reply", () => wholeFaults(pair, one));
      if (one.stream !== null) attempt("streamed reply", () => streamFaults(pair, one));
      cells.push({ one, from: from.id, to: to.id, faults });
    }
  }
  return { cells, unused: LOSSES.filter((row) => !used.has(row)) };
}

interface Pair {
  readonly from: Codec;
  readonly to: Codec;
  /** The model that a request goes to; null for replies. */
  readonly model: string | null;
  readonly used: Set<LossRow>;
}

// ---- Requests ----------------------------------------------------------------------------------------------------

function requestFaults(pair: Pair, one: Case): string[] {
  if (one.request === null) return [];
  const { from, to } = pair;
  const decoded = from.request.decode(one.request);
  const before = { ...decoded, model: pair.model ?? decoded.model };
  const encoded = to.request.encode(before);
  const refused = encoded.losses.filter((loss) => loss.severity === "refused");
  // The client gets 400: the rest of the request does not matter, but the refusal must be in the table.
  if (refused.length > 0) return refused.flatMap((loss) => undeclaredRefusal(pair, before, loss));
  const provider = refusalBy(to.id, encoded);
  // What the client's own provider would refuse as well is the client's fault, and stays so.
  if (provider !== null && refusalBy(from.id, one.request) === null) return [`a strict provider refuses what was encoded: ${provider}`];
  const path = to.id === "gemini" ? { model: before.model, stream: before.stream } : null;
  const after = to.request.decode({ body: encoded.body, headers: encoded.headers, path });
  return [
    ...requestDifferences(before, after).flatMap((difference) => undeclared(pair, difference, { request: before, losses: encoded.losses })),
    ...silentExtensions(before, encoded.losses, to.id),
  ];
}

/** A strict provider's objection to a request; null: it accepts it. */
function refusalBy(
  protocol: ProtocolId,
  { body, headers, path }: Partial<WireRequest> & Pick<WireRequest, "body" | "headers">,
): string | null {
  // Where the model is in the path, Factory's endpoint has it in the body.
  const whole = path === undefined || path === null ? objectOf(JSON.parse(body)) : { ...objectOf(JSON.parse(body)), model: path.model };
  try {
    refuseRequest(protocol, { body: whole, headers: { "anthropic-version": "2023-06-01", ...headers }, isCount: false });
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

function undeclaredRefusal(pair: Pair, request: CanonicalRequest, loss: Loss): string[] {
  // What a codec's own table of wire members refuses has its row there.
  if (request.extensions.some((extension) => extension.field === loss.field) || request.losses.includes(loss)) return [];
  const fields = fieldsOf(request, loss);
  const rows = fields.flatMap((field) => rowsFor(pair, field)).filter((row) => row.how === "refused");
  for (const row of rows) pair.used.add(row);
  if (rows.length > 0) return [];
  return [`${loss.field} is refused (${loss.reason}), but no row of LOSSES says so: ${suggestion(pair, fields.at(-1) ?? loss.field)}`];
}

/** The canonical fields that a loss may mean: a protocol may have one name for several (`messages` for system and turns). */
function fieldsOf(request: CanonicalRequest, loss: Loss): FieldName[] {
  const entries = Object.entries(request.names) as [FieldName, string][];
  const exact = entries.filter(([, name]) => loss.field === name);
  const within = entries.filter(([, name]) => loss.field.startsWith(`${name}.`) || loss.field.startsWith(`${name}[`));
  return (exact.length > 0 ? exact : within).map(([field]) => field);
}

function silentExtensions(request: CanonicalRequest, losses: readonly Loss[], to: ProtocolId): string[] {
  return request.extensions
    .filter(({ protocol, field }) => protocol !== to && !losses.some((loss) => loss.field === field))
    .map(({ field }) => `${field} has no home in ${to}, and no loss says so`);
}

// ---- Replies -----------------------------------------------------------------------------------------------------

function wholeFaults(pair: Pair, one: Case): string[] {
  const exchange = exchangeFor(pair.from, one.request);
  const reply = pair.from.reply.decode(one.reply ?? "", exchange);
  return replyFaults(pair, reply, withCustomTools(exchange, reply));
}

/** A recorded call of a custom tool was asked for, even where the request was not recorded. */
function withCustomTools(exchange: Exchange, { parts }: Reply): Exchange {
  const declared = new Set(exchange.request.tools.map((tool) => ("name" in tool ? tool.name : "")));
  const called = parts.flatMap((part) =>
    part.type === "tool-call" && part.kind === "custom" && !declared.has(part.name) ? [part.name] : [],
  );
  const tools = called.map((name): Tool => ({ type: "custom", name, namespace: null, description: null, grammar: null }));
  return { ...exchange, request: { ...exchange.request, tools: [...exchange.request.tools, ...tools] } };
}

function replyFaults(pair: Pair, before: Reply, exchange: Exchange): string[] {
  const client = exchangeAt(pair.to, exchange);
  const after = pair.to.reply.decode(pair.to.reply.encode(before, client), client);
  return replyDifferences(before, after).flatMap((difference) => undeclared(pair, difference, null));
}

function streamFaults(pair: Pair, one: Case): string[] {
  const { from, to } = pair;
  const alone = exchangeFor(from, one.request);
  const events = decodeStream(from, sseEvents(one.stream ?? ""), alone);
  const exchange = endOf(events) === null ? withCustomTools(alone, fold(events)) : alone;
  const client = exchangeAt(to, exchange);
  const sent = decodeStream(to, sseEvents(encodeStream(to, events, client)), client);
  const error = endOf(events);
  if (error !== null) return brokenEnd(error, sent);
  const before = fold(events);
  const whole = to.reply.decode(to.reply.encode(before, client), client);
  const streamed = fold(sent);
  const faults = replyFaults(pair, before, exchange);
  for (const { field, before: told, after: heard } of replyDifferences(whole, streamed)) {
    // A whole answer can have its parts in another order (Chat: text, then calls), and so in other blocks.
    if (ORDER_FIELDS.has(field)) continue;
    faults.push(
      `the streamed answer differs from the whole one in ${field}\n  whole    ${told.join(" | ")}\n  streamed ${heard.join(" | ")}`,
    );
  }
  if (whole.id !== streamed.id) faults.push(`the streamed answer has the id ${streamed.id}, the whole one ${whole.id}`);
  // The same stream, truncated: the client must notice.
  const cut = decodeStream(from, sseEvents(one.stream ?? "").slice(0, 1), exchange);
  const cutError = endOf(cut);
  if (cutError !== null) faults.push(...brokenEnd(cutError, decodeStream(to, sseEvents(encodeStream(to, cut, client)), client)));
  return faults;
}

function brokenEnd(error: NonNullable<ReturnType<typeof endOf>>, sent: readonly ReplyEvent[]): string[] {
  const found = endOf(sent);
  if (found === null) return [`the upstream's answer broke (${error.message}), and the client sees it end well`];
  return found.message === error.message
    ? []
    : [`the error changed its message: ${JSON.stringify(errorValue(error))} became ${JSON.stringify(errorValue(found))}`];
}

const ORDER_FIELDS: ReadonlySet<string> = new Set(["reply.order", "reply.text.blocks", "reply.reasoning.blocks"]);

// ---- The table ---------------------------------------------------------------------------------------------------

interface Said {
  readonly request: CanonicalRequest;
  readonly losses: readonly Loss[];
}

function undeclared(pair: Pair, difference: Difference, said: Said | null): string[] {
  const rows = rowsFor(pair, difference.field);
  for (const row of rows) pair.used.add(row);
  const what = `${difference.field} changed\n  before ${difference.before.join(" | ")}\n  after  ${difference.after.join(" | ")}`;
  const [row] = rows;
  if (row === undefined) return [`${what}\n  no row of LOSSES declares it: ${suggestion(pair, difference.field)}`];
  if (said === null || row.how === "emulated" || row.how === "dropped") return [];
  const name = difference.field.replace(/^\+/, "").split(".")[0] as FieldName;
  const told = said.losses.some((loss) => loss.severity === row.how && fieldsOf(said.request, loss).includes(name));
  return told ? [] : [`${what}\n  LOSSES says that it is ${row.how}, but no loss of encode() names ${said.request.names[name] ?? name}`];
}

function rowsFor({ from, to, model }: Pair, field: string): LossRow[] {
  return LOSSES.filter(
    (row) =>
      row.field === field &&
      (row.from === "any" || row.from === from.id) &&
      (row.to === "any" || row.to === to.id) &&
      (row.model === undefined || row.model === model),
  );
}

function suggestion({ from, to, model }: Pair, field: string): string {
  const only = model === null ? "" : `, model: "${model}"`;
  return `{ from: "${from.id}", to: "${to.id}", field: "${field}"${only}, how: "?", reason: "?" }`;
}
