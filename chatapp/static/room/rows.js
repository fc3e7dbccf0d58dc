/** How one message looks. Where it stands among the others is `conversation.js`. */

import { shown } from "../files/shown.js";
import { called, el, icon } from "../view/dom.js";
import { markup } from "../view/markup.js";
import { day, time } from "../view/said.js";
import { t } from "../view/texts.js";
import { system } from "./words.js";

const TOGETHER_MS = 5 * 60_000;
const LONG_CHARS = 1500;
const LONG_LINES = 18;

export class Rows {
  hostId = null;
  #myId;
  #remove;

  /** @param {{myId: string, remove: ((user: object) => void) | null}} options `remove` for the host */
  constructor({ myId, remove }) {
    this.#myId = myId;
    this.#remove = remove;
  }

  /**
   * The rows of one message: a line for its day if that begins with it, a line if what is unread does, and itself.
   * @param {any} message @param {any} before the message before it, if that is known @param {boolean} unread
   * @returns {HTMLElement[]}
   */
  of(message, before, unread) {
    const rows = [];
    const today = day.format(new Date(message.created_at));
    const newDay = !before || today !== day.format(new Date(before.created_at));
    if (newDay) rows.push(el("li", { class: "day" }, el("span", {}, today)));
    if (unread) rows.push(el("li", { class: "unread-line" }, el("span", {}, t("New since you were here"))));
    rows.push(message.type === "system" ? this.#system(message) : this.#message(message, newDay || unread ? null : before));
    for (const row of rows) row.dataset.seq = message.seq;
    return rows;
  }

  #system({ code, params, created_at: moment }) {
    return el("li", { class: "system" }, ...system(code, params), " ", clockOf(moment));
  }

  #message(message, before) {
    const { sender, created_at: moment } = message;
    const own = sender.id === this.#myId;
    const follows = before?.type !== "system" && before?.sender?.id === sender.id && near(before, message);
    return el(
      "li",
      { class: `message${own ? " own" : ""}${follows ? " follows" : ""}` },
      el(
        "p",
        { class: "by" },
        own ? t("You") : called(sender),
        ...(sender.id === this.hostId ? [el("span", { class: "badge" }, t("Host"))] : []),
        " ",
        clockOf(moment),
      ),
      ...this.#said(message, own),
    );
  }

  #said({ sender, body, file, created_at: moment }, own) {
    const text = file ? shown(file) : body === null ? noLongerKept() : bodyOf(body);
    const beside = el("span", { class: "beside" }, el("time", { class: "at", "aria-hidden": "true" }, time.format(new Date(moment))));
    if (this.#remove && !own && sender.id !== this.hostId) {
      beside.append(el("button", { class: "quiet square act", "aria-label": t("Remove {name}", { name: sender.display_name }), onclick: () => this.#remove(sender) }, icon("user-minus")));
    }
    return [el("div", { class: "said" }, text, beside)];
  }
}

/** @returns {HTMLElement} what stands where neither words nor a file are left */
const noLongerKept = () => el("div", { class: "body", dir: "auto" }, t("This is no longer kept."));

/** @param {string} text @returns {HTMLElement} what a message says; a very long one is folded */
export function bodyOf(text) {
  const body = el("div", { class: "body", dir: "auto" }, ...markup(text));
  if (text.length <= LONG_CHARS && text.split("\n").length <= LONG_LINES) return body;
  body.classList.add("folded");
  const more = el("button", { class: "quiet more", type: "button", "aria-expanded": "false", onclick: () => unfold() }, t("Show all"));
  const unfold = () => {
    const folded = body.classList.toggle("folded");
    more.textContent = folded ? t("Show all") : t("Show less");
    more.setAttribute("aria-expanded", String(!folded));
  };
  return el("div", { class: "long" }, body, more);
}

const near = (a, b) => new Date(b.created_at) - new Date(a.created_at) < TOGETHER_MS;
const clockOf = (moment) => el("time", { dateTime: moment }, time.format(new Date(moment)));
