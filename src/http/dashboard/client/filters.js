// Forms that filter: a choice made with the pointer takes effect at once, and empty fields stay out of the address.

import { all } from "./dom.js";

// Where there is little room, what is not used is folded.
if (matchMedia("(max-width: 860px)").matches) for (const box of all('[data-folds="narrow"]')) box.open = false;

for (const form of all("form[data-filters]")) {
  // With the keyboard, one passes through other choices and half-typed dates on the way.
  let isByKeyboard = false;
  form.addEventListener("keydown", () => (isByKeyboard = true));
  form.addEventListener("pointerdown", () => (isByKeyboard = false));
  form.addEventListener("change", (event) => {
    if (!isByKeyboard && event.target.matches("select, input[type=date]")) form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
  });
  // Coming back to the page from the next one finds the fields as they were.
  addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });
}
