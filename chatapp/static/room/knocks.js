/**
 * The rows of the lobby. A row that is decided stays where it is, without its buttons, as long as the pointer or the focus
 * is in the list: what one is about to press never jumps away.
 */

import { called, el, find, name } from "../view/dom.js";
import { t } from "../view/texts.js";

const STAY_MS = 1200;
const SAID = {
  approved: () => t("Let in"),
  denied: () => t("Not now"),
  withdrawn: () => t("Waits no more"),
  expired: () => t("Waits no more"),
};

export class Knocks {
  #list;
  #acts;
  /** @type {Map<string, HTMLElement>} by request id */
  #rows = new Map();
  /** @type {Map<string, any>} decided, still standing */
  #decided = new Map();
  #held = false;
  #sweeping = null;

  /**
   * @param {HTMLElement} list
   * @param {{approve: Function, deny: Function, choose: Function}} acts
   */
  constructor(list, acts) {
    this.#list = list;
    this.#acts = acts;
    list.replaceChildren(); // the rows of the server had forms for browsers without scripts
    list.addEventListener("pointerenter", (event) => (this.#held = event.pointerType === "mouse"));
    list.addEventListener("pointerleave", () => this.#letGo());
    list.addEventListener("focusout", () => this.#sweepLater());
  }

  /** @param {any} request that is pending no more */
  decided(request) {
    if (this.#rows.has(request.id)) this.#decided.set(request.id, request);
  }

  /** @param {any[]} pending oldest first @param {Set<string>} chosen */
  show(pending, chosen) {
    const waiting = new Map(pending.map((request) => [request.id, request]));
    for (const id of this.#rows.keys()) if (!waiting.has(id) && !this.#decided.has(id)) this.#remove(id);
    for (const [id, request] of this.#decided) this.#settle(id, request);
    for (const [id, request] of waiting) {
      this.#decided.delete(id);
      if (!this.#rows.has(id)) this.#add(request);
      this.#update(this.#rows.get(id), request, chosen.has(id));
    }
    this.#sweepLater();
  }

  focusFirst() {
    const first = find("button.primary", this.#list);
    first?.focus();
    return Boolean(first);
  }

  #add(request) {
    const { id, user, note } = request;
    const choose = el("input", { type: "checkbox", "aria-label": t("Select {name}", { name: user.display_name }), onchange: (event) => this.#acts.choose(id, event.target.checked) });
    const row = el(
      "li",
      { class: "knock", "data-id": id },
      el("label", { class: "choose" }, choose),
      el("p", { class: "who" }, called(user), " ", el("span", { class: "hint" }, name(`@${user.username}`)), " ", el("span", { class: "hint away" })),
      ...(note ? [el("p", { class: "note", dir: "auto" }, note)] : []),
      el(
        "div",
        { class: "together" },
        el("button", { class: "primary", "aria-label": t("Let in {name}", { name: user.display_name }), onclick: () => this.#acts.approve(request) }, t("Let in")),
        el("button", { "aria-label": t("Not now: {name}", { name: user.display_name }), onclick: () => this.#acts.deny(request) }, t("Not now")),
      ),
    );
    this.#rows.set(id, row);
    this.#list.append(row);
  }

  #update(row, { online }, chosen) {
    find("input", row).checked = chosen;
    find(".away", row).textContent = online ? "" : t("not on the page now");
  }

  /** The row stays, its buttons go; the focus goes on to the next who waits. */
  #settle(id, { status }) {
    const row = this.#rows.get(id);
    if (!row || row.classList.contains("decided")) return;
    const hadFocus = row.contains(document.activeElement);
    row.style.minHeight = `${row.getBoundingClientRect().height}px`;
    row.classList.add("decided");
    find("input", row).disabled = true;
    find(".together", row).replaceChildren(el("span", { class: "hint" }, (SAID[status] ?? SAID.expired)()));
    if (hadFocus) this.#focusAfter(row);
  }

  #focusAfter(row) {
    for (let next = row.nextElementSibling; next; next = next.nextElementSibling) {
      const button = find("button.primary", next);
      if (button) return button.focus();
    }
    this.focusFirst() || find("#lobby-title").focus();
  }

  #letGo() {
    this.#held = false;
    this.#sweepLater();
  }

  #sweepLater() {
    if (this.#decided.size === 0) return;
    this.#sweeping ??= setTimeout(() => {
      this.#sweeping = null;
      if (this.#held) return;
      for (const id of this.#decided.keys()) this.#remove(id);
    }, STAY_MS);
  }

  #remove(id) {
    const row = this.#rows.get(id);
    const hadFocus = row?.contains(document.activeElement);
    this.#rows.delete(id);
    this.#decided.delete(id);
    if (hadFocus) this.#focusAfter(row);
    row?.remove();
  }
}
