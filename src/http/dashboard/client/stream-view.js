// A stream as a time line with its gaps, and each event under its own name, to be opened. Also what a stream says altogether.

import { gist } from "./answers.js";
import { el, svg, t } from "./dom.js";
import { duration, number } from "./formats.js";
import { jsonView } from "./json-view.js";

const WIDTH = 1000;
const ROW = 18;
const MOST_EVENTS = 400;
/** A silence is worth a mark from here on: of all the time, and on its own. */
const GAP_SHARE = 0.08;
const GAP_MS = 300;

/** What events say by their names. */
export function toneOf(name) {
  if (/error|failed|exception/i.test(name)) return "bad";
  if (/start|created|added|begin|in_progress/i.test(name)) return "start";
  if (/stop|done|completed|end|incomplete/i.test(name)) return "end";
  return "delta";
}

/** `rows`: `{name, events}`, each with `atMs`. `marks`: `{atMs, name}` that stand over all rows. */
export function timeLine(rows, marks, totalMs) {
  const times = rows.flatMap(({ events }) => events.map(({ atMs }) => atMs));
  const last = Math.max(totalMs, 1, ...times, ...marks.map(({ atMs }) => atMs));
  const x = (ms) => Math.round((ms / last) * WIDTH * 10) / 10;
  const height = rows.length * ROW;
  const drawing = svg("svg", { class: "time-line", viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img" });
  drawing.setAttribute("aria-label", t("inspect.line", { count: times.length, time: duration(last) }));
  for (const [at, { events }] of rows.entries()) {
    const y = at * ROW;
    drawing.append(svg("rect", { class: "track", x: 0, y: y + ROW / 2 - 0.5, width: WIDTH, height: 1 }));
    for (const { fromMs, toMs } of gapsOf(events, last)) {
      const title = svg("title");
      title.textContent = t("inspect.gap", { time: duration(toMs - fromMs) });
      drawing.append(svg("rect", { class: "gap", x: x(fromMs), y: y + 2, width: x(toMs) - x(fromMs), height: ROW - 4 }, title));
    }
    // Events that fall on one place are drawn once.
    const drawn = new Set();
    for (const { atMs, name } of events) {
      const tone = toneOf(name);
      const place = `${Math.round(x(atMs))} ${tone}`;
      if (drawn.has(place)) continue;
      drawn.add(place);
      drawing.append(svg("rect", { class: tone, x: x(atMs), y: y + 4, width: 2, height: ROW - 8 }));
    }
  }
  for (const { atMs } of marks) drawing.append(svg("rect", { class: "mark-line", x: x(atMs), y: 0, width: 1.5, height }));
  const names = rows.map(({ name, events }) => el("span", {}, name, " ", el("span", { class: "sub" }, number(events.length))));
  return el("div", { class: "time-lines" }, el("div", { class: "time-names" }, ...names), el("div", {}, drawing, axis(last, marks)));
}

function axis(last, marks) {
  const named = marks.map(({ atMs, name }) => `${name} ${duration(atMs)}`);
  return el("p", { class: "axis sub" }, el("span", {}, "0"), el("span", {}, named.join(" · ")), el("span", {}, duration(last)));
}

/** Silences between events that stand out. */
export function gapsOf(events, totalMs) {
  const gaps = [];
  for (const [at, { atMs }] of events.entries()) {
    const fromMs = at === 0 ? atMs : events[at - 1].atMs;
    if (atMs - fromMs >= Math.max(GAP_MS, totalMs * GAP_SHARE)) gaps.push({ fromMs, toMs: atMs });
  }
  return gaps;
}

/** One event as a line that opens. */
function eventNode({ atMs, name, bytes, data }, before) {
  const gapMs = before === null ? 0 : atMs - before;
  const tone = toneOf(name);
  const node = el(
    "details",
    { class: "event" },
    el(
      "summary",
      {},
      el("span", { class: "event-time" }, duration(atMs)),
      el("span", { class: gapMs >= GAP_MS ? "event-gap long" : "event-gap" }, gapMs < 1 ? "" : `+${duration(gapMs)}`),
      el("span", { class: `event-name ${tone}` }, name),
      el("span", { class: "event-gist" }, data === null ? "" : gist(data).slice(0, 200)),
      el("span", { class: "event-bytes sub" }, t("inspect.bytes", { count: bytes })),
    ),
  );
  node.addEventListener("toggle", () => {
    if (!node.open || node.childElementCount > 1) return;
    node.append(data === null ? el("p", { class: "sub" }, t("inspect.not-kept")) : jsonView(data, { name }).box);
  });
  return node;
}

/** All events of a stream, the first few hundred at once. */
export function eventList(events, name) {
  const box = el("div", { class: "events", role: "region", "aria-label": name, tabindex: "0" });
  const show = (from, to) => {
    for (let at = from; at < Math.min(to, events.length); at++) box.append(eventNode(events[at], at === 0 ? null : events[at - 1].atMs));
  };
  show(0, MOST_EVENTS);
  if (events.length > MOST_EVENTS) {
    const rest = el("button", { type: "button", click: () => (rest.remove(), show(MOST_EVENTS, events.length)) });
    rest.textContent = t("inspect.more-events", { count: events.length - MOST_EVENTS });
    box.append(rest);
  }
  return box;
}

const IMAGE = /^image\/(?:png|jpeg|webp|gif)$/;

function partNode({ kind, name, text }) {
  if (kind === "image" && IMAGE.test(name)) {
    return el("img", { class: "part-image", src: `data:${name};base64,${text}`, alt: t("inspect.part.image") });
  }
  const title = kind === "tool" ? `${t("inspect.part.tool")} ${name ?? "?"}` : t(`inspect.part.${kind}`);
  const content = kind === "tool" ? jsonView(text === "" ? "{}" : text, { name: title }).box : el("div", { class: "part-text" }, text);
  return el("div", { class: `part ${kind}` }, el("p", { class: "part-title" }, title), content);
}

/** Texts, reasoning and tool calls of an answer, as a person reads them. */
export function partsView({ parts, error, finish }) {
  return el(
    "div",
    { class: "parts" },
    ...parts.map(partNode),
    error === null ? null : el("p", { class: "notice bad" }, error),
    parts.length === 0 && error === null ? el("p", { class: "sub" }, t("inspect.no-parts")) : null,
    finish === null ? null : el("p", { class: "sub" }, t("inspect.finish", { reason: finish })),
  );
}
