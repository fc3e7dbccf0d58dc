/** The files of the room, newest first: what was sent, by whom and when. Fetched when it is first looked at. */

import { called, el, find, say } from "../view/dom.js";
import { refusal, time } from "../view/said.js";
import { t } from "../view/texts.js";
import { picture, row } from "./shown.js";
import { familyOf } from "./words.js";

const PAGE = 30;

export class FilesPanel {
  #client;
  #list = find("#files");
  #more = find("#files-more");
  #fault = find("#files-fault");
  /** @type {string | null} where the next page begins; null: there is none */
  #cursor = null;
  #loaded = false;
  #loading = null;
  /** @type {Set<number>} */
  #seqs = new Set();

  /** @param {import("../client/client.js").RoomClient} client */
  constructor(client) {
    this.#client = client;
    client.on("messages", (added, fresh) => this.#heard(added, fresh));
    find("[data-pane]").addEventListener("pane", ({ detail }) => detail === "files" && this.#open());
    this.#more.addEventListener("click", () => this.#next());
  }

  #open() {
    if (!this.#loaded) this.#next();
  }

  #heard(added, fresh) {
    if (fresh && this.#loaded) return this.#again(); // something may have been missed
    if (!this.#loaded) return;
    for (const message of added) if (message.file && !this.#seqs.has(message.seq)) this.#list.prepend(this.#item(message));
    this.#state();
  }

  #again() {
    this.#list.replaceChildren();
    this.#seqs.clear();
    this.#cursor = null;
    this.#loaded = false;
    this.#next();
  }

  #next() {
    this.#loading ??= this.#fetch().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #fetch() {
    const from = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : "";
    const answer = await this.#client.rest("GET", `files/?limit=${PAGE}${from}`);
    say(this.#fault, answer.ok ? "" : refusal(answer.error));
    this.#more.textContent = answer.ok ? t("Show more") : t("Try again");
    if (!answer.ok) {
      this.#more.hidden = false;
      return;
    }
    this.#loaded = true;
    this.#cursor = answer.body.next_cursor;
    for (const message of answer.body.items) if (!this.#seqs.has(message.seq)) this.#list.append(this.#item(message));
    this.#state();
  }

  #state() {
    this.#more.hidden = this.#cursor === null;
    find("#no-files").hidden = this.#seqs.size > 0;
  }

  #item({ seq, file, sender, created_at: moment }) {
    this.#seqs.add(seq);
    const small = familyOf(file.media_type) === "image" && file.width ? [picture(file, { widest: 64, highest: 64 })] : [];
    return el(
      "li",
      { class: "shared" },
      ...small,
      el("div", {}, row(file), el("p", { class: "hint" }, called(sender), " · ", el("time", { dateTime: moment, title: new Date(moment).toLocaleString(document.documentElement.lang) }, time.format(new Date(moment))))),
    );
  }
}
