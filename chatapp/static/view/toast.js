/** A short word about what was just done, with the way back while there is one. It waits under the pointer and the focus. */

import { all, el, find } from "./dom.js";
import { t } from "./texts.js";

const PLAIN_MS = 5000;
const UNDO_MS = 10_000;

/** Take back what was done last, while that is offered. */
export function undoLast() {
  all("#toasts button").at(-1)?.click();
}

/**
 * @param {string | (Node | string)[]} text
 * @param {(() => void) | null} [undo] what takes it back
 */
export function toast(text, undo = null) {
  const ends = Date.now() + (undo ? UNDO_MS : PLAIN_MS);
  const words = el("p", {}, ...[text].flat());
  const row = el("div", { class: "toast" }, words);
  if (undo) row.append(el("button", { class: "quiet", onclick: () => (row.remove(), undo()) }, t("Undo")));
  const shown = find("#toasts");
  shown.append(row);
  while (shown.children.length > 3) shown.firstChild.remove();
  const ticking = setInterval(() => {
    const held = row.matches(":hover") || row.contains(document.activeElement);
    // Held or not: what cannot be undone any more must not promise it.
    if (Date.now() < ends || (held && !undo && row.isConnected)) return;
    clearInterval(ticking);
    row.remove();
  }, 250);
}
