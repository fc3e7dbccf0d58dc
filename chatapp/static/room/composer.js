/** Where one writes, above the keyboard of a phone, too. What is typed survives a reload; what is sent is the outbox's. */

import { find, say } from "../view/dom.js";
import { n } from "../view/texts.js";

const WARN_BELOW = 200;

export class Composer {
  #client;
  #max;
  #key;
  #form = find("#composer");
  #text = find("#text");
  #left = find("#left");
  #breaksOnEnter = matchMedia("(pointer: coarse)").matches;

  /** @param {import("../client/client.js").RoomClient} client @param {{maxChars: number, draftKey: string}} options */
  constructor(client, { maxChars, draftKey }) {
    this.#client = client;
    this.#max = maxChars;
    this.#key = draftKey;
    this.#text.value = sessionStorage.getItem(draftKey) ?? "";
    find("[data-keys]").hidden = this.#breaksOnEnter;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("input", () => this.#typed());
    client.on("inside", ({ room }) => this.#allow(room));
    client.on("room", (room) => this.#allow(room));
    visualViewport?.addEventListener("resize", () => this.#fit());
    this.#typed();
  }

  /** Where the keyboard lies over the page instead of shrinking it, the page shrinks itself. */
  #fit() {
    const covered = innerHeight - visualViewport.height * visualViewport.scale > 100;
    if (covered) document.body.style.setProperty("--height", `${visualViewport.height}px`);
    else document.body.style.removeProperty("--height");
  }

  #allow({ status }) {
    this.#form.hidden = status === "closed";
    this.#form.classList.remove("later");
    this.#grow();
  }

  #pressed(event) {
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || this.#breaksOnEnter) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const body = this.#text.value;
    if (!body.trim() || this.#remaining(body) < 0) return;
    this.#text.value = "";
    this.#typed();
    this.#client.outbox.add(body);
    this.#text.focus();
  }

  #typed() {
    const body = this.#text.value;
    const left = this.#remaining(body);
    say(this.#left, left < 0 ? n("{count} character too long.", "{count} characters too long.", -left) : left < WARN_BELOW ? n("{count} character left.", "{count} characters left.", left) : "");
    if (body) sessionStorage.setItem(this.#key, body);
    else sessionStorage.removeItem(this.#key);
    this.#grow();
  }

  #remaining(body) {
    return body.length <= this.#max - WARN_BELOW ? Infinity : this.#max - [...body].length; // code points, as the server counts
  }

  #grow() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`; // CSS ends it at eight lines
  }
}
