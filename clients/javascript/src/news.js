/** Which of the user's notifications are news: a connect brings the newest page of them anew, with what was missed. */

export class News {
  #told = 0;

  /**
   * Take what /notifications says.
   * @param {string} name of the event
   * @returns {any[]} the notifications that were not here before, in their order
   */
  fresh(name, data) {
    if (name === "notifications") this.#told = Math.min(this.#told, data.head); // a restored school counts anew
    const items = { notification: [data], notifications: data.items }[name] ?? [];
    const fresh = items.filter(({ seq }) => seq > this.#told).reverse();
    this.#told = fresh.at(-1)?.seq ?? this.#told;
    return fresh;
  }
}
