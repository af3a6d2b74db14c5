// The pages about keys: makes, changes, raises, rotates and removes them by the admin API, and shows a new key once.

import { all, api, during, el, find, say, sayFailure, t } from "./dom.js";

const LISTS = new Set(["models", "budgets"]);
const PLACE = "YOUR_KEY";
const SAY_NEXT = "say-next";

// What was done before the page was loaded anew.
const told = sessionStorage.getItem(SAY_NEXT);
sessionStorage.removeItem(SAY_NEXT);
if (told) say(told);

function showAgain(text, address = location.href) {
  sessionStorage.setItem(SAY_NEXT, text);
  location.assign(address);
}

const keyPath = (name) => `keys/${encodeURIComponent(name)}`;

/** What was changed in a form: an empty field takes back what the key says of its own. */
function words(form) {
  const changed = {};
  for (const { name, value, dataset } of form.elements) {
    if (!name || name === "name" || dataset.was === undefined || value.trim() === dataset.was) continue;
    const text = value.trim();
    if (text === "") changed[name] = null;
    else if (!LISTS.has(name)) changed[name] = text;
    else if (text === "none") changed[name] = [];
    else changed[name] = text.split(",").map((part) => part.trim());
  }
  return changed;
}

/** Takes back what was said of a field. */
function clear(field) {
  find(`#${field.id}-fault`)?.remove();
  field.removeAttribute("aria-invalid");
  field.removeAttribute("aria-errormessage");
}

/** Says what is wrong: beside the field that it is about, which is brought into view, or else at the end of the form. */
function tell(form, { message, param }) {
  const field = param === null || param === undefined ? null : form.elements.namedItem(param);
  if (field === null) {
    const fault = find("[data-fault]", form);
    fault.textContent = message;
    fault.hidden = false;
    fault.scrollIntoView({ block: "nearest" });
    return;
  }
  const id = `${field.id}-fault`;
  field.after(el("p", { id, class: "fault", role: "alert" }, message));
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", id);
  field.addEventListener("input", () => clear(field), { once: true });
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}

/** Sends a form by the script, and says what is wrong with it. */
function onSubmit(selector, work) {
  const form = find(selector);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    find("[data-fault]", form).hidden = true;
    for (const field of all("[aria-invalid]", form)) clear(field);
    let failure = null;
    void during(find("button[type=submit]", form), async () => {
      await work(form).catch((error) => (failure = error));
    }).then(() => failure !== null && tell(form, failure));
  });
}

/** The key stands on the page until the dialog is closed, and nowhere else. */
function showKey(key, next) {
  const dialog = find("#fresh-key");
  const codes = all("code", dialog);
  const before = codes.map((code) => code.textContent);
  for (const code of codes) code.textContent = code.textContent.replaceAll(PLACE, key);
  dialog.addEventListener(
    "close",
    () => {
      for (const [at, code] of codes.entries()) code.textContent = before[at];
      next();
    },
    { once: true },
  );
  dialog.showModal();
}

for (const button of all("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

// ---- All keys ---------------------------------------------------------------------------------------------------

find("#new-key")?.addEventListener("click", () => find("#new-key-dialog").showModal());

onSubmit("#new-key-form", async (form) => {
  const name = form.elements.namedItem("name").value.trim();
  const { key } = await api("keys", { method: "POST", body: { name, ...words(form) } });
  find("#new-key-dialog").close();
  form.reset();
  showKey(key, () => showAgain(t("keys.created", { name })));
});

// ---- One key ----------------------------------------------------------------------------------------------------

onSubmit("#change-form", async (form) => {
  const { name } = form.dataset;
  await api(keyPath(name), { method: "PATCH", body: words(form) });
  showAgain(t("key.done.changed"));
});

onSubmit("#raise-form", async (form) => {
  const { name } = form.dataset;
  const amount = form.elements.namedItem("amount").value.trim();
  const until = form.elements.namedItem("until").value.trim();
  await api(`${keyPath(name)}/raise`, { method: "POST", body: until === "" ? { amount } : { amount, until } });
  showAgain(t("key.done.raised"));
});

onSubmit("#rotate-form", async (form) => {
  const grace = form.elements.namedItem("grace").value.trim();
  const { key } = await api(`${keyPath(form.dataset.name)}/rotate`, { method: "POST", body: grace === "" ? {} : { grace } });
  find("#rotate-dialog").close();
  showKey(key, () => showAgain(t("key.done.rotated")));
});

const actions = find("#key-actions");
actions?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  const { act } = button.dataset;
  if (act === "rotate" || act === "remove") find(`#${act}-dialog`).showModal();
  else {
    void during(button, async () => {
      await api(keyPath(actions.dataset.name), { method: "PATCH", body: { off: act === "off" } });
      showAgain(t(act === "off" ? "key.done.off" : "key.done.on"));
    });
  }
});

find("#remove-dialog [data-confirm]")?.addEventListener("click", (event) => {
  void during(event.target, async () => {
    const { name } = actions.dataset;
    await api(keyPath(name), { method: "DELETE" });
    showAgain(t("key.done.removed", { name }), "/ui/keys");
  }).catch(sayFailure);
});
