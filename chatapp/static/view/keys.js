/** Keys of one letter, for who is not writing, and the list of them. */

import { all, find } from "./dom.js";

const WRITING = "input, textarea, select, [contenteditable]";
const KEPT = "chatapp.keys";
/** @type {Map<string, () => void>} */
const keys = new Map();

/** @param {string} letter @param {() => void} act */
export function onKey(letter, act) {
  keys.set(letter, act);
}

export function listenForKeys() {
  const dialog = find("#keys");
  const wanted = find("#keys-on");
  const open = () => ((wanted.checked = isOn()), dialog.showModal());
  onKey("?", open);
  // Who has switched them off finds them again without a key.
  for (const button of all("[data-opens=keys]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
  wanted.addEventListener("change", () => localStorage.setItem(KEPT, wanted.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.(WRITING) || find("dialog[open]")) return;
    const act = keys.get(event.key);
    if (!act || !isOn()) return;
    event.preventDefault();
    act();
  });
}

/** On every page of this browser; speech and slips of the hand press keys that nobody meant. */
const isOn = () => localStorage.getItem(KEPT) !== "off";
