/** Who is writing right now. It may get lost on the way, and ends by itself. */

import { find } from "../view/dom.js";
import { isolated } from "../view/said.js";
import { n, t } from "../view/texts.js";

const AGAIN_MS = 3000;
const ENDS_MS = 6000;

export class Typing {
  #client;
  #myId;
  /** @type {Map<string, {name: string, ends: ReturnType<typeof setTimeout>}>} */
  #others = new Map();
  #told = 0;
  #line = find("#typing");

  /** @param {import("../client/client.js").RoomClient} client @param {string} myId */
  constructor(client, myId) {
    this.#client = client;
    this.#myId = myId;
    client.on("typing", ({ user, typing }) => this.#heard(user, typing));
    client.on("messages", (added) => added.forEach(({ sender }) => sender && this.#heard(sender, false)));
    find("#text").addEventListener("input", (event) => this.#tell(event.target.value !== ""));
    find("#composer").addEventListener("submit", () => this.#tell(false));
  }

  #tell(typing) {
    const now = Date.now();
    if (typing ? now - this.#told < AGAIN_MS : this.#told === 0) return;
    this.#told = typing ? now : 0;
    this.#client.typing(typing);
  }

  #heard({ id, display_name: name }, typing) {
    if (id === this.#myId) return;
    clearTimeout(this.#others.get(id)?.ends);
    this.#others.delete(id);
    if (typing) this.#others.set(id, { name, ends: setTimeout(() => this.#heard({ id, display_name: name }, false), ENDS_MS) });
    this.#show();
  }

  #show() {
    const names = [...this.#others.values()].map(({ name }) => isolated(name));
    const said = names.length === 1 ? t("{name} is writing…", { name: names[0] }) : n("{count} person is writing…", "{count} people are writing…", names.length);
    this.#line.textContent = names.length ? said : "";
  }
}
