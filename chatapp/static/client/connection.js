/**
 * One Engine.IO connection with both namespaces: stays up while it may, and says which state it is in. Rooms are not
 * known here.
 *
 * Events: `state` ("connecting" | "online" | "offline" | "stopped", why), `chat` (event, data), `notice` (event, data).
 */

import { SignedOut } from "./access.js";
import { Emitter } from "./emitter.js";
import { Manager } from "./socket.js";

const FINAL = new Set(["removed", "revoked", "too_many", "bad_packet"]);
const ANSWER_MS = 10_000;
const OPEN_MS = 10_000;
const RENEW_AGAIN_MS = 2000;
const NO_ANSWER = { ok: false, error: { code: "no_answer", message: "No answer.", retryable: true } };

export class Connection extends Emitter {
  state = "connecting";
  #access;
  #chat;
  #notifications;
  #manager;
  #opened = 0;
  #refusals = 0;
  #unknown = 0;
  #revival = null;
  #renewal = null;

  /**
   * @param {import("./access.js").Bearer} access
   * @param {{origin?: string, makeManager?: (origin: string, options: object) => any}} [options]
   */
  constructor(access, { origin = globalThis.location?.origin, makeManager = (...given) => new Manager(...given) } = {}) {
    super();
    this.#access = access;
    const manager = makeManager(origin, {
      autoConnect: false,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
      timeout: OPEN_MS,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
    });
    this.#manager = manager;
    const auth = (give) => this.#authenticate(give);
    this.#chat = manager.socket("/chat", { auth });
    this.#notifications = manager.socket("/notifications", { auth });
    this.#chat.on("connect", () => this.#arrived());
    this.#chat.onAny((name, data) => this.#heard("chat", name, data));
    this.#notifications.onAny((name, data) => this.#heard("notice", name, data));
    for (const socket of this.#sockets) {
      socket.on("connect_error", (fault) => this.#refused(socket, fault));
      socket.on("disconnect", (reason) => this.#lost(reason));
    }
  }

  get #sockets() {
    return [this.#chat, this.#notifications];
  }

  /** Connect, and stay connected until stopped. */
  start() {
    this.#connect();
  }

  /** Do not come back. @param {string} why a bye code, or "signed_out" */
  stop(why) {
    if (this.state === "stopped") return;
    this.#become("stopped", why);
    clearTimeout(this.#revival);
    clearTimeout(this.#renewal);
    this.#disconnect();
  }

  /**
   * Send one command of /chat. Nothing is buffered: without a connection there is no answer, at once.
   * @param {string} name
   * @param {object} data
   * @param {(answer: any) => void} [take] called with the ack before any event that came behind it
   * @returns {Promise<any>} the ack; `no_answer`, which is retryable, when none came
   */
  command(name, data, take = () => {}) {
    return this.#ask(this.#chat, name, data, take);
  }

  /** The same for a command of /notifications. @param {string} name @param {object} data @returns {Promise<any>} */
  notify(name, data) {
    return this.#ask(this.#notifications, name, data, () => {});
  }

  /** Say something that may get lost. @param {string} name @param {object} data */
  hint(name, data) {
    if (this.#chat.connected) this.#chat.volatile.emit(name, data);
  }

  #ask(socket, name, data, take) {
    if (!socket.connected) return Promise.resolve(NO_ANSWER);
    return new Promise((resolve) => {
      socket.timeout(ANSWER_MS).emit(name, data, (fault, answer) => {
        if (!fault) take(answer);
        resolve(fault ? NO_ANSWER : answer);
      });
    });
  }

  /** A token that comes when its connection has gone would introduce us to the next one twice, which is no good there. */
  async #authenticate(give) {
    const opened = this.#opened;
    try {
      const token = await this.#access.token();
      if (opened === this.#opened) give({ token });
    } catch (fault) {
      if (fault instanceof SignedOut) this.stop("signed_out");
      // Else the network is away: the server closes a socket without a token, and the next attempt asks again.
    }
  }

  #arrived() {
    this.#refusals = this.#unknown = 0;
    this.#renewLater();
    this.#become("online");
  }

  #heard(from, name, data) {
    if (name === "bye" && !data.room_id) this.#sentAway(data);
    else this.emit(from, name, data);
  }

  #sentAway({ code, retry_ms: delay }) {
    if (FINAL.has(code)) return this.stop(code);
    if (code === "expired") this.#access.forget();
    this.#disconnect(); // else the library would come back when it likes
    this.#become("offline");
    this.#revive(delay ?? 500);
  }

  #lost(reason) {
    this.#opened += 1;
    if (this.state === "stopped") return;
    this.#leave();
    if (reason === "io server disconnect") this.#revive(500); // the library leaves coming back to us then
  }

  /**
   * @param {{active: boolean}} socket active when the library goes on trying: not the server, but the network said no
   * @param {{message: string, data?: {code?: string, retry_after?: number}}} fault
   */
  #refused(socket, { message, data }) {
    if (this.state === "stopped") return;
    this.#leave();
    // Some networks let a WebSocket open and nothing through it. From long-polling it is upgraded where that works.
    if (message === "timeout" && !data) this.#manager.opts.transports = ["polling", "websocket"];
    if (socket.active) return;
    this.#refusals += 1;
    if (data?.code === "unauthorized") {
      this.#access.forget();
      this.#unknown += 1;
      if (this.#unknown > 4) return this.stop("signed_out");
    }
    this.#revive(data?.retry_after ? data.retry_after * 1000 : Math.min(500 * 2 ** this.#refusals, 15_000));
  }

  /** Without /notifications alone we are still here: /chat would not tell us a second time that it is connected. */
  #leave() {
    if (this.#chat.connected) return;
    clearTimeout(this.#renewal);
    this.#become("offline");
  }

  #revive(delay) {
    clearTimeout(this.#revival);
    this.#revival = setTimeout(() => this.#connect(), delay * (1 + Math.random() / 2));
  }

  #connect() {
    if (this.state === "stopped") return;
    for (const socket of this.#sockets) if (!socket.connected) socket.connect();
  }

  #disconnect() {
    this.#opened += 1;
    for (const socket of this.#sockets) socket.disconnect();
  }

  #renewLater(delay = this.#access.refreshIn) {
    clearTimeout(this.#renewal);
    if (this.#chat.connected) this.#renewal = setTimeout(() => this.#renew(), delay);
  }

  async #renew() {
    try {
      const { ok, error } = await this.command("token_refresh", { token: await this.#access.token() });
      if (ok) return this.#renewLater();
      if (error.code === "unauthorized") this.#access.forget();
    } catch (fault) {
      if (fault instanceof SignedOut) return this.stop("signed_out");
    }
    this.#renewLater(RENEW_AGAIN_MS);
  }

  #become(state, why) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state, why);
  }
}
