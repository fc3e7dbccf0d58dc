/** What was written here and does not stand in the log yet, below it: waiting, on its way, or not sent and why. */

import { el, find, icon } from "../view/dom.js";
import { refusal } from "../view/said.js";
import { t } from "../view/texts.js";
import { toast } from "../view/toast.js";
import { bodyOf } from "./rows.js";

const SAID = { queued: () => t("Waiting to be sent"), sending: () => t("Sending"), sent: () => t("Sent") };

export class Outgoing {
  #client;
  #list = find("#outgoing");
  /** @type {Map<string, {row: HTMLElement, state: string}>} by client_id */
  #shown = new Map();

  /** @param {import("../client/client.js").RoomClient} client */
  constructor(client) {
    this.#client = client;
  }

  /** @returns {boolean} whether something new stands here */
  show() {
    const items = new Map(this.#client.outbox.items.map((item) => [item.client_id, item]));
    for (const [id, { row }] of this.#shown) if (!items.has(id)) (row.remove(), this.#shown.delete(id));
    let grown = false;
    for (const [id, item] of items) {
      const known = this.#shown.get(id);
      if (known?.state === item.state) continue;
      grown ||= !known;
      if (known && item.state === "failed" && !this.#isInSight()) toast(t("A message was not sent."));
      const row = this.#row(item);
      if (known) known.row.replaceWith(row);
      else this.#list.append(row);
      this.#shown.set(id, { row, state: item.state });
    }
    return grown;
  }

  #isInSight = () => this.#list.getClientRects().length > 0;

  #row({ client_id: id, body, state, fault, code }) {
    const failed = state === "failed";
    const words = failed ? t("Not sent. {why}", { why: refusal({ code, message: fault }) }) : SAID[state]();
    return el(
      "li",
      { class: `message own outgoing ${state}` },
      el("div", { class: "said" }, bodyOf(body)),
      el(
        "p",
        { class: "state" },
        icon(failed ? "exclamation-triangle" : state === "sent" ? "check" : "clock"),
        words,
        ...(failed ? [this.#button(t("Try again"), "retry", id), this.#button(t("Discard"), "discard", id)] : []),
      ),
    );
  }

  #button(text, act, id) {
    return el("button", { class: "quiet", type: "button", onclick: () => (this.#client.outbox[act](id), find("#text").focus()) }, text);
  }
}
