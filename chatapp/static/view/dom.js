/** Making elements. Texts become text and nothing else; what people call themselves is isolated in <bdi>. */

/** @param {string} selector @param {ParentNode} [within] @returns {any} */
export const find = (selector, within = document) => within.querySelector(selector);

/** @param {string} selector @param {ParentNode} [within] @returns {any[]} */
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/**
 * @param {string} tag
 * @param {Record<string, any>} [given] properties; `class`, `aria-…` and `data-…` as attributes, `onclick` as listener
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function el(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !key.includes("-")) node[key] = value;
    else node.setAttribute(key === "className" ? "class" : key, value);
  }
  node.append(...children);
  return node;
}

/** @param {string} text what somebody calls themselves */
export const name = (text) => el("bdi", {}, text);

/** @param {{display_name: string}} user */
export const called = (user) => name(user.display_name);

/** Show or hide, and change the text only if it differs: live regions speak at every change. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of the sprite, which says nothing by itself. @param {string} which */
export function icon(which) {
  const picture = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  for (const [key, value] of [["class", "icon"], ["width", 24], ["height", 24], ["aria-hidden", "true"]]) picture.setAttribute(key, String(value));
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${which}`);
  picture.append(use);
  return picture;
}
