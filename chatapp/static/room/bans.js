/** Who may not come back, and lifting that. */

import { whole } from "../client/lists.js";
import { called, el, find, name, say } from "../view/dom.js";
import { refusal } from "../view/said.js";
import { parts, t } from "../view/texts.js";
import { toast } from "../view/toast.js";
import { avatar } from "./people.js";

export class Bans {
  #client;

  /**
   * @param {import("../client/client.js").RoomClient} client
   * @param {import("./people.js").People} people
   */
  constructor(client, people) {
    this.#client = client;
    client.on("inside", () => this.#load());
    people.onChange(() => this.#load());
  }

  async #load() {
    const items = await whole((list) => this.#client.rest("GET", list), "bans/?");
    if (items === null) return;
    find("#bans-panel").hidden = items.length === 0;
    say(find("#bans-count"), items.length ? String(items.length) : "");
    find("#bans").replaceChildren(...items.map(({ user }) => this.#row(user)));
  }

  #row(user) {
    return el(
      "li",
      { class: "person" },
      avatar(user),
      el("p", { class: "who" }, called(user), el("span", { class: "hint presence-none" }, name(`@${user.username}`))),
      el("button", { class: "quiet", "aria-label": t("Lift the ban on {name}", { name: user.display_name }), onclick: () => this.#lift(user) }, t("Lift")),
    );
  }

  async #lift(user) {
    const answer = await this.#client.rest("POST", "unban/", { user_id: user.id });
    toast(answer.ok ? parts("{name} may ask again.", { name: name(user.display_name) }) : refusal(answer.error));
    await this.#load();
    find("#people-title").focus();
  }
}
