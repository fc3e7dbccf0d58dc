/**
 * The user's notifications as one connection tells them: newest first, each once, and how many are unread. No DOM.
 *
 * Events: `changed`, `arrived` (Notification that is new since this page knows).
 */

import { Emitter } from "./emitter.js";

const KEPT = 100;

export class Notices extends Emitter {
  /** @type {any[]} newest first */
  items = [];
  unread = 0;
  #connection;
  #known = null;
  /** @type {Set<string>} ids that the server was asked to mark, and has not answered */
  #asked = new Set();

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    super();
    this.#connection = connection;
    connection.on("notice", (name, data) => this.#heard(name, data));
  }

  /** Those that are on their way already are not sent again. @param {string[]} given */
  async markRead(given) {
    const ids = given.filter((id) => !this.#asked.has(id));
    if (!ids.length) return;
    for (const id of ids) this.#asked.add(id);
    const answer = await this.#connection.notify("notifications_mark_read", { ids });
    for (const id of ids) this.#asked.delete(id);
    if (!answer.ok) return;
    this.items = this.items.map((item) => (ids.includes(item.id) ? { ...item, read: true } : item));
    this.emit("changed");
  }

  /** All that is here. @returns {Promise<any>} */
  markAllRead() {
    return this.#connection.notify("notifications_mark_read", { up_to_seq: this.items[0]?.seq ?? 0 });
  }

  #heard(name, data) {
    if (name === "notifications") this.#replace(data);
    else if (name === "notification") this.#add(data);
    else if (name === "notifications_read") this.#read(data);
  }

  #replace({ items, unread, head }) {
    const missed = this.#known === null ? [] : items.filter((item) => item.seq > this.#known && !item.read);
    this.items = items;
    this.unread = unread;
    this.#known = head;
    this.emit("changed");
    for (const item of missed.reverse()) this.emit("arrived", item);
  }

  #add(item) {
    if (this.#known !== null && item.seq <= this.#known) return;
    this.#known = item.seq;
    this.items = [item, ...this.items].slice(0, KEPT);
    this.unread += 1;
    this.emit("changed");
    this.emit("arrived", item);
  }

  /** Above `seq` some may have been read one by one, on another page; the next connect says which. */
  #read({ up_to_seq: seq, unread }) {
    this.items = this.items.map((item) => (item.seq <= seq || unread === 0 ? { ...item, read: true } : item));
    this.unread = unread;
    this.emit("changed");
  }
}
