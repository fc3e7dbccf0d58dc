/** A room's log as far as this client has it: gap-free, in order, each message once, whichever way it came. */

export class Log {
  /** @type {any[]} ascending by seq, without a hole */
  items = [];
  /** @type {string | null} */
  epoch = null;
  /** The first seq that the server still has. */
  oldest = 1;
  #entered = false;
  /** @type {Map<number, any>} */
  #early = new Map();

  /** The seq up to which everything is here. */
  get last() {
    return this.items.at(-1)?.seq ?? 0;
  }

  /** Whether older messages exist that are not here. */
  get hasOlder() {
    return this.items.length > 0 && this.items[0].seq > this.oldest;
  }

  /** Whether something came that does not fit on yet. */
  get hasGap() {
    return this.#early.size > 0;
  }

  /** Where to go on from: what `room_enter` takes. */
  get cursor() {
    return this.epoch === null || !this.items.length ? {} : { after: this.last, epoch: this.epoch };
  }

  /** From now on, until the next answer to `room_enter`, live messages wait. */
  leave() {
    this.#entered = false;
  }

  /**
   * Take an answer to `room_enter`.
   * @returns {{fresh: boolean, added: any[]}} `fresh`: everything before was dropped
   */
  enter({ messages, epoch, oldest = 1, reset, more }) {
    const fresh = reset || this.epoch === null || epoch !== this.epoch;
    if (fresh) {
      this.items = [];
      this.#early.clear();
    }
    this.epoch = epoch;
    this.oldest = oldest;
    const added = [];
    for (const message of messages) if (!this.items.length || message.seq === this.last + 1) this.#append(message, added);
    this.#entered = !more;
    return { fresh, added: added.concat(this.#catchUp()) };
  }

  /**
   * Take one live message.
   * @returns {any[]} what can be shown now: nothing for one that is known or early, several when it closed a gap
   */
  add(message) {
    if (message.seq <= this.last) return [];
    this.#early.set(message.seq, message);
    return this.#catchUp();
  }

  /**
   * Take an older page, with the first seq that is kept by now.
   * @returns {any[]} what was not here before, ascending; nothing of a page that was asked for before the log began anew
   */
  prepend(messages, oldest = 1) {
    this.oldest = Math.max(this.oldest, oldest);
    const first = this.items[0]?.seq ?? Infinity;
    const added = messages.filter((message) => message.seq < first);
    if (this.items.length && added.length && added.at(-1).seq !== first - 1) return [];
    this.items = added.concat(this.items);
    return added;
  }

  #append(message, added) {
    this.items.push(message);
    added.push(message);
  }

  #catchUp() {
    const added = [];
    for (const seq of this.#early.keys()) if (seq <= this.last) this.#early.delete(seq);
    while (this.#entered && this.#early.has(this.last + 1)) {
      const next = this.#early.get(this.last + 1);
      this.#early.delete(next.seq);
      this.#append(next, added);
    }
    return added;
  }
}
