// What works on every page: keys to get around, copying, theme, the reader's time zone.

import { all, api, during, find, say, t } from "./dom.js";
import { printTimes, zone, zoneName } from "./formats.js";

const YEAR_S = 31_536_000;
const root = document.documentElement;

root.classList.add("has-script");

function remember(name, value) {
  document.cookie = `${name}=${value}; Path=/ui; Max-Age=${YEAR_S}; SameSite=Lax`;
}

// ---- Time zone: the server prints in it from the next page on --------------------------------------------------

if (root.dataset.zone !== zone) {
  remember("zone", zone);
  printTimes(document);
  for (const name of all("[data-zone-name]")) name.textContent = zoneName();
}
setInterval(() => printTimes(document, '[data-print="relative"]'), 10_000);

// ---- Theme ------------------------------------------------------------------------------------------------------

for (const link of all("[data-theme-choice]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const { themeChoice } = link.dataset;
    remember("theme", themeChoice);
    root.dataset.theme = themeChoice;
    find('meta[name="color-scheme"]').content = themeChoice === "auto" ? "light dark" : themeChoice;
    for (const other of all("[data-theme-choice]")) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    document.dispatchEvent(new Event("theme"));
  });
}

// ---- Signing out ------------------------------------------------------------------------------------------------

const signOut = find("#sign-out");
signOut?.addEventListener("click", () => {
  void during(signOut, async () => {
    await api("session", { method: "DELETE" });
    location.assign("/ui/sign-in");
  });
});

// ---- Copying ----------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) void copy(button);
});

async function copy(button) {
  const text = button.dataset.copy || find("code", button.parentElement).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = t("script.copied");
    say(t("script.copied"));
    setTimeout(() => (button.textContent = t("script.copy")), 1_500);
  } catch {
    // Browsers allow it on loopback and over TLS alone: what is selected can be copied by hand.
    getSelection().selectAllChildren(find("code", button.parentElement) ?? button);
  }
}

// ---- Rows -------------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-rows] tbody tr");
  if (!row || event.target.closest("a, button, input, select, label") || String(getSelection()) !== "") return;
  find("a.row-link", row)?.click();
});

function moveRow(step) {
  const links = all("[data-rows] tbody tr:not([hidden]) a.row-link");
  if (links.length === 0) return;
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = at === -1 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
  links[next].focus();
  links[next].closest("tr").scrollIntoView({ block: "nearest" });
}

// ---- Keys -------------------------------------------------------------------------------------------------------

const AFTER_G_MS = 1_500;
let goneUntil = 0;

function showShortcuts() {
  const dialog = find("#shortcuts");
  if (dialog && !dialog.open) dialog.showModal();
}

find("#show-shortcuts")?.addEventListener("click", showShortcuts);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { target, key } = event;
  if (target.closest?.("input, textarea, select, [contenteditable]")) {
    if (key === "Escape") target.blur();
    return;
  }
  if (find("dialog[open]")) return;
  if (Date.now() < goneUntil) {
    goneUntil = 0;
    find(`nav a[data-letter="${CSS.escape(key)}"]`)?.click();
    return;
  }
  if (key === "g") goneUntil = Date.now() + AFTER_G_MS;
  else if (key === "?") showShortcuts();
  else if (key === "j") moveRow(1);
  else if (key === "k") moveRow(-1);
  else if (key === "/") find("[data-search]")?.focus();
  else return;
  event.preventDefault();
});

// A dialog closes where one presses beside it.
for (const dialog of all("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

find('nav a[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
