/** The files on their way, above where one writes: how far each is, and what can be done about it. */

import { el, find, icon, name, say } from "../view/dom.js";
import { isolated } from "../view/said.js";
import { n, t } from "../view/texts.js";
import { isFinal, sizeOf, whyNot } from "./words.js";

const QUIET_MS = 400;

export class Tray {
  #queue;
  #maxBytes;
  #list = find("#uploads");
  #said = find("#uploads-said");
  /** @type {Map<string, {row: HTMLElement, bar: HTMLProgressElement, words: HTMLElement, again: HTMLElement}>} */
  #rows = new Map();
  #sent = 0;
  #telling = null;

  /** @param {import("./queue.js").UploadQueue} queue @param {number} maxBytes */
  constructor(queue, maxBytes) {
    this.#queue = queue;
    this.#maxBytes = maxBytes;
    queue.on("changed", (item) => this.#changed(item));
    queue.on("gone", (item, sent) => this.#gone(item, sent));
  }

  #changed(item) {
    const shown = this.#rows.get(item.id) ?? this.#added(item);
    const words = this.#words(item);
    if (shown.words.textContent !== words) shown.words.textContent = words;
    shown.row.classList.toggle("failed", item.state === "failed");
    shown.again.hidden = item.state !== "failed" || item.file.size > this.#maxBytes || isFinal(item.error);
    shown.bar.hidden = item.state === "failed";
    if (item.state === "sending") shown.bar.value = item.loaded;
    else if (item.state === "checking") shown.bar.removeAttribute("value");
    if (item.state === "failed") this.#tell(t("{name} was not sent. {why}", { name: isolated(item.file.name), why: words }));
  }

  #words({ state, loaded, error, file }) {
    if (state === "failed") return whyNot(error, this.#maxBytes);
    if (state === "queued") return t("Waiting, {size}", { size: sizeOf(file.size) });
    if (state === "waiting") return t("Trying again in a moment");
    if (state === "checking") return t("The server looks at it");
    return t("{percent} % of {size}", { percent: Math.round(loaded * 100), size: sizeOf(file.size) });
  }

  #added(item) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": t("Progress of {name}", { name: item.file.name }) });
    const words = el("span", { class: "hint" });
    const again = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => (this.#queue.retry(item.id), this.#list.querySelector("button:not([hidden])")?.focus()) }, t("Try again"));
    const stop = el("button", { class: "quiet square", type: "button", "aria-label": t("Do not send {name}", { name: item.file.name }), onclick: () => this.#stop(item) }, icon("x-mark"));
    const row = el("li", { class: "upload" }, icon("paper-clip"), el("p", { class: "file-name" }, name(item.file.name), words), again, stop, bar);
    const shown = { row, bar, words, again };
    this.#rows.set(item.id, shown);
    this.#list.append(row);
    return shown;
  }

  #stop(item) {
    const next = this.#rows.get(item.id)?.row.nextElementSibling ?? this.#rows.get(item.id)?.row.previousElementSibling;
    this.#queue.cancel(item.id);
    (next?.querySelector("button:not([hidden])") ?? find("#text")).focus();
  }

  #gone({ id, file }, sent) {
    this.#rows.get(id)?.row.remove();
    this.#rows.delete(id);
    if (!sent) return this.#tell(t("{name} is not sent.", { name: isolated(file.name) }));
    this.#sent += 1;
    this.#telling ??= setTimeout(() => this.#tellSent(), QUIET_MS);
  }

  #tellSent() {
    this.#telling = null;
    this.#tell(n("{count} file sent.", "{count} files sent.", this.#sent));
    this.#sent = 0;
  }

  #tell(text) {
    say(this.#said, text);
  }
}
