/** Keys of one letter, for who is not writing, and the list of them. */

import { find } from "./dom.js";

const WRITING = "input, textarea, select, [contenteditable]";
/** @type {Map<string, () => void>} */
const keys = new Map();

/** @param {string} letter @param {() => void} act */
export function onKey(letter, act) {
  keys.set(letter, act);
}

export function listenForKeys() {
  onKey("?", () => find("#keys").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.(WRITING) || find("dialog[open]")) return;
    const act = keys.get(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
