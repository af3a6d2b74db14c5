// Keeps the page "Now" up to date from the admin API's live events, and ends calls.

import { api, el, find, has, svg, t, timeOf } from "./dom.js";
import { endsCalls } from "./end-call.js";
import { duration, number, percent, printTimes, usd } from "./formats.js";

const LATEST = 12;
const SECONDS = 60;
const TIMES_MS = 250;
const RATE_AFTER_MS = 200;
/** Longer than the ledger takes. */
const FILL_MS = 1_000;

/** By id: what is known of a call, its row, and when that was, on this page's clock. */
const running = new Map();
let minute = [];
/** Since the last tick. */
let second = { calls: 0, errors: 0, outputTokens: 0 };

/** The timer of what the latest calls came to. */
let filling = null;

const body = find("#running tbody");
const connection = find("#connection");

// ---- Rows -------------------------------------------------------------------------------------------------------

function modelCell({ modelAsked, modelServed }) {
  const shown = modelServed ?? modelAsked ?? t("word.unknown");
  return [
    el("span", { class: "name" }, shown),
    modelAsked !== null && !shown.startsWith(modelAsked) ? el("span", { class: "sub" }, t("call.asked", { model: modelAsked })) : null,
  ];
}

function word(text, missing) {
  return text ?? el("span", { class: "sub" }, t(missing));
}

function link(id, at) {
  return el("a", { href: `/ui/requests/${encodeURIComponent(id)}`, class: "row-link" }, timeOf(at, "short"));
}

function rowOf({ id, startedAt, key, client }) {
  const end = { type: "button", class: "quiet", "data-end": id, "aria-label": t("now.end.label", { id }) };
  return el(
    "tr",
    { "data-id": id },
    el("td", {}, link(id, startedAt)),
    el("td"),
    el("td", { class: "model" }),
    el("td", { class: "short" }, word(key, "call.no-key")),
    el("td", { class: "short" }, word(client, "word.unknown")),
    ...Array.from({ length: 4 }, () => el("td", { class: "number" })),
    el("td", {}, el("button", end, t("now.end"))),
  );
}

function show(call) {
  const known = running.get(call.id);
  const row = known?.row ?? find(`tr[data-id="${CSS.escape(call.id)}"]`, body) ?? rowOf(call);
  if (!row.isConnected) {
    body.append(row);
    printTimes(row);
  }
  running.set(call.id, { call, row, at: performance.now() });
  const phase = `phase:${call.phase}:${call.attempts}`;
  if (row.dataset.phase !== phase) {
    row.dataset.phase = phase;
    const tone = call.phase === "streaming" || call.phase === "thinking" ? "accent" : "plain";
    const attempts = call.attempts > 1 ? el("span", { class: "sub" }, t("call.attempts", { count: call.attempts })) : null;
    row.cells[1].replaceChildren(...[el("span", { class: `pill ${tone}` }, t(`phase.${call.phase}`)), attempts].filter(Boolean));
  }
  const model = `${call.modelAsked} ${call.modelServed}`;
  if (row.dataset.model !== model) {
    row.dataset.model = model;
    row.cells[2].replaceChildren(...modelCell(call).filter(Boolean));
  }
  showTimes(running.get(call.id));
}

/** Between two events the time goes on. */
function showTimes({ call, row, at }) {
  const elapsedMs = call.elapsedMs + (performance.now() - at);
  const streamedMs = call.firstByteMs === null ? 0 : call.elapsedMs - call.firstByteMs;
  const rate = streamedMs < RATE_AFTER_MS || call.outputTokens === 0 ? null : Math.round((call.outputTokens / streamedMs) * 1000);
  const shown = [duration(elapsedMs), duration(call.firstByteMs), number(call.outputTokens), number(rate)];
  for (const [index, text] of shown.entries()) {
    const cell = row.cells[5 + index];
    if (cell.textContent !== text) cell.textContent = text;
  }
}

function showCounts() {
  find("#running").hidden = running.size === 0;
  find("#quiet").hidden = running.size > 0;
  find("#sum-running").textContent = number(running.size);
}

// ---- Calls that have ended ---------------------------------------------------------------------------------------

function toneOf({ status, finish }) {
  if (finish === "cut" || finish.startsWith("error:") || status === null || status >= 500) return "bad";
  return status >= 400 || finish === "cancelled" || finish === "length" ? "warn" : "good";
}

function finishWord(finish) {
  if (finish === "end") return null;
  const key = `finish.${finish.replace("error:", "error.")}`;
  return has(key) ? t(key) : finish;
}

function ended({ id, status, finish, isCounted }) {
  const known = running.get(id);
  if (!known) return;
  running.delete(id);
  known.row.remove();
  const { call } = known;
  const said = finishWord(finish);
  const numbers = [
    duration(call.elapsedMs + performance.now() - known.at),
    null,
    null,
    number(call.outputTokens),
    null,
    duration(call.firstByteMs),
  ];
  const row = el(
    "tr",
    { "data-id": id },
    // A call that is not counted has no row in the ledger, and so no page.
    el("td", {}, isCounted ? link(id, call.startedAt) : timeOf(call.startedAt, "short")),
    el(
      "td",
      {},
      el("span", { class: `pill ${toneOf({ status, finish })}` }, status === null ? "–" : String(status)),
      said === null ? null : el("span", { class: "sub" }, said),
    ),
    el("td", { class: "model" }, modelCell(call)),
    el("td", { class: "short" }, word(call.key, "call.no-key")),
    el("td", { class: "short" }, word(call.client, "word.unknown")),
    ...numbers.map((text) => el("td", { class: "number" }, text ?? "–")),
  );
  const latest = find("#latest tbody");
  latest.prepend(row);
  printTimes(row);
  while (latest.rows.length > LATEST) latest.rows[LATEST].remove();
  find("#latest").hidden = false;
  if (isCounted) {
    second.calls++;
    if (finish === "cut" || finish.startsWith("error:")) second.errors++;
    second.outputTokens += call.outputTokens;
  }
  filling ??= setTimeout(() => void fill(), FILL_MS);
}

/** What calls came to, once the ledger has them. */
async function fill() {
  filling = null;
  const { rows } = await api(`requests?limit=${LATEST}`).catch(() => ({ rows: [] }));
  for (const call of rows) {
    const row = find(`#latest tr[data-id="${CSS.escape(call.id)}"]`);
    if (row === null) continue;
    const input = inputOf(call);
    const cached = input === null || input === 0 ? null : (call.cacheReadTokens ?? 0) / input;
    const texts = [
      duration(call.totalMs),
      usd(call.usd),
      number(input),
      number(call.outputTokens),
      percent(cached),
      duration(call.firstByteMs),
    ];
    for (const [at, text] of texts.entries()) row.cells[5 + at].textContent = text;
  }
}

function inputOf({ inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens }) {
  const counts = [inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens];
  return counts.every((count) => count === null) ? null : counts.reduce((all, count) => all + (count ?? 0), 0);
}

// ---- The last minute ----------------------------------------------------------------------------------------------

function showMinute() {
  const seconds = [...minute.slice(-(SECONDS - 1)), second];
  const sums = { calls: 0, errors: 0, outputTokens: 0 };
  for (const one of seconds) for (const name of Object.keys(sums)) sums[name] += one[name];
  find("#sum-calls").textContent = number(sums.calls);
  find("#sum-errors").textContent = number(sums.errors);
  find("#sum-tokens").textContent = number(sums.outputTokens);
  const strip = find("#minute");
  strip.setAttribute("aria-label", t("now.minute.label", { calls: sums.calls, errors: sums.errors, tokens: sums.outputTokens }));
  const most = Math.max(1, ...seconds.map(({ calls }) => calls));
  const bar = (name, count, at) => {
    const height = Math.round((count / most) * 40);
    return svg("rect", { class: name, x: at * 5, y: 40 - height, width: 4, height });
  };
  strip.replaceChildren(...seconds.flatMap(({ calls, errors }, at) => [bar("calls", calls, at), bar("errors", errors, at)]));
}

// ---- Events -------------------------------------------------------------------------------------------------------

function replaceAll(calls) {
  const ids = new Set(calls.map(({ id }) => id));
  for (const [id, { row }] of running) {
    if (ids.has(id)) continue;
    running.delete(id);
    row.remove();
  }
  for (const row of Array.from(body.rows)) if (!ids.has(row.dataset.id)) row.remove();
  for (const call of calls) show(call);
}

function take(event) {
  if (event.type === "call") show(event.call);
  else if (event.type === "ended") ended(event);
  else if (event.type === "tick") {
    replaceAll(event.calls);
    minute = [...minute, second].slice(-SECONDS);
    second = { calls: 0, errors: 0, outputTokens: 0 };
    showMinute();
  } else if (event.minute !== undefined) {
    replaceAll(event.calls);
    minute = event.minute;
    second = { calls: 0, errors: 0, outputTokens: 0 };
    showMinute();
  }
  showCounts();
}

function showConnection(state, tone) {
  connection.textContent = t(`now.connection.${state}`);
  connection.className = `pill ${tone}`;
}

function watch() {
  showConnection("connecting", "plain");
  const source = new EventSource("/api/admin/live");
  const heard = ({ data }) => {
    if (data) take(JSON.parse(data));
  };
  for (const name of ["message", "snapshot", "call", "ended", "tick"]) source.addEventListener(name, heard);
  source.addEventListener("open", () => showConnection("live", "good"));
  source.addEventListener("error", () => {
    showConnection("reconnecting", "warn");
    if (source.readyState === EventSource.CLOSED) setTimeout(watch, 3_000);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

endsCalls(body);
setInterval(() => {
  for (const one of running.values()) showTimes(one);
}, TIMES_MS);
addEventListener("pageshow", (event) => {
  if (event.persisted) watch();
});
watch();
