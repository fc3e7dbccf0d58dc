/** Which parts of the room are shown: one on narrow screens, the conversation and one beside it on wide ones. */

import { all, find, say } from "../view/dom.js";

const narrow = matchMedia("(max-width: 839px)");

export class Panes {
  #inside = find("[data-pane]");
  #unseen = 0;

  /** @param {import("../client/client.js").RoomClient} client */
  constructor(client) {
    for (const button of all("[data-show]")) button.addEventListener("click", () => this.show(button.dataset.show));
    narrow.addEventListener("change", () => this.#mark());
    client.on("messages", (added, fresh) => !fresh && this.#count(added));
    this.#mark();
  }

  /** Where one has to begin, when only one part is in sight. @param {string} pane */
  begin(pane) {
    if (narrow.matches) this.show(pane);
  }

  /** @param {string} pane talk, lobby, people, files or about */
  show(pane) {
    const isTalk = pane === "talk";
    this.#inside.dataset.pane = isTalk ? "talk" : "side";
    if (!isTalk) this.#inside.dataset.side = pane;
    if (isTalk) this.#unseen = 0;
    this.#mark();
    this.#inside.dispatchEvent(new CustomEvent("pane", { detail: pane }));
  }

  #mark() {
    const { pane, side } = this.#inside.dataset;
    const shown = narrow.matches && pane === "talk" ? "talk" : side;
    for (const button of all("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === shown));
    say(find('[data-count="talk"]'), this.#unseen ? String(Math.min(this.#unseen, 99)) : "");
  }

  #count(added) {
    if (!narrow.matches || this.#inside.dataset.pane === "talk") return;
    this.#unseen += added.filter(({ type }) => type !== "system").length;
    this.#mark();
  }
}
