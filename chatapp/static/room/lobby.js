/** The host's lobby: who waits, newest state first to win, and the answers. How a row looks and stays is `knocks.js`. */

import { ask } from "../view/dialogs.js";
import { all, find, name, say } from "../view/dom.js";
import { refusal } from "../view/said.js";
import { n, parts, t } from "../view/texts.js";
import { badge } from "../view/title.js";
import { toast } from "../view/toast.js";
import { Knocks } from "./knocks.js";

const GROUP_MS = 1000;

export class Lobby {
  #client;
  #knocks;
  /** @type {Map<string, any>} pending requests by id, oldest first */
  #pending = new Map();
  /** @type {Set<string>} ids of those selected */
  #chosen = new Set();
  /** @type {Map<string, any> | null} what came while the list was being fetched: newer than the list */
  #meanwhile = null;
  /** @type {Set<string>} ids that the server has been asked to let in */
  #deciding = new Set();
  #loaded = false;
  #arrived = 0;
  #announcing = null;

  /** @param {import("../client/client.js").RoomClient} client */
  constructor(client) {
    this.#client = client;
    this.#knocks = new Knocks(find("#lobby"), {
      approve: (request) => this.#approve({ request_id: request.id }, [request]),
      deny: (request) => this.#deny({ request_id: request.id }, request.user.display_name),
      choose: (id, chosen) => this.#choose(id, chosen),
    });
    client.on("inside", () => this.#load());
    client.on("request", (request) => this.#changed(request));
    find("[data-action=all]").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#approve({ all: true }, [...this.#pending.values()]);
    });
    find('[data-chosen="in"]').addEventListener("click", () => this.#approve({ request_ids: [...this.#chosen] }, this.#those()));
    find('[data-chosen="out"]').addEventListener("click", () => this.#deny({ request_ids: [...this.#chosen] }, n("{count} person", "{count} people", this.#chosen.size)));
  }

  /** To the first who waits. */
  focus() {
    this.#knocks.focusFirst() || find("#lobby-title").focus();
  }

  /** Who has waited longest. */
  approveFirst() {
    const first = [...this.#pending.values()].find(({ id }) => !this.#deciding.has(id));
    if (first) this.#approve({ request_id: first.id }, [first]);
  }

  async #load() {
    this.#meanwhile = new Map();
    const items = await this.#client.lobby();
    const newer = this.#meanwhile ?? new Map();
    this.#meanwhile = null;
    if (items === null) return;
    const before = this.#pending;
    this.#pending = new Map(items.map((request) => [request.id, request]));
    if (this.#loaded) for (const id of this.#pending.keys()) if (!before.has(id)) this.#announceLater();
    this.#loaded = true;
    for (const request of newer.values()) this.#put(request);
    this.#show();
  }

  #changed(request) {
    this.#meanwhile?.set(request.id, request);
    if (request.status === "pending" && !this.#pending.has(request.id)) this.#announceLater();
    this.#put(request);
    this.#show();
  }

  #put(request) {
    if (request.status === "pending") this.#pending.set(request.id, request);
    else this.#pending.delete(request.id);
    if (request.status === "pending") return;
    this.#deciding.delete(request.id);
    this.#knocks.decided(request);
  }

  #show() {
    const count = this.#pending.size;
    for (const id of this.#chosen) if (!this.#pending.has(id)) this.#chosen.delete(id);
    this.#knocks.show([...this.#pending.values()], this.#chosen);
    find("#nobody").hidden = count > 0;
    for (const place of all('[data-count="lobby"]')) say(place, count ? String(count) : "");
    find("[data-action=all]").hidden = count < 2;
    find("[data-action=all] button").textContent = t("Let all in ({count})", { count });
    find("#chosen").hidden = this.#chosen.size === 0;
    find("#chosen-count").textContent = n("{count} selected", "{count} selected", this.#chosen.size);
    badge("lobby", count);
  }

  #choose(id, chosen) {
    if (chosen) this.#chosen.add(id);
    else this.#chosen.delete(id);
    this.#show();
  }

  #those() {
    return [...this.#chosen].map((id) => this.#pending.get(id)).filter(Boolean);
  }

  async #approve(selector, requests) {
    for (const { id } of requests) this.#deciding.add(id);
    const answer = await this.#decide("join_request_approve", selector);
    if (!answer.ok) for (const { id } of requests) this.#deciding.delete(id);
    if (!answer.ok) return;
    const inside = new Set(answer.results.filter(({ outcome }) => outcome === "approved").map(({ user_id: id }) => id));
    const full = answer.results.filter(({ outcome }) => outcome === "room_full").length;
    if (full) toast(n("{count} person did not fit: the room is full.", "{count} people did not fit: the room is full.", full));
    const users = requests.map(({ user }) => user).filter(({ id }) => inside.has(id));
    if (!users.length) return;
    const said = users.length === 1 ? parts("{name} is in.", { name: name(users[0].display_name) }) : n("{count} person is in.", "{count} people are in.", users.length);
    toast(said, () => this.#takeBack(users));
  }

  /** A wrong approval: out again, free to ask anew. */
  async #takeBack(users) {
    let fault = null;
    for (const { id } of users) fault = (await this.#client.command("participant_remove", { user_id: id })).error ?? fault;
    toast(fault ? `${t("That could not be taken back.")} ${refusal(fault)}` : t("Taken back. They may ask again."));
  }

  async #deny(selector, whom) {
    const given = await ask("#deny-dialog", { name: whom });
    if (given) await this.#decide("join_request_deny", { ...selector, reason: given.get("reason") });
  }

  async #decide(command, data) {
    const answer = await this.#client.command(command, data);
    if (!answer.ok) toast(refusal(answer.error));
    if (!answer.ok && answer.error.code === "not_pending") this.#load();
    return answer;
  }

  /** Thirty knocks in a minute are said as groups. */
  #announceLater() {
    this.#arrived += 1;
    this.#announcing ??= setTimeout(() => {
      find("#arrivals").textContent = n("{count} more waiting.", "{count} more waiting.", this.#arrived);
      this.#arrived = 0;
      this.#announcing = null;
    }, GROUP_MS);
  }
}
