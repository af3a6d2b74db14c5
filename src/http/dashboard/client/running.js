// The page of a call that runs: keeps it up to date by the admin API's live events, and goes over to that of the ended call by itself.

import { api, find, sayFailure, t } from "./dom.js";
import { endsCalls } from "./end-call.js";
import { duration, number } from "./formats.js";
import { show } from "./inspector.js";

const TIMES_MS = 250;
const AGAIN_MS = 3_000;

const { running: id } = find("#inspection").dataset;
const path = encodeURIComponent(id);
/** What was told last, and when that was, on this page's clock. */
let told = null;
/** What is drawn of the inspector's. */
let drawn = "";
let isOver = false;

function write(selector, text) {
  const place = find(selector);
  if (place.textContent !== text) place.textContent = text;
}

/** Between two events the time goes on. */
function writeTime() {
  if (told !== null && !isOver) write("#running-time", duration(told.call.elapsedMs + performance.now() - told.at));
}

function writeCall(call) {
  const { phase, modelAsked, modelServed, upstreamProtocol, attempts } = call;
  told = { call, at: performance.now() };
  find("#running-phase").className = `pill ${phase === "streaming" || phase === "thinking" ? "accent" : "plain"}`;
  write("#running-phase", t(`phase.${phase}`));
  write("#running-model .name", modelServed ?? modelAsked ?? t("word.unknown"));
  write("#running-first-byte", duration(call.firstByteMs));
  write("#running-output", number(call.outputTokens));
  write("#running-attempts", number(attempts));
  write("#running-protocol", upstreamProtocol ?? t("word.unknown"));
  writeTime();
}

/** What the inspector has so far; what it shows changes with the phase and the attempt, and whoever reads it is not disturbed otherwise. */
async function draw({ phase, attempts }) {
  const state = `${phase} ${attempts}`;
  if (state === drawn) return;
  drawn = state;
  const found = await api(`live/${path}`).catch(() => null);
  if (found === null || found.inspection === null || isOver) return;
  show({ inspection: found.inspection, request: { totalMs: found.call.elapsedMs }, price: null }, { isRunning: true });
}

async function ended(source) {
  if (isOver) return;
  isOver = true;
  source.close();
  find("#running-phase").className = "pill plain";
  write("#running-phase", t("inspect.ended"));
  find("#running-end").hidden = true;
  try {
    await api(`requests/${path}`);
    location.reload();
  } catch (error) {
    if (error.status === 404) write("#running-hint", t("inspect.ended.unlisted"));
    else sayFailure(error);
  }
}

function take(call, source) {
  if (isOver) return;
  if (call === undefined) return void ended(source);
  writeCall(call);
  void draw(call).catch(sayFailure);
}

function watch() {
  const source = new EventSource("/api/admin/live");
  const ours = ({ calls }) => calls.find((call) => call.id === id);
  const heard = (hear) => (event) => hear(JSON.parse(event.data));
  for (const name of ["snapshot", "tick"])
    source.addEventListener(
      name,
      heard((event) => take(ours(event), source)),
    );
  source.addEventListener(
    "call",
    heard(({ call }) => call.id === id && take(call, source)),
  );
  source.addEventListener(
    "ended",
    heard((event) => event.id === id && void ended(source)),
  );
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED && !isOver) setTimeout(watch, AGAIN_MS);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

endsCalls(document.body);
setInterval(writeTime, TIMES_MS);
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
watch();
