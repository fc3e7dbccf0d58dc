/** Says what happens to whoever asked to hear it. A listener's fault is its own. */

export class Emitter {
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();

  /**
   * @param {string} name
   * @param {Function} listener
   */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
  }

  /**
   * @param {string} name
   * @param {...any} data
   */
  emit(name, ...data) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(...data);
      } catch (fault) {
        console.error(fault);
      }
    }
  }
}
