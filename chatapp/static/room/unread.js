/**
 * Up to where this reader has read in this room, as far as they saw the end of the log with the page in front, and before
 * which message the line stands that says what came while they were away: elsewhere, or without a connection.
 */

export class Unread {
  #key;
  #myId;
  /** @type {number | null} the message that the line stands before */
  #line = null;
  /** @type {number | null} what had been seen when one went away */
  #after = null;
  #seen = 0;

  /** @param {string} key of this user in this room @param {string} myId */
  constructor(key, myId) {
    this.#key = key;
    this.#myId = myId;
  }

  /** The log is new to this page. @param {any[]} items */
  begin(items) {
    this.#seen = Number(this.#stored() ?? 0);
    this.#line = this.#seen ? this.#first(items, this.#seen) : null;
    this.#after = null;
  }

  away() {
    this.#after ??= this.#seen;
  }

  back() {
    this.#after = null;
  }

  /** More came. @param {any[]} items @returns {boolean} whether the line stands elsewhere now */
  added(items) {
    const line = this.#after === null ? null : this.#first(items, this.#after);
    if (line === null) return false;
    this.#line = line;
    this.#after = null;
    return true;
  }

  /** @param {number} seq @returns {boolean} whether what is unread begins with it */
  beginsAt(seq) {
    return seq === this.#line;
  }

  /** @param {number} seq of the newest, which is in sight if the page is */
  looked(seq) {
    if (document.visibilityState !== "visible" || seq <= this.#seen) return;
    this.#seen = seq;
    try {
      localStorage.setItem(this.#key, String(seq));
    } catch {
      // Without storage the line is missing after a reload, and nothing else.
    }
  }

  clear() {
    this.#line = null;
  }

  #first(items, after) {
    return items.find(({ seq, sender }) => seq > after && sender && sender.id !== this.#myId)?.seq ?? null;
  }

  #stored() {
    try {
      return localStorage.getItem(this.#key);
    } catch {
      return null;
    }
  }
}
