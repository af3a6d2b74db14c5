// What every script of the pages uses: elements made of text, the page's texts, the admin API, short messages.
// Never sets HTML: whatever comes from a client stays text.

import { number } from "./formats.js";

const texts = JSON.parse(document.querySelector('meta[name="texts"]')?.content ?? "{}");

export const has = (key) => Object.hasOwn(texts, key);

/** As the server does: `{name}` is a value; of `one|other` the value `count` chooses. */
export function t(key, values = {}) {
  const [one, other = one] = (texts[key] ?? key).split("|");
  return (values.count === 1 ? one : other).replaceAll(/\{(\w+)\}/g, (_all, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number(value) : String(value);
  });
}

/** As the server does: what turns a text around, or is not seen, is shown. */
const UNSEEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g;

/** An element. Attributes that are null, undefined or false are left out, functions listen; children are nodes or texts. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  const present = children.flat().filter((child) => child !== null && child !== undefined);
  element.append(...present.map((child) => (typeof child === "string" ? child.replaceAll(UNSEEN, "\uFFFD") : child)));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

export const find = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** What the admin API answers to a refusal. */
export class ApiError extends Error {
  constructor(message, status, param = null) {
    super(message);
    this.status = status;
    /** The member of the body that is wrong. Null: it is none of them. */
    this.param = param;
  }
}

/** The admin API: JSON in, JSON out. Throws ApiError with a message that may be shown. */
export async function api(path, { method = "GET", body, signal } = {}) {
  const headers = { accept: "application/json" };
  if (method !== "GET") headers["x-csrf-token"] = find('meta[name="csrf-token"]')?.content ?? "";
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(`/api/admin/${path}`, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(t("script.offline"), 0);
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401) throw new ApiError(t("script.signed-out"), 401);
  throw new ApiError(answer?.error?.message ?? `${response.status} ${response.statusText}`, response.status, answer?.error?.param);
}

const TOAST_MS = 5_000;

/** Says something for a while, to screen readers too. */
export function say(text, tone = "plain") {
  const toast = el("p", { class: `toast ${tone}` }, text);
  find("#toasts").append(toast);
  setTimeout(() => toast.remove(), TOAST_MS);
}

export function sayFailure(error) {
  say(t("script.failed", { message: error.message }), "bad");
}

/** Runs what a button does: it can't be pressed again meanwhile, and a failure is said. */
export async function during(button, work) {
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    sayFailure(error);
    return undefined;
  } finally {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
}

/** A time as the server's pages have it. */
export function timeOf(iso, print) {
  return el("time", { datetime: iso, "data-print": print });
}
