/** The number before the page's title: what waits for its reader, the largest of what is counted. */

const counts = new Map();
const title = document.title;

/** @param {string} what @param {number} count */
export function badge(what, count) {
  counts.set(what, count);
  const most = Math.max(0, ...counts.values());
  document.title = most ? `(${most}) ${current}` : current;
}

let current = title;

/** The room got another name. @param {string} text */
export function rename(text) {
  current = `${text} · chatapp`;
  badge("", 0);
}
