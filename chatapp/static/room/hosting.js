/** What only the host does with the room itself: end it, reopen it, show how to get in. */

import { ask } from "../view/dialogs.js";
import { find, say } from "../view/dom.js";
import { refusal } from "../view/said.js";
import { n, t } from "../view/texts.js";
import { toast } from "../view/toast.js";

export class Hosting {
  #client;

  /** @param {import("../client/client.js").RoomClient} client */
  constructor(client) {
    this.#client = client;
    client.on("inside", ({ room }) => this.#show(room));
    client.on("room", (room) => this.#show(room));
    find("#end").addEventListener("click", () => this.#end());
    find("#reopen").addEventListener("click", () => this.#do("room_reopen"));
    find("#big").hidden = false;
    find("#big").addEventListener("click", () => this.#big());
    const big = find("#big-code");
    big.addEventListener("close", () => document.fullscreenElement && document.exitFullscreen());
    document.addEventListener("fullscreenchange", () => !document.fullscreenElement && big.open && big.close());
  }

  #show({ status, title, join_code: code }) {
    const closed = status === "closed";
    find("#end").hidden = closed;
    find("#reopen").hidden = !closed;
    find("#summary").hidden = !closed;
    say(find("#code"), code ?? "");
    say(find("#big-code-text"), code ?? "");
    find("#big-code [data-title]").textContent = title;
    find("#share").hidden = !code;
    find("#no-share").hidden = Boolean(code);
  }

  /** The code as large as the projector is. Where full screen is not allowed, it fills the page. */
  #big() {
    find("#big-code").showModal();
    document.documentElement.requestFullscreen?.().catch(() => {});
  }

  async #end() {
    const people = n("{count} person is in the room.", "{count} people are in the room.", this.#client.people.size);
    const text = `${people} ${t("Nobody can write any more; everybody who was in can still read. Who waits is sent away. You can reopen the room later.")}`;
    if (!(await ask("#end-dialog", { text }))) return;
    if (await this.#do("room_close")) location.assign(find("#summary").href);
  }

  async #do(command) {
    const answer = await this.#client.command(command);
    if (!answer.ok) toast(refusal(answer.error));
    return answer.ok;
  }
}
