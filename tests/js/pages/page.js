/** As much of a page as modules need that make sentences: elements that hold text. For tests, imported before them. */

class Element {
  dataset = {};
  #children = [];

  constructor(tagName) {
    this.tagName = tagName.toUpperCase();
  }
  append(...children) {
    this.#children.push(...children);
  }
  setAttribute() {}
  get textContent() {
    return textOf(this.#children);
  }
}

/** @param {(Element | string)[]} said */
export const textOf = (said) => said.map((part) => part.textContent ?? part).join("");

globalThis.document = { documentElement: { dataset: {}, lang: "en" }, createElement: (tagName) => new Element(tagName) };
