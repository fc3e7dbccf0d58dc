/**
 * The files that are on their way into a room, one after the other: their order stays that of choosing. What is only
 * late is tried again by itself, under the same client_id; what was refused waits for whoever chose it.
 */

import { Emitter } from "../client/emitter.js";

const TRIES = 4;
const LONGEST_WAIT_S = 30;
const PASSING = new Set(["rate_limited", "unavailable", "internal", "no_answer"]);

/** @typedef {{id: string, file: File, state: "queued" | "sending" | "checking" | "waiting" | "failed", loaded: number, error?: any}} Item */

/** Events: `changed` (Item), `gone` (Item, sent: boolean) */
export class UploadQueue extends Emitter {
  /** @type {Item[]} */
  items = [];
  #upload;
  #maxBytes;
  #wait;
  #newId;
  #running = false;
  /** @type {Map<string, AbortController>} */
  #stops = new Map();

  /**
   * @param {object} options
   * @param {(given: {file: File, clientId: string, onProgress: Function, signal: AbortSignal}) => Promise<any>} options.upload
   * @param {number} options.maxBytes
   * @param {(ms: number) => Promise<void>} [options.wait]
   * @param {() => string} [options.newId]
   */
  constructor({ upload, maxBytes, wait = (ms) => new Promise((done) => setTimeout(done, ms)), newId = () => crypto.randomUUID() }) {
    super();
    this.#upload = upload;
    this.#maxBytes = maxBytes;
    this.#wait = wait;
    this.#newId = newId;
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      const item = { id: this.#newId(), file, state: "queued", loaded: 0 };
      this.items.push(item);
      if (file.size > this.#maxBytes) this.#fail(item, { code: "too_large" });
      else this.emit("changed", item);
    }
    return this.#run();
  }

  /** @param {string} id */
  retry(id) {
    const item = this.#find(id);
    if (item?.state !== "failed" || item.file.size > this.#maxBytes) return;
    this.#set(item, { state: "queued", loaded: 0, error: undefined });
    return this.#run();
  }

  /** Stop it, or give it up. @param {string} id */
  cancel(id) {
    const item = this.#find(id);
    if (!item) return;
    this.#stops.get(id)?.abort();
    this.#take(item, false);
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    for (let item; (item = this.items.find(({ state }) => state === "queued")); ) await this.#bring(item);
    this.#running = false;
  }

  async #bring(item) {
    const stop = new AbortController();
    this.#stops.set(item.id, stop);
    for (let tries = 1; !stop.signal.aborted; tries++) {
      this.#set(item, { state: "sending", loaded: 0 });
      const answer = await this.#upload({ file: item.file, clientId: item.id, signal: stop.signal, onProgress: (loaded, total) => this.#progress(item, loaded, total) });
      if (stop.signal.aborted) break;
      if (answer.ok) {
        this.#take(item, true);
        break;
      }
      const seconds = answer.error.retry_after ?? 2 ** tries;
      if (!PASSING.has(answer.error.code) || tries >= TRIES || seconds > LONGEST_WAIT_S) {
        this.#fail(item, answer.error);
        break;
      }
      this.#set(item, { state: "waiting" });
      await this.#wait(seconds * 1000);
    }
    this.#stops.delete(item.id);
  }

  #progress(item, loaded, total) {
    // When all of it is up, the server still looks at it.
    if (this.items.includes(item)) this.#set(item, { state: loaded >= total ? "checking" : "sending", loaded: total ? loaded / total : 0 });
  }

  #fail(item, error) {
    this.#set(item, { state: "failed", error });
  }

  #set(item, changes) {
    Object.assign(item, changes);
    this.emit("changed", item);
  }

  #take(item, sent) {
    this.items = this.items.filter((each) => each !== item);
    this.emit("gone", item, sent);
  }

  #find(id) {
    return this.items.find((item) => item.id === id);
  }
}
