/**
 * One room over one connection: enters it, resumes, sends, and tells what happens. The protocol, and no DOM.
 *
 * Events: `outside` (standing), `inside` (snapshot), `messages` (list, fresh), `history` (list), `room` (Room), `people`,
 * `request` (JoinRequest), `outbox`, `typing` ({user, typing}), `state` (state, why), `told` (Notification of this room).
 */

import { SignedOut } from "./access.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { whole } from "./lists.js";
import { Log } from "./log.js";
import { News } from "./news.js";
import { Outbox } from "./outbox.js";
import { Roster } from "./roster.js";

const GAP_MS = 1000;
const HISTORY_PAGE = 200;

export class RoomClient extends Emitter {
  log = new Log();
  people = new Roster();
  room = null;
  isInside = false;
  #access;
  #connection;
  #roomId;
  #myId;
  #entering = false;
  #again = false;
  #removed = false;
  #left = false;
  #gap = null;
  #news = new News();

  /**
   * @param {object} options
   * @param {import("./access.js").Bearer} options.access
   * @param {string} options.roomId
   * @param {string} options.myId
   * @param {Storage} [options.storage]
   * @param {Connection} [options.connection]
   */
  constructor({ access, roomId, myId, storage, connection = new Connection(access) }) {
    super();
    this.#access = access;
    this.#roomId = roomId;
    this.#myId = myId;
    this.#connection = connection;
    this.outbox = new Outbox({
      send: (item) => this.#send(item),
      changed: () => this.emit("outbox"),
      storage,
      key: `chatapp.outbox.${myId}.${roomId}`,
    });
    connection.on("state", (state, why) => this.#stateChanged(state, why));
    connection.on("chat", (name, data) => this.#heard(name, data));
    connection.on("notice", (name, data) => this.#noticed(name, data));
  }

  /** Enter now and after each connect, by a connection of one's own or one that other rooms have started. */
  start() {
    if (this.isOnline) this.enter();
    else this.#connection.start();
  }

  get isOnline() {
    return this.#connection.state === "online";
  }

  /** Send a command about this room. @param {string} name @param {object} [data] @returns {Promise<any>} the ack */
  command(name, data = {}, take = undefined) {
    return this.#connection.command(name, { room_id: this.#roomId, ...data }, take);
  }

  /** Go in if this user may; else say how they stand. Safe to call again. */
  async enter() {
    this.#again = true;
    if (this.#entering || this.#removed) return;
    this.#entering = true;
    while (this.#again) {
      this.#again = false;
      await this.#enterOnce();
    }
    this.#entering = false;
  }

  /** Who was removed asks anew, and may be let in again. */
  comeBack() {
    this.#removed = false;
    return this.enter();
  }

  /** Give up the place in the room. @returns {Promise<any>} */
  async leave() {
    const answer = await this.rest("POST", "leave/", {});
    if (answer.ok) {
      this.#left = true;
      this.#outsideNow({ left: true });
    }
    return answer;
  }

  /**
   * Fetch a page before the first message that is here.
   * @returns {Promise<number>} seconds after which to ask again, because there was no page; 0 when that is not needed
   */
  async older() {
    if (!this.log.hasOlder) return 0;
    const answer = await this.command("messages_before", { before: this.log.items[0].seq, limit: HISTORY_PAGE });
    if (!answer.ok) return answer.error.retryable && this.isOnline ? (answer.error.retry_after ?? 2) : 0;
    if (answer.epoch === this.log.epoch) this.emit("history", this.log.prepend(answer.messages, answer.oldest));
    return 0;
  }

  /** A REST request below this room's path. @param {string} method @param {string} [what] @param {object} [body] */
  async rest(method, what = "", body = undefined) {
    try {
      return await this.#access.call(method, `/api/chat/${this.#roomId}/${what}`, body);
    } catch (fault) {
      if (!(fault instanceof SignedOut)) throw fault;
      this.#connection.stop("signed_out");
      return { ok: false, status: 401, body: null, error: { code: "unauthorized", message: "Sign in again." } };
    }
  }

  /** @param {boolean} typing */
  typing(typing) {
    if (this.isInside) this.#connection.hint("typing", { room_id: this.#roomId, typing });
  }

  /** Who waits, for the host. @returns {Promise<any[] | null>} null: no answer */
  lobby() {
    return whole((list) => this.rest("GET", list), "requests/?status=pending&");
  }

  async #send({ client_id, body }) {
    const answer = await this.command("message_send", { client_id, body });
    if (answer.ok) this.#receive(answer.message);
    if (answer.ok && answer.message.seq <= this.log.last) this.outbox.settle(client_id); // one from before what is here, too
    return answer;
  }

  #stateChanged(state, why) {
    if (state === "online") this.enter();
    else this.outbox.close();
    this.emit("state", state, why);
  }

  async #enterOnce() {
    this.log.leave();
    let answer;
    do {
      answer = await this.command("room_enter", this.log.cursor, (given) => given.ok && this.#entered(given));
    } while (answer.ok && answer.more);
    if (!answer.ok) await this.#notEntered(answer.error);
  }

  #entered(answer) {
    this.room = answer.room;
    this.isInside = true;
    this.#left = false;
    this.people.begin(answer.participants);
    const { fresh, added } = this.log.enter(answer);
    this.#settle(this.log.items);
    this.emit("inside", answer);
    this.emit("messages", added, fresh);
    this.emit("people");
    if (!answer.more) this.outbox.open();
  }

  async #notEntered({ code, retryable, retry_after: delay = 2 }) {
    if (retryable) {
      if (this.#connection.state === "online") setTimeout(() => this.enter(), delay * 1000);
      return;
    }
    const request = await this.rest("GET", "join/");
    const wasInside = this.isInside;
    this.isInside = false;
    this.outbox.close();
    this.emit("outside", { wasInside, left: this.#left, isPending: code === "forbidden", request: request.ok ? request.body : null });
  }

  #heard(name, data) {
    if (data?.room_id !== this.#roomId && data?.id !== this.#roomId) return;
    if (name === "message") this.#receive(data);
    else if (name === "room_head") this.#compare(data);
    else if (name === "room_updated") this.emit("room", (this.room = data));
    else if (name === "typing") this.emit("typing", data);
    else if (name === "presence") {
      this.people.present(data);
      this.emit("people");
    } else if (name === "join_request") this.emit("request", data);
    else if (name === "bye") this.#sentAway(data.code);
  }

  #noticed(name, data) {
    for (const item of this.#news.fresh(name, data)) {
      if (item.room_id !== this.#roomId) continue;
      if (!item.read) this.emit("told", item);
      const isUndone = this.#removed && item.kind === "join_request_approved"; // the host took a removal back
      if (isUndone) this.#removed = false;
      if (isUndone || (name === "notification" && !this.isInside)) this.enter();
    }
  }

  #receive(message) {
    const added = this.log.add(message);
    for (const { type, code, params, created_at } of added) {
      if (type === "system" && this.people.moved(code, params, created_at)) this.emit("people");
    }
    this.#settle(added);
    if (added.length) this.emit("messages", added, false);
    if (this.log.hasGap) this.#closeGapLater();
  }

  /** Own messages that stand in the log need no outbox. */
  #settle(messages) {
    for (const { sender, client_id } of messages) if (sender?.id === this.#myId && client_id) this.outbox.settle(client_id);
  }

  #compare({ head, epoch }) {
    if (epoch !== this.log.epoch) this.enter();
    else if (head > this.log.last) this.#closeGapLater();
  }

  /** What is missing is probably on its way; if not, entering again brings it. */
  #closeGapLater() {
    const last = this.log.last;
    this.#gap ??= setTimeout(() => {
      this.#gap = null;
      if (this.isInside && this.log.last === last) this.enter();
    }, GAP_MS);
  }

  #sentAway(code) {
    if (code !== "removed") return this.enter();
    this.#removed = true; // who was removed does not come back by itself
    this.#outsideNow({ left: this.#left });
  }

  #outsideNow({ left }) {
    this.isInside = false;
    this.outbox.close();
    this.emit("outside", { wasInside: true, isPending: false, request: null, left });
  }
}
