/**
 * The conversation: a window of rows over the log, which may be very long. It follows the newest message while one is at
 * the end, and keeps its place while one is not.
 */

import { find, say } from "../view/dom.js";
import { n, t } from "../view/texts.js";
import { Outgoing } from "./outgoing.js";
import { Rows } from "./rows.js";
import { Unread } from "./unread.js";

const MOST = 300;
const STEP = 100;
const REACH = 800;
const NEAR_END = 80;

export class Conversation {
  #client;
  #myId;
  #rows;
  #unread;
  #outgoing;
  #log = find("#log");
  #said = find("#said");
  #list = find("#said ol");
  #newer = find("#newer");
  #first = 1;
  #last = 0;
  #missed = 0;
  #busy = false;
  #following = true;
  #connected = false;

  /**
   * @param {import("../client/client.js").RoomClient} client
   * @param {{myId: string, roomId: string, remove: Function | null}} options
   */
  constructor(client, { myId, roomId, remove }) {
    this.#client = client;
    this.#myId = myId;
    this.#rows = new Rows({ myId, remove });
    this.#unread = new Unread(`chatapp.read.${myId}.${roomId}`, myId);
    this.#outgoing = new Outgoing(client);
    client.on("inside", ({ room }) => (this.#rows.hostId = room.host.id));
    client.on("messages", (added, fresh) => {
      if (fresh) this.#begin();
      else this.#append(added);
      this.#connected = client.isOnline;
      this.#present();
    });
    client.on("state", () => ((this.#connected = false), this.#present()));
    client.on("history", (added) => added.length && this.#up());
    client.on("outbox", () => this.#changed());
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#newer.addEventListener("click", () => this.toEnd());
    document.addEventListener("visibilitychange", () => this.#present());
    new ResizeObserver(() => this.#following && this.#scrollToEnd()).observe(this.#log);
  }

  toEnd() {
    if (this.#last < this.#client.log.last) this.#window(this.#client.log.last - MOST + 1, this.#client.log.last);
    this.#scrollToEnd();
  }

  #begin() {
    const { log } = this.#client;
    find("#loading").hidden = true;
    this.#unread.begin(log.items);
    this.#following = true;
    this.#window(log.last - MOST + 1, log.last);
    this.#outgoing.show();
    this.#scrollToEnd();
    const line = find(".unread-line", this.#list);
    if (line && line.offsetTop < this.#log.scrollTop) this.#log.scrollTop = line.offsetTop - 16;
  }

  #append(added) {
    if (!added.length) return;
    const others = added.filter(({ type, sender }) => type !== "system" && sender.id !== this.#myId).length;
    const joined = this.#last === added[0].seq - 1;
    const room = this.#following || this.#last - this.#first < MOST + STEP;
    if (this.#unread.added(added)) find(".unread-line", this.#list)?.remove();
    if (joined && room) {
      const add = () => this.#list.append(...this.#render(added[0].seq, added.at(-1).seq));
      if (added.length > 1) this.#quietly(add);
      else add();
      this.#last = added.at(-1).seq;
    }
    if (this.#following) {
      this.#trim(this.#last - MOST - STEP + 1, this.#last);
      this.#scrollToEnd();
    } else this.#missed += others;
    this.#looked();
    this.#showNewer();
  }

  /** Older rows above, without moving what one reads. */
  #up() {
    const { items } = this.#client.log;
    const from = Math.max(items[0].seq, this.#first - STEP);
    if (from >= this.#first) return;
    this.#keeping(this.#at(this.#first), () => {
      const joint = this.#first; // its day and its group may have begun earlier than was known
      for (const row of this.#nodes(joint)) if (row !== this.#at(joint)) row.remove();
      const rows = this.#render(from, joint);
      this.#at(joint).replaceWith(...rows);
      this.#first = from;
      return this.#at(joint);
    });
    this.#trim(this.#first, this.#first + MOST + STEP);
  }

  /** Newer rows below, for who reads on from far up. */
  #down() {
    const to = Math.min(this.#client.log.last, this.#last + STEP);
    this.#keeping(this.#at(this.#last), () => {
      this.#list.append(...this.#render(this.#last + 1, to));
      this.#last = to;
    });
    this.#keeping(this.#at(this.#last), () => this.#trim(this.#last - MOST - STEP, this.#last));
  }

  #window(from, to) {
    const begin = Math.max(this.#client.log.items[0]?.seq ?? 1, from);
    this.#quietly(() => this.#list.replaceChildren(...this.#render(begin, to)));
    this.#first = begin;
    this.#last = to;
  }

  #render(from, to) {
    const { items } = this.#client.log;
    const offset = items[0]?.seq ?? 1;
    const rows = [];
    for (let seq = from; seq <= to; seq++) {
      rows.push(...this.#rows.of(items[seq - offset], items[seq - offset - 1], this.#unread.beginsAt(seq)));
    }
    return rows;
  }

  #trim(from, to) {
    while (this.#list.firstChild && Number(this.#list.firstChild.dataset.seq) < from) this.#list.firstChild.remove();
    while (this.#list.lastChild && Number(this.#list.lastChild.dataset.seq) > to) this.#list.lastChild.remove();
    this.#first = Math.max(this.#first, from);
    this.#last = Math.min(this.#last, to);
  }

  /** The row of a message itself is the last of its nodes. */
  #at = (seq) => this.#nodes(seq).at(-1);
  #nodes = (seq) => [...this.#list.querySelectorAll(`[data-seq="${seq}"]`)];

  /** By its lower edge: the name over a message goes when it turns out that the one before is by the same. */
  #keeping(row, change) {
    const before = row?.getBoundingClientRect().bottom ?? 0;
    let kept = row;
    this.#quietly(() => (kept = change() ?? row));
    if (kept?.isConnected) this.#log.scrollTop += kept.getBoundingClientRect().bottom - before;
  }

  async #scrolled() {
    const end = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    const complete = this.#last === this.#client.log.last;
    this.#following = complete && end < NEAR_END;
    if (this.#following) this.#missed = 0;
    this.#looked();
    this.#showNewer(end);
    if (!complete && end < REACH) this.#down();
    if (this.#log.scrollTop > REACH || this.#busy || !this.#client.log.items.length) return;
    if (this.#first > this.#client.log.items[0].seq) return this.#up();
    this.#busy = true;
    const seconds = await this.#client.older();
    if (seconds) await new Promise((done) => setTimeout(done, seconds * 1000));
    this.#busy = false;
    if (seconds) this.#scrolled();
  }

  #showNewer(end = this.#following ? 0 : this.#log.clientHeight + 1) {
    this.#newer.hidden = this.#following || (this.#missed === 0 && end < this.#log.clientHeight);
    if (!this.#newer.hidden) find("span", this.#newer).textContent = this.#missed ? n("{count} new message", "{count} new messages", this.#missed) : t("To the newest");
  }

  /** One goes where one writes, and has then seen what stands above. */
  #changed() {
    if (!this.#outgoing.show()) return;
    if (this.#isThere()) {
      this.#unread.clear();
      find(".unread-line", this.#list)?.remove();
    }
    this.toEnd();
  }

  /** Here, and connected: only then is what comes seen when it comes. */
  #present() {
    if (this.#isThere()) this.#unread.back();
    else this.#unread.away();
    this.#looked();
    find("#first").hidden = this.#client.log.hasOlder || !this.#client.log.items.length || this.#client.log.items.some(({ type }) => type !== "system");
  }

  #isThere = () => this.#connected && document.visibilityState === "visible";

  #looked() {
    if (this.#following) this.#unread.looked(this.#client.log.last);
  }

  #scrollToEnd() {
    this.#following = true;
    this.#missed = 0;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#newer.hidden = true;
  }

  /** Many at once are not read out: who listens would wait for minutes. */
  #quietly(change) {
    this.#said.setAttribute("aria-live", "off");
    change();
    clearTimeout(this.#loud);
    this.#loud = setTimeout(() => this.#said.setAttribute("aria-live", "polite"), 300);
  }
  #loud;
}
