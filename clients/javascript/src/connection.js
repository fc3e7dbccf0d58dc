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
const NO_ANSWER = { ok: false, error: { code: "no_answer", message: "No answer.", retryable: true } };

export class Connection extends Emitter {
  state = "connecting";
  #access;
  #sockets;
  #manager;
  #refusals = 0;
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
    const chat = manager.socket("/chat", { auth });
    const notifications = manager.socket("/notifications", { auth });
    this.#sockets = [chat, notifications];
    chat.on("connect", () => this.#arrived());
    chat.onAny((name, data) => this.#heard("chat", name, data));
    notifications.onAny((name, data) => this.#heard("notice", name, data));
    for (const socket of this.#sockets) {
      socket.on("connect_error", (fault) => this.#refused(fault));
      socket.on("disconnect", (reason) => this.#lost(reason));
    }
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
    return this.#ask(this.#sockets[0], name, data, take);
  }

  /** The same for a command of /notifications. @param {string} name @param {object} data @returns {Promise<any>} */
  notify(name, data) {
    return this.#ask(this.#sockets[1], name, data, () => {});
  }

  /** Say something that may get lost. @param {string} name @param {object} data */
  hint(name, data) {
    const [chat] = this.#sockets;
    if (chat.connected) chat.volatile.emit(name, data);
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

  async #authenticate(give) {
    try {
      give({ token: await this.#access.token() });
    } catch (fault) {
      if (fault instanceof SignedOut) this.stop("signed_out");
      // Else the network is away: the server closes a socket without a token, and the next attempt asks again.
    }
  }

  #arrived() {
    this.#refusals = 0;
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
    clearTimeout(this.#renewal);
    if (this.state === "stopped") return;
    this.#become("offline");
    if (reason === "io server disconnect") this.#revive(500); // the library leaves coming back to us then
  }

  /** @param {{message: string, data?: {code?: string, retry_after?: number}}} fault no data when not the server, but the network said no */
  #refused({ message, data }) {
    if (this.state === "stopped") return;
    this.#become("offline");
    // Some networks let a WebSocket open and nothing through it. From long-polling it is upgraded where that works.
    if (message === "timeout" && !data) this.#manager.opts.transports = ["polling", "websocket"];
    if (!data?.code) return;
    this.#access.forget();
    this.#refusals += 1;
    if (data.code === "unauthorized" && this.#refusals > 4) return this.stop("signed_out");
    this.#revive(data.retry_after ? data.retry_after * 1000 : Math.min(500 * 2 ** this.#refusals, 15_000));
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
    for (const socket of this.#sockets) socket.disconnect();
  }

  #renewLater() {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#renew(), this.#access.refreshIn);
  }

  async #renew() {
    try {
      const answer = await this.command("token_refresh", { token: await this.#access.token() });
      if (!answer.ok) this.#access.forget();
    } catch (fault) {
      if (fault instanceof SignedOut) return this.stop("signed_out");
    }
    this.#renewLater();
  }

  #become(state, why) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state, why);
  }
}
