/**
 * What was written and is not yet seen in the log. Each item keeps its client_id until then, so that sending it again can
 * never make a second message. One is under way at a time: order stays the order of writing.
 */

/** @typedef {{client_id: string, body: string, state: "queued" | "sending" | "sent" | "failed", fault?: string, code?: string}} Item */

export class Outbox {
  /** @type {Item[]} */
  items = [];
  #send;
  #changed;
  #storage;
  #key;
  #wait;
  #open = false;
  #running = false;

  /**
   * @param {object} options
   * @param {(item: Item) => Promise<any>} options.send resolves with the ack
   * @param {() => void} options.changed
   * @param {Storage} [options.storage] outlives a reload
   * @param {string} [options.key] of this user in this room
   * @param {(ms: number) => Promise<void>} [options.wait]
   */
  constructor({ send, changed, storage, key = "", wait = (ms) => new Promise((done) => setTimeout(done, ms)) }) {
    this.#send = send;
    this.#changed = changed;
    this.#storage = storage;
    this.#key = key;
    this.#wait = wait;
    this.items = this.#restored();
  }

  /** @param {string} body */
  add(body) {
    this.items.push({ client_id: crypto.randomUUID(), body, state: "queued" });
    this.#told();
    this.#run();
  }

  /** Try a failed one again, under its old client_id. @param {string} clientId */
  retry(clientId) {
    const item = this.#find(clientId);
    if (item?.state !== "failed") return;
    item.state = "queued";
    delete item.fault;
    delete item.code;
    this.#told();
    this.#run();
  }

  /** Give a failed one up. @param {string} clientId */
  discard(clientId) {
    if (this.#find(clientId)?.state === "failed") this.settle(clientId);
  }

  /** It stands in the log. @param {string} clientId */
  settle(clientId) {
    const before = this.items.length;
    this.items = this.items.filter((item) => item.client_id !== clientId);
    if (this.items.length !== before) this.#told();
  }

  /** The room is entered: send what waits. */
  open() {
    this.#open = true;
    for (const item of this.items) if (item.state === "sent") item.state = "queued"; // ask once more what became of it
    this.#run();
  }

  /** No connection: keep everything. */
  close() {
    this.#open = false;
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    for (let tries = 0, item; this.#open && (item = this.#next()); ) {
      item.state = "sending";
      this.#told();
      const answer = await this.#send(item);
      if (answer.ok) {
        tries = 0;
        item.state = "sent";
      } else if (answer.error.retryable) {
        item.state = "queued"; // the outcome is unknown: the same client_id again
        const delay = answer.error.retry_after ? answer.error.retry_after * 1000 : Math.min(500 * 2 ** tries++, 10_000);
        if (this.#open) await this.#wait(delay);
      } else {
        item.state = "failed";
        item.fault = answer.error.message;
        item.code = answer.error.code;
      }
      this.#told();
    }
    this.#running = false;
  }

  #next() {
    return this.items.find((item) => item.state === "queued");
  }

  #find(clientId) {
    return this.items.find((item) => item.client_id === clientId);
  }

  #told() {
    try {
      if (this.items.length) this.#storage?.setItem(this.#key, JSON.stringify(this.items));
      else this.#storage?.removeItem(this.#key);
    } catch {
      // A full or forbidden storage costs only what a reload would have kept.
    }
    this.#changed();
  }

  #restored() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]");
      return kept.map((item) => (item.state === "failed" ? item : { ...item, state: "queued" }));
    } catch {
      return [];
    }
  }
}
