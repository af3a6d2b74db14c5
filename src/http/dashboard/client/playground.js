// The playground: sends what was chosen to one model or two at once, by the routes that every client uses, and shows what comes as it comes.
// Never keeps the session's key anywhere but in memory.

import { answerReader, eventReader, nameOf, parsed } from "./answers.js";
import { all, api, el, find, sayFailure, t } from "./dom.js";
import { duration, number } from "./formats.js";
import { jsonView } from "./json-view.js";
import { bodyOf, continued, forModel, headersOf, pathOf, protocolOf } from "./requests.js";
import { eventList, partsView, timeLine } from "./stream-view.js";

const SHOW_MS = 80;
const RATE_AFTER_MS = 200;
const form = find("#playground");
const json = find("#request-json");
const answers = find("#answers");
const field = (name) => form.elements.namedItem(name);

let key = null;
let image = null;
/** The JSON as somebody wrote it, and no longer as the form says. */
let isEdited = false;
let running = new AbortController();

// ---- The request -----------------------------------------------------------------------------------------------------

function tools() {
  if (!field("with-tools").checked) return [];
  const value = parsed(field("tools").value);
  const isList = Array.isArray(value) && value.every((tool) => typeof tool?.name === "string");
  field("tools").setAttribute("aria-invalid", String(!isList));
  if (!isList) throw new Error(t("play.tools.invalid"));
  return value;
}

function choices(model) {
  const maxTokens = Number(field("max-tokens").value);
  return {
    model,
    system: field("system").value.trim(),
    text: field("text").value,
    image,
    stream: field("stream").checked,
    maxTokens: maxTokens > 0 ? Math.floor(maxTokens) : null,
    reasoning: field("reasoning").value,
    tools: tools(),
  };
}

const protocol = () => field("protocol").value;

function showJson() {
  find("#json-edited").hidden = !isEdited;
  if (isEdited) return;
  try {
    json.value = JSON.stringify(bodyOf(protocol(), choices(field("model").value)), null, 2);
    json.removeAttribute("aria-invalid");
  } catch {
    // What is wrong is said when it is sent.
  }
}

function requestFor(model) {
  const asked = { model, stream: field("stream").checked };
  if (!isEdited) return { path: pathOf(protocol(), asked), body: bodyOf(protocol(), choices(model)) };
  const body = parsed(json.value);
  json.setAttribute("aria-invalid", String(body === undefined));
  if (body === undefined) throw new Error(t("play.json.invalid"));
  return { path: pathOf(protocol(), asked), body: forModel(protocol(), body, model) };
}

async function playgroundKey() {
  if (key === null || Date.parse(key.expires) < Date.now() + 60_000) key = await api("playground-key", { method: "POST", body: {} });
  return key.key;
}

// ---- Answers ---------------------------------------------------------------------------------------------------------

/** A column for one answer. `show` draws what is known of it, `tab` remembers what is looked at. */
function column(model, spoken) {
  const state = {
    status: null,
    headers: [],
    events: [],
    body: "",
    reader: answerReader(spoken),

    firstMs: null,
    endMs: null,
    failure: null,
  };
  const head = el("header", {});
  const panel = el("div", { class: "tab-panel", role: "tabpanel", tabindex: "0" });
  const node = el("article", { class: "face answer", "aria-label": model, "aria-busy": "true" }, head);
  const began = performance.now();
  let tab = "says";
  const contents = {
    says: () =>
      el(
        "div",
        {},
        state.failure === null ? null : el("p", { class: "notice bad", role: "alert" }, state.failure),
        partsView(state.reader),
      ),
    events: () =>
      state.events.length === 0
        ? jsonView(state.body, { name: t("inspect.body") }).box
        : el(
            "div",
            { class: "stack-wide" },
            timeLine([{ name: t("inspect.events"), events: state.events }], [], state.endMs ?? elapsed()),
            eventList(state.events, t("inspect.events")),
          ),
    headers: () => el("pre", { class: "raw", tabindex: "0" }, state.headers.map((header) => header.join(": ")).join("\n")),
  };
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": model });
  for (const name of Object.keys(contents)) {
    const click = () => ((tab = name), show());
    list.append(el("button", { type: "button", role: "tab", "data-tab": name, click }));
  }
  node.append(list, panel);
  const elapsed = () => performance.now() - began;

  function facts() {
    const { usage } = state.reader;
    const streamedMs = state.firstMs === null ? 0 : (state.endMs ?? elapsed()) - state.firstMs;
    const rate = usage?.output && streamedMs > RATE_AFTER_MS ? Math.round((usage.output / streamedMs) * 1000) : null;
    return [
      [t("call.time"), duration(state.endMs ?? elapsed())],
      [t("call.first-byte"), duration(state.firstMs)],
      [t("call.input"), number(usage?.input ?? null)],
      [t("call.cached"), number(usage?.cached ?? null)],
      [t("call.output"), number(usage?.output ?? null)],
      [t("call.rate"), number(rate)],
    ];
  }

  function show() {
    const isBad = state.failure !== null || (state.status !== null && state.status >= 400) || state.reader.error !== null;
    const requestId = state.headers.find(([name]) => name === "x-request-id")?.[1];
    const pill = state.status === null ? null : el("span", { class: `pill ${isBad ? "bad" : "good"}` }, String(state.status));
    head.replaceChildren(
      ...[
        el("h2", {}, model),
        pill,
        state.endMs === null ? el("span", { class: "sub" }, t("play.running")) : null,
        requestId === undefined || state.endMs === null
          ? null
          : el("a", { class: "end", href: `/ui/requests?q=${encodeURIComponent(requestId)}` }, t("play.inspect")),
        el("dl", { class: "facts" }, ...facts().map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
      ].filter((one) => one !== null),
    );
    const counts = {
      says: t("inspect.says"),
      events: state.events.length === 0 && state.body !== "" ? t("inspect.body") : `${t("inspect.events")} ${number(state.events.length)}`,
      headers: t("inspect.headers"),
    };
    for (const button of list.children) {
      button.textContent = counts[button.dataset.tab];
      button.setAttribute("aria-selected", String(button.dataset.tab === tab));
    }
    panel.setAttribute("aria-label", counts[tab]);
    node.setAttribute("aria-busy", String(state.endMs === null));
    // What somebody reads stays as it is until all has come.
    const isRead = panel.dataset.tab === tab && panel.querySelector("details[open]") !== null && state.endMs === null;
    if (isRead) return;
    const scrolled = panel.dataset.tab === tab ? (panel.querySelector(".events")?.scrollTop ?? 0) : 0;
    panel.dataset.tab = tab;
    panel.replaceChildren(contents[tab]());
    if (scrolled > 0) panel.querySelector(".events").scrollTop = scrolled;
  }
  return { node, state, show, elapsed };
}

async function read(response, { state, elapsed, changed }) {
  state.status = response.status;
  state.headers = [...response.headers];
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const events = eventReader((event) => {
    state.events.push({ atMs: elapsed(), name: nameOf(event), bytes: event.data.length, data: event.data });
    state.reader.take(event.data);
  });
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await pieces.read();
    if (done) break;
    state.firstMs ??= elapsed();
    if (isStream) events.step(value);
    else state.body += value;
    changed();
  }
  if (isStream) events.end();
  else state.reader.take(state.body);
}

/** `place`: the answer that this one takes the place of. */
async function ask(model, { path, body, place = null }, signal) {
  const one = column(model, protocolOf(path));
  if (place === null) answers.append(one.node);
  else place.replaceWith(one.node);
  one.show();
  let waiting = null;
  const changed = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      one.show();
    }, SHOW_MS);
  };
  const clock = setInterval(changed, 500);
  try {
    const headers = { "content-type": "application/json", ...headersOf(protocolOf(path), await playgroundKey()) };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal, credentials: "omit" });
    await read(response, { ...one, changed });
  } catch (error) {
    one.state.failure = error.name === "AbortError" ? t("play.stopped") : error.message;
  }
  clearInterval(clock);
  clearTimeout(waiting);
  one.state.endMs = one.elapsed();
  one.show();
  const calls = one.state.reader.parts.filter(({ kind }) => kind === "tool");
  if (calls.length > 0 && one.state.failure === null)
    one.node.append(resultsForm(calls, (results) => goOn(one, { model, path, body }, results)));
}

/** Says what each tool call came to, so that the model can go on. */
function resultsForm(calls, submitted) {
  const boxes = calls.map(() => el("textarea", { rows: "2", required: true }));
  const fields = calls.map(({ name }, at) => el("label", { class: "field" }, t("play.result", { name: name ?? "?" }), boxes[at]));
  const submit = (event) => {
    event.preventDefault();
    submitted(boxes.map(({ value }) => value));
  };
  return el("form", { class: "tool-results", submit }, ...fields, el("div", {}, el("button", { type: "submit" }, t("play.result.send"))));
}

function goOn({ node, state }, { model, path, body }, results) {
  const next = continued(protocolOf(path), body, { parts: state.reader.parts, results });
  ask(model, { path, body: next, place: node }, running.signal).catch(sayFailure);
}

async function send() {
  const models = [field("model").value, field("other-model").value].filter((model) => model !== "");
  const asked = models.map((model) => ({ model, ...requestFor(model) }));
  running.abort();
  running = new AbortController();
  answers.replaceChildren();
  answers.classList.toggle("two", asked.length > 1);
  find("#answers-empty").hidden = true;
  const { signal } = running;
  find("#stop").hidden = false;
  await Promise.all(asked.map(({ model, ...request }) => ask(model, request, signal)));
  if (running.signal === signal) find("#stop").hidden = true;
}

// ---- The form ----------------------------------------------------------------------------------------------------------

async function chooseImage() {
  const [file] = field("image").files;
  image = null;
  find("#image-preview").replaceChildren();
  if (file !== undefined) {
    const url = await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.addEventListener("load", () => resolve(reader.result));
      reader.addEventListener("error", () => reject(reader.error));
      reader.readAsDataURL(file);
    });
    image = { type: file.type, data: url.slice(url.indexOf(",") + 1) };
    find("#image-preview").append(el("img", { src: url, alt: file.name }));
  }
  showJson();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send().catch(sayFailure);
});
find("#stop").addEventListener("click", () => running.abort());
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
form.addEventListener("input", ({ target }) => {
  if (target === json) isEdited = true;
  else if (target.name === "image") return void chooseImage().catch(sayFailure);
  else if (target.name === "protocol") isEdited = false;
  find("#tools-box").hidden = !field("with-tools").checked;
  showJson();
});
find("#json-reset").addEventListener("click", () => {
  isEdited = false;
  showJson();
});
for (const box of all("textarea[data-tall]"))
  box.addEventListener("input", () => (box.rows = Math.min(16, Math.max(3, box.value.split("\n").length))));

/** What the inspector, or a link to one model, asks for. */
function takeOver() {
  const model = new URLSearchParams(location.search).get("model");
  const kept = parsed(sessionStorage.getItem("playground") ?? "");
  sessionStorage.removeItem("playground");
  const choose = (name) => {
    const option = [...field("model").options].find(({ value, dataset }) => value === name || dataset.aliases?.split(" ").includes(name));
    if (option) field("model").value = option.value;
  };
  if (model !== null) choose(model);
  if (typeof kept?.body !== "string") return;
  field("protocol").value = kept.protocol;
  const body = parsed(kept.body);
  choose(body?.model ?? /\/models\/([^/:]+)/.exec(kept.path ?? "")?.[1]);
  field("stream").checked = body?.stream === true || /:streamGenerateContent/.test(kept.path ?? "");
  json.value = body === undefined ? kept.body : JSON.stringify(body, null, 2);
  isEdited = true;
  json.closest("details").open = true;
}

takeOver();
find("#tools-box").hidden = !field("with-tools").checked;
showJson();
