// Ends a running call where somebody presses its button.

import { api, during, say, t } from "./dom.js";

/** Of all buttons with `data-end` that are or will be in a part of the page. */
export function endsCalls(within) {
  within.addEventListener("click", (event) => {
    const button = event.target.closest("[data-end]");
    if (!button) return;
    void during(button, async () => {
      const id = button.dataset.end;
      try {
        await api(`requests/${encodeURIComponent(id)}/cancel`, { method: "POST" });
        say(t("now.ended"));
      } catch (error) {
        if (error.status !== 404) throw error;
        say(t("now.gone"));
      }
    });
  });
}
