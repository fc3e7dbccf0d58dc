/** Questions before something that cannot be undone. The browser's own dialog traps and returns the focus. */

import { find } from "./dom.js";

/**
 * @param {string} selector of a <dialog> with a form of its own
 * @param {{name?: string, text?: string}} [about]
 * @returns {Promise<FormData | null>} what was filled in; null when it was not confirmed
 */
export function ask(selector, { name = "", text = "" } = {}) {
  const dialog = find(selector);
  const form = find("form", dialog);
  form.reset();
  for (const node of dialog.querySelectorAll("[data-name]")) node.textContent = name;
  const place = find("p[id$='-text']", dialog);
  if (place) place.textContent = text;
  find("[data-cancel]", dialog).onclick = () => dialog.close("no"); // no submit button: Enter in a field confirms
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => resolve(dialog.returnValue === "yes" ? new FormData(form) : null);
    dialog.addEventListener("close", closed, { once: true });
  });
}
