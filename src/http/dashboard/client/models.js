// Narrows the table of models while one types.

import { all, find } from "./dom.js";

const field = find("[data-narrows]");
const rows = all("#models tbody tr");

function narrow() {
  const typed = field.value.trim().toLowerCase();
  for (const row of rows) row.hidden = !row.dataset.words.includes(typed);
}

field.form.addEventListener("submit", (event) => event.preventDefault());
field.addEventListener("input", narrow);
