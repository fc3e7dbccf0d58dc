/** Who is in the room, and who of them is here now. The host may remove somebody, and take that back. */

import { ask } from "../view/dialogs.js";
import { all, called, el, find, icon, name, say } from "../view/dom.js";
import { refusal } from "../view/said.js";
import { n, parts, t } from "../view/texts.js";
import { toast } from "../view/toast.js";

const TONES = 8;

export class People {
  #client;
  #isHost;
  #myId;
  #after = () => {};

  /**
   * @param {import("../client/client.js").RoomClient} client
   * @param {{isHost: boolean, myId: string}} me
   */
  constructor(client, { isHost, myId }) {
    this.#client = client;
    this.#isHost = isHost;
    this.#myId = myId;
    client.on("people", () => this.#show());
  }

  /** @param {() => void} act after somebody was removed or taken back */
  onChange(act) {
    this.#after = act;
  }

  /** Ask, then remove. @param {{id: string, display_name: string}} user */
  async remove(user) {
    const given = await ask("#remove-dialog", { name: user.display_name });
    if (!given) return;
    const data = { user_id: user.id, reason: given.get("reason"), ban: given.get("ban") === "on" };
    const answer = await this.#client.command("participant_remove", data);
    if (!answer.ok) return toast(refusal(answer.error));
    this.#after();
    toast(parts("{name} is out.", { name: name(user.display_name) }), () => this.#restore(user));
  }

  async #restore(user) {
    const answer = await this.#client.command("join_request_approve", { user_id: user.id });
    this.#after();
    toast(answer.ok ? parts("{name} is in again.", { name: name(user.display_name) }) : refusal(answer.error));
  }

  #show() {
    const everybody = [...this.#client.people.values()].sort((a, b) => Number(b.role === "host") - Number(a.role === "host"));
    const list = find("#people");
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    list.replaceChildren(...everybody.map((person) => this.#row(person)));
    if (focused) (find(`[data-key="${CSS.escape(focused)}"]`, list) ?? find("#people-title")).focus();
    for (const badge of all('[data-count="people"]')) say(badge, String(everybody.length));
    const here = everybody.filter((person) => person.online).length;
    say(find("#people-count"), `${n("{count} person", "{count} people", everybody.length)}, ${t("{count} here", { count: here })}`);
  }

  #row({ user, role, online }) {
    const mine = user.id === this.#myId;
    const removable = this.#isHost && role !== "host";
    const act = { class: "quiet square", "data-key": user.id, "aria-label": t("Remove {name}", { name: user.display_name }), title: t("Remove"), onclick: () => this.remove(user) };
    return el(
      "li",
      { class: `person${online ? "" : " offline"}` },
      avatar(user),
      el(
        "p",
        { class: "who" },
        called(user),
        ...(mine ? [` (${t("you")})`] : []),
        ...(role === "host" ? [el("span", { class: "badge" }, t("Host"))] : []),
        el("span", { class: "hint presence" }, online ? t("Here") : t("Away")),
      ),
      ...(removable ? [el("button", act, icon("user-minus"))] : []),
    );
  }
}

/** Initials on a colour that follows from the id. @param {{id: string, display_name: string}} user */
export function avatar({ id, display_name: called }) {
  return el("span", { class: `avatar tone-${tone(id)}`, "aria-hidden": "true" }, initial(called));
}

/** The first letter as people see letters; a name may begin with an emoji of several code points. */
function initial(text) {
  const [first] = new Intl.Segmenter().segment(text.trim());
  return first?.segment.toUpperCase() ?? "?";
}

const tone = (id) => [...id].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 997, 7) % TONES;
