// The inspector: the four faces of a call side by side, of the server or of a file. Asks the admin API, or reads what was exported.
// Never trusts a file: all that is in one is text.

import { answerReader } from "./answers.js";
import { sampleOf } from "./code-samples.js";
import { api, el, find, say, sayFailure, t, timeOf } from "./dom.js";
import { duration, exactUsd, number, printTimes } from "./formats.js";
import { loaded, save } from "./inspection-file.js";
import { jsonView, legend } from "./json-view.js";
import { eventList, partsView, timeLine } from "./stream-view.js";

const root = find("#inspection");

// ---- Small pieces --------------------------------------------------------------------------------------------------

function section(title, ...content) {
  return el("section", {}, el("div", { class: "section-title" }, el("h2", {}, title)), ...content);
}

function table(name, rows, heads) {
  const head =
    heads === undefined
      ? null
      : el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text))));
  return el(
    "div",
    { class: "table-frame", role: "region", "aria-label": name, tabindex: "0" },
    el("table", { class: "rows" }, head, el("tbody", {}, ...rows)),
  );
}

function headerTable(headers, name) {
  const rows = Object.entries(headers).map(([key, value]) =>
    el("tr", {}, el("th", { scope: "row", class: "mono" }, key), el("td", { class: "wrap mono" }, value)),
  );
  return rows.length === 0 ? el("p", { class: "sub" }, t("word.none")) : table(name, rows);
}

/** A part that opens by itself. */
function fold(title, content, isOpen = false) {
  return el("details", { class: "fold", open: isOpen }, el("summary", {}, title), content);
}

function tabs(name, entries) {
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": name });
  const panel = el("div", { class: "tab-panel", role: "tabpanel", tabindex: "0" });
  const id = `tab-${Math.random().toString(36).slice(2)}`;
  panel.id = id;
  const open = (at, isFocused) => {
    for (const [index, button] of [...list.children].entries()) {
      button.setAttribute("aria-selected", String(index === at));
      button.tabIndex = index === at ? 0 : -1;
    }
    if (isFocused) list.children[at].focus();
    panel.setAttribute("aria-label", entries[at].title);
    panel.replaceChildren(entries[at].content());
    printTimes(panel);
  };
  for (const [at, { title }] of entries.entries()) {
    const keys = (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (step !== 0) open((at + step + entries.length) % entries.length, true);
    };
    list.append(el("button", { type: "button", role: "tab", "aria-controls": id, click: () => open(at), keydown: keys }, title));
  }
  open(0);
  return el("div", { class: "tabbed" }, list, panel);
}

function sizeOf({ bodyBytes, isCut }) {
  return [t("inspect.bytes", { count: bodyBytes }), isCut ? ` · ${t("inspect.cut")}` : ""].join("");
}

const notKept = ({ bodyBytes, isCut }, kept) => {
  const reason =
    bodyBytes === 0 ? "inspect.no-body" : isCut ? "inspect.too-long" : kept === "headers" ? "inspect.headers-only" : "inspect.not-kept";
  return el("p", { class: "sub" }, t(reason));
};

// ---- Faces ----------------------------------------------------------------------------------------------------------

function face({ title, what, message, content, kept }) {
  const headers = Object.keys(message.headers).length;
  return el(
    "article",
    { class: "face" },
    el("header", {}, el("h3", {}, title), el("span", { class: "sub" }, what), el("span", { class: "sub end" }, sizeOf(message))),
    fold(`${t("inspect.headers")} ${number(headers)}`, headerTable(message.headers, `${title}: ${t("inspect.headers")}`)),
    content ?? notKept(message, kept),
  );
}

function bodyOf(message, { other, side, name }) {
  if (message.body === null) return null;
  const { box, marks } = jsonView(message.body, { other, side, name });
  return el("div", {}, marks === null || other === undefined ? null : legend(marks, side), box);
}

const parsedOr = (message) => {
  try {
    return message?.body === null || message?.body === undefined ? undefined : JSON.parse(message.body);
  } catch {
    return undefined;
  }
};

function requests({ clientRequest, kept, protocol }, attempt, isRunning) {
  const [before, after] = [parsedOr(clientRequest), parsedOr(attempt?.request)];
  return el(
    "div",
    { class: "faces" },
    face({
      title: t("inspect.client-request"),
      what: `${clientRequest.method} ${clientRequest.path} · ${protocol}`,
      message: clientRequest,
      content: bodyOf(clientRequest, { other: after, side: "removed", name: t("inspect.client-request") }),
      kept,
    }),
    attempt === undefined
      ? el(
          "article",
          { class: "face" },
          el("header", {}, el("h3", {}, t("inspect.sent-request"))),
          el("p", { class: "sub" }, t(isRunning ? "inspect.not-yet" : "inspect.nothing-sent")),
        )
      : face({
          title: t("inspect.sent-request"),
          what: `POST ${attempt.url} · ${attempt.protocol}`,
          message: attempt.request,
          content: bodyOf(attempt.request, { other: before, side: "added", name: t("inspect.sent-request") }),
          kept,
        }),
  );
}

function readAnswer(message, protocol) {
  const reader = answerReader(protocol);
  for (const { data } of message.events) if (data !== null) reader.take(data);
  if (message.events.length === 0 && message.body !== null) reader.take(message.body);
  return reader;
}

function answerContent(message, { protocol, name, other, side }) {
  if (message.events.length === 0 && message.body === null) return null;
  const isStream = message.events.length > 0;
  const says = { title: t("inspect.says"), content: () => partsView(readAnswer(message, protocol)) };
  const raw = isStream
    ? { title: `${t("inspect.events")} ${number(message.events.length)}`, content: () => eventList(message.events, name) }
    : { title: t("inspect.body"), content: () => bodyOf(message, { other, side, name }) };
  return tabs(name, isStream ? [says, raw] : [raw, says]);
}

function answers({ clientAnswer, kept, protocol }, attempt, isRunning) {
  const answer = attempt?.answer ?? null;
  const [before, after] = [parsedOr(answer), parsedOr(clientAnswer)];
  const side = (title, message, options) =>
    message === null
      ? el(
          "article",
          { class: "face" },
          el("header", {}, el("h3", {}, title)),
          el("p", { class: "sub" }, t(isRunning ? "inspect.not-yet" : "inspect.no-answer")),
        )
      : face({
          title,
          what: `${message.status} · ${options.protocol}`,
          message,
          content: answerContent(message, { name: title, ...options }),
          kept,
        });
  return el(
    "div",
    { class: "faces" },
    side(t("inspect.upstream-answer"), answer, { protocol: attempt?.protocol ?? protocol, other: after, side: "removed" }),
    side(t("inspect.client-answer"), clientAnswer, { protocol, other: before, side: "added" }),
  );
}

// ---- Around the faces ------------------------------------------------------------------------------------------------

function attemptTable(attempts, chosen, choose) {
  const rows = attempts.map((attempt, at) => {
    const status = attempt.answer?.status ?? null;
    const pick = el(
      "button",
      { type: "button", class: "quiet", "aria-pressed": String(at === chosen), click: () => choose(at) },
      number(at + 1),
    );
    return el(
      "tr",
      { class: at === chosen ? "chosen" : null },
      el("td", {}, pick),
      el("td", {}, attempt.model),
      el("td", {}, attempt.protocol),
      el(
        "td",
        {},
        el("span", { class: `pill ${status === null || status >= 400 ? "bad" : "good"}` }, status === null ? "–" : String(status)),
      ),
      el("td", { class: "number" }, duration(attempt.sentMs)),
      el("td", { class: "number" }, duration(attempt.answeredMs)),
      el("td", { class: "wrap" }, attempt.why ?? t(attempt.answer === null ? "inspect.not-yet" : "inspect.answered")),
    );
  });
  const heads = [
    ["#"],
    [t("call.model")],
    [t("inspect.protocol")],
    [t("call.status")],
    [t("inspect.sent-at"), "number"],
    [t("inspect.answered-at"), "number"],
    [t("inspect.why")],
  ];
  return section(t("inspect.attempts"), table(t("inspect.attempts"), rows, heads));
}

function lossTable(losses) {
  if (losses.length === 0) return null;
  const rows = losses.map(({ field, reason, severity }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", class: "mono" }, field),
      el("td", {}, el("span", { class: `pill ${severity === "dropped" ? "plain" : "warn"}` }, t(`inspect.loss.${severity}`))),
      el("td", { class: "wrap" }, reason),
    ),
  );
  return section(
    t("inspect.losses"),
    table(t("inspect.losses"), rows, [[t("inspect.field")], [t("inspect.severity")], [t("inspect.reason")]]),
  );
}

function streamSection({ clientAnswer, attempts }, attempt, totalMs) {
  const rows = [
    { name: t("inspect.from-upstream"), events: attempt?.answer?.events ?? [] },
    { name: t("inspect.to-client"), events: clientAnswer?.events ?? [] },
  ].filter(({ events }) => events.length > 0);
  if (rows.length === 0) return null;
  const marks = attempts.map(({ sentMs }, at) => ({
    atMs: sentMs,
    name: attempts.length === 1 ? t("inspect.sent") : t("inspect.sent-nth", { nth: at + 1 }),
  }));
  return section(t("inspect.stream"), timeLine(rows, marks, totalMs));
}

// ---- Numbers: what the server's page shows, of a file too ---------------------------------------------------------------

function tokenTable(request, price) {
  const counts = {
    input: "inputTokens",
    cacheRead: "cacheReadTokens",
    cacheWrite5m: "cacheWrite5mTokens",
    cacheWrite1h: "cacheWrite1hTokens",
    output: "outputTokens",
  };
  const rows = Object.entries(counts).map(([of, field]) => {
    const line = price?.lines?.find((one) => one.of === of);
    const cells = [number(request[field] ?? null), line ? exactUsd(line.rate) : "–", line ? exactUsd(line.usd) : "–"];
    return el("tr", {}, el("th", { scope: "row" }, t(`inspect.token.${of}`)), ...cells.map((text) => el("td", { class: "number" }, text)));
  });
  const heads = [[t("call.tokens")], [t("inspect.count"), "number"], [t("inspect.rate"), "number"], [t("call.cost"), "number"]];
  return section(t("inspect.tokens"), table(t("inspect.tokens"), rows, heads));
}

// ---- Actions ------------------------------------------------------------------------------------------------------------

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(t("script.copied"));
  } catch {
    const box = el("textarea", { rows: "12", readonly: true, "aria-label": t("script.copy") }, text);
    const dialog = el(
      "dialog",
      { class: "copy-by-hand" },
      box,
      el("form", { method: "dialog" }, el("button", { type: "submit" }, t("shell.close"))),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    box.select();
  }
}

function actions(detail, { hasExport }) {
  const { clientRequest, clientAnswer, protocol } = detail.inspection;
  const isSse = (clientAnswer?.events.length ?? 0) > 0 && clientAnswer?.headers["content-type"]?.startsWith("text/event-stream");
  const isKept = clientRequest.body !== null;
  const sample = (language) => () => void copyText(sampleOf(language, clientRequest, { origin: location.origin, isSse }));
  const open = () => {
    sessionStorage.setItem("playground", JSON.stringify({ protocol, path: clientRequest.path, isSse, body: clientRequest.body }));
    location.assign("/ui/playground");
  };
  const buttons = [
    ["curl", sample("curl"), isKept],
    ["Python", sample("python"), isKept],
    ["Node", sample("node"), isKept],
  ].map(([name, click, isOn]) => el("button", { type: "button", click, disabled: !isOn }, t("inspect.copy-as", { name })));
  return el(
    "div",
    { class: "row call-actions" },
    ...buttons,
    el("button", { type: "button", click: open, disabled: !isKept }, t("inspect.open-playground")),
    hasExport ? el("button", { type: "button", click: () => save(detail) }, t("inspect.export")) : null,
    isKept ? null : el("span", { class: "sub" }, t("inspect.copy-needs-bodies")),
  );
}

// ---- All of it -----------------------------------------------------------------------------------------------------------

/** `isRunning`: what is not there may come. */
export function show(detail, { isFile = false, isRunning = false } = {}) {
  const { inspection, request, price } = detail;
  if (inspection === null) {
    root.replaceChildren(...(isFile ? [el("p", { class: "notice warn" }, t("inspect.none"))] : []));
    return;
  }
  const { attempts, error, losses, kept } = inspection;
  let chosen = attempts.length - 1;
  const faces = el("div", { class: "inspector" });
  const draw = () => {
    const attempt = attempts[chosen];
    const parts = [
      attempts.length > 1 ? attemptTable(attempts, chosen, (at) => ((chosen = at), draw())) : null,
      streamSection(inspection, attempt, request?.totalMs ?? 0),
      section(t("inspect.request"), requests(inspection, attempt, isRunning)),
      lossTable(losses),
      section(t("inspect.answer"), answers(inspection, attempt, isRunning)),
    ];
    faces.replaceChildren(...parts.filter((part) => part !== null));
  };
  draw();
  const content = [
    actions(detail, { hasExport: !isFile && !isRunning }),
    kept === "headers" ? el("p", { class: "notice plain" }, t("inspect.kept-headers")) : null,
    error === null ? null : el("p", { class: "notice bad", role: "alert" }, `${error.kind}: ${error.message}`),
    isFile && request ? fileHead(request) : null,
    isFile && request ? tokenTable(request, price) : null,
    faces,
  ];
  root.replaceChildren(...content.filter((part) => part !== null));
  root.removeAttribute("aria-busy");
  printTimes(root);
}

function fileHead(request) {
  const facts = [
    [t("call.started"), timeOf(request.at, "long")],
    [t("call.model"), request.modelServed ?? request.modelAsked ?? "–"],
    [t("call.status"), `${request.status ?? "–"} ${request.finish ?? ""}`],
    [t("call.time"), duration(request.totalMs ?? null)],
    [t("call.client"), request.client ?? "–"],
  ];
  return el("dl", { class: "facts" }, ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

async function load(file) {
  try {
    show(await loaded(file), { isFile: true });
  } catch (error) {
    sayFailure(error);
  }
}

const input = find("#inspection-file");
input?.addEventListener("change", () => {
  const [file] = input.files;
  if (file) void load(file);
});

const { id } = root.dataset;
if (id) {
  try {
    show(await api(`requests/${encodeURIComponent(id)}`));
  } catch (error) {
    root.removeAttribute("aria-busy");
    sayFailure(error);
  }
}
