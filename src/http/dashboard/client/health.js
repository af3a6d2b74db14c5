// The page "Health": runs the doctor's checks, and reads the configuration again.

import { api, during, el, find, t, timeOf } from "./dom.js";
import { printTimes } from "./formats.js";

const TONES = { ok: "good", warn: "warn", fail: "bad", skip: "plain" };
const ORDER = ["fail", "warn", "ok", "skip"];
const SKELETONS = 4;

function check({ id, state, what, why, fix }) {
  return el(
    "li",
    { class: "check" },
    el("span", { class: `pill ${TONES[state] ?? "plain"}` }, t(`health.check.${state}`)),
    el(
      "div",
      {},
      el("p", {}, what, " ", el("span", { class: "sub mono" }, id)),
      why === null ? null : el("p", { class: "sub" }, why),
      fix === null ? null : el("p", {}, el("strong", {}, t("health.fix")), " ", fix),
    ),
  );
}

const doctor = find("#doctor");
const run = find("#run-doctor");

run.addEventListener("click", () => {
  const skeletons = Array.from({ length: SKELETONS }, () => el("li", { class: "check skeleton", "aria-hidden": "true" }));
  doctor.replaceChildren(el("p", { class: "sub" }, t("health.doctor.running")), el("ul", { class: "checks" }, skeletons));
  void during(run, async () => {
    try {
      const { at, checks } = await api("doctor", { method: "POST" });
      const sorted = [...checks].sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
      const count = (state) => checks.filter((one) => one.state === state).length;
      const sums = t("health.doctor.sums", { fail: count("fail"), warn: count("warn"), ok: count("ok") });
      doctor.replaceChildren(el("p", { class: "sub" }, sums, " · ", timeOf(at, "long")), el("ul", { class: "checks" }, sorted.map(check)));
      printTimes(doctor);
    } catch (error) {
      doctor.replaceChildren();
      throw error;
    }
  });
});

const reload = find("#reload");

reload.addEventListener("click", () => {
  void during(reload, async () => {
    const { changed, needRestart, fault } = await api("reload", { method: "POST" });
    const said =
      fault !== null
        ? [t("health.reload.fault", { fault })]
        : [
            changed.length === 0 ? t("health.reload.same") : t("health.reload.changed", { names: changed.join(", ") }),
            ...(needRestart.length === 0 ? [] : [t("health.reload.restart", { names: needRestart.join(", ") })]),
          ];
    find("#reloaded").replaceChildren(el("p", { class: `notice ${fault === null ? "good" : "bad"}` }, said.join(" ")));
  });
});
