/** The lines above the conversation: how the connection is, and what happens to the class next. */

import { find, say } from "../view/dom.js";
import { clock, isolated } from "../view/said.js";
import { n, t } from "../view/texts.js";
import { STOPPED } from "./words.js";

const CALM_MS = 1500;
const FIRST_MS = 5000;
/** Here, or elsewhere: then there is a way in instead of a word. */
const SIGNED_OUT = new Set(["signed_out", "revoked"]);

export class Status {
  #client;
  #state = "connecting";
  #why = null;
  #host;
  #isHost;
  #closesAt = null;
  #goneAt = null;
  #ticking = null;
  #patience = null;

  /** @param {import("../client/client.js").RoomClient} client @param {{hostName: string, isHost: boolean}} about */
  constructor(client, { hostName, isHost }) {
    this.#client = client;
    this.#host = isolated(hostName);
    this.#isHost = isHost;
    client.on("state", (state, why) => this.#changed(state, why));
    client.on("outbox", () => this.#words() && this.show());
    client.on("inside", ({ room }) => this.#room(room));
    client.on("room", (room) => this.#room(room));
    this.#changed("connecting", null);
  }

  show() {
    find("#signed-out").hidden = !SIGNED_OUT.has(this.#why);
    say(find("#connection"), this.#words());
    find("#connection").classList.toggle("warn", !["connecting", "online"].includes(this.#state));
  }

  #changed(state, why) {
    if (state === "offline" && this.#state === "online") this.#goneAt = performance.now();
    if (state === "online") this.#goneAt = null;
    this.#state = state;
    this.#why = why;
    clearTimeout(this.#patience);
    // A connection that is back at once needs no word, and nothing moves while a page comes up.
    if (state === "connecting") this.#patience = setTimeout(() => this.show(), FIRST_MS);
    else if (state === "offline") this.#patience = setTimeout(() => this.show(), CALM_MS);
    else this.show();
    this.#tick();
  }

  #words() {
    const waiting = this.#client.outbox.items.filter((item) => item.state !== "failed").length;
    if (this.#state === "stopped") return STOPPED[this.#why]?.() ?? "";
    if (this.#state === "connecting") return t("Connecting…");
    if (this.#state !== "offline") return "";
    const queue = waiting ? n("Offline, {count} message waiting.", "Offline, {count} messages waiting.", waiting) : t("Offline.");
    return `${queue} ${this.#ownAbsence() || t("Trying to come back…")}`;
  }

  /** The host's own connection is gone: what the class sees meanwhile, and for how long. */
  #ownAbsence() {
    const { room } = this.#client;
    if (!this.#isHost || this.#goneAt === null || !room || room.status === "closed") return "";
    const left = room.host_grace_seconds - (performance.now() - this.#goneAt) / 1000;
    if (left <= 0) return t("Your class may have ended by now. You can reopen it when you are back.");
    return t("Your class goes on without you. It ends in {time} at the earliest, unless you are back.", { time: clock(left) });
  }

  #room({ status, closes_in: seconds }) {
    this.#closesAt = status === "unsupervised" && seconds !== null ? performance.now() + seconds * 1000 : null;
    this.#notice(status);
    this.#tick();
  }

  #tick() {
    clearInterval(this.#ticking);
    if (this.#closesAt === null && this.#goneAt === null) return;
    this.#ticking = setInterval(() => {
      if (this.#closesAt !== null) this.#notice(this.#client.room.status);
      if (this.#goneAt !== null && performance.now() - this.#goneAt > CALM_MS) this.show();
    }, 1000);
  }

  #notice(status) {
    const left = this.#closesAt === null ? null : (this.#closesAt - performance.now()) / 1000;
    const line = find("#notice-text");
    const text =
      status === "closed"
        ? this.#isHost ? t("The class has ended. Reopen the room to go on.") : t("The class has ended. You can still read what was said.")
        : status === "unsupervised" ? this.#away(left) : "";
    // A countdown is for the eyes: read aloud once a second, nobody could listen to anything else.
    if (!line.textContent || left === null) line.setAttribute("aria-live", "polite");
    else line.setAttribute("aria-live", "off");
    if (line.textContent !== text) line.textContent = text;
    find("#notice").hidden = !text;
  }

  #away(left) {
    if (left > 0) return t("{name} is away. The room closes in {time} unless they return.", { name: this.#host, time: clock(left) });
    return t("{name} is away. The room is about to close.", { name: this.#host });
  }
}
