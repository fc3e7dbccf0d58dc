/** The panel about the room: settings for its host, the way out for everybody else. */

import { find, say } from "../view/dom.js";
import { duration, refusal } from "../view/said.js";
import { n, t } from "../view/texts.js";
import { toast } from "../view/toast.js";

const FIELDS = ["title", "description", "admission", "host_grace_seconds", "retention_days"];
/** What one chooses as a number, and how a number that is none of the choices is called. */
const NUMBERS = { host_grace_seconds: duration, retention_days: (days) => n("{count} day", "{count} days", days) };

export class About {
  #client;
  #form = find("#settings");
  /** @type {Set<string>} fields that were changed here and are not saved: what others change does not overwrite them */
  #touched = new Set();

  /** @param {import("../client/client.js").RoomClient} client @param {{isHost: boolean}} me */
  constructor(client, { isHost }) {
    this.#client = client;
    client.on("inside", ({ room }) => this.#show(room, isHost));
    client.on("room", (room) => this.#show(room, isHost));
    if (!isHost) return find("#leave").addEventListener("click", () => this.#leave());
    this.#form.addEventListener("input", (event) => (this.#touched.add(event.target.name), this.#hint()));
    this.#form.addEventListener("submit", (event) => (event.preventDefault(), this.#save()));
    find("#new-code").addEventListener("click", () => this.#renew());
  }

  #show(room, isHost) {
    if (!isHost) return this.#tell(room);
    for (const field of FIELDS) if (!this.#touched.has(field)) this.#fill(this.#form.elements[field], room[field]);
    find("#code-box").hidden = !room.join_code;
    this.#hint();
  }

  #tell({ description, retention_days: own }) {
    say(find("#description"), description);
    const kept = find("#kept");
    const days = Math.min(...[own, Number(kept.dataset.schoolDays)].filter(Boolean));
    say(kept, Number.isFinite(days) ? n("What is said is kept for {count} day.", "What is said is kept for {count} days.", days) : "");
  }

  #fill(control, value) {
    const inWords = NUMBERS[control.name];
    if (inWords && ![...control.options].some((option) => option.value === String(value ?? ""))) control.add(new Option(inWords(value), value));
    control.value = value ?? "";
  }

  #hint() {
    const seconds = Number(this.#form.elements.host_grace_seconds.value);
    find("#grace-hint").textContent = seconds
      ? t("If this page closes or the network fails, everybody sees a countdown. When you are back in time, nothing has happened.")
      : t("If this page closes or the network fails, the class ends. You can reopen it.");
  }

  async #save() {
    const given = Object.fromEntries(new FormData(this.#form));
    for (const name of Object.keys(NUMBERS)) given[name] = given[name] === "" ? null : Number(given[name]);
    const answer = await this.#client.rest("PATCH", "", given);
    say(find("#settings-fault"), answer.ok ? "" : refusal(answer.error));
    if (!answer.ok) return;
    this.#touched.clear();
    toast(t("Saved."));
  }

  async #renew() {
    const answer = await this.#client.rest("POST", "code/", {});
    toast(answer.ok ? t("The new code is {code}.", { code: answer.body.join_code }) : refusal(answer.error));
  }

  async #leave() {
    const answer = await this.#client.leave();
    if (!answer.ok) toast(refusal(answer.error));
  }
}
