/** What scripts say, in the language of the page, out of gettext's catalogues. English stands in the code itself. */

const { texts, plural } = await load(document.documentElement.dataset.texts);

/** @param {string} msgid with {places} @param {Record<string, string | number>} [values] @returns {string} */
export function t(msgid, values = {}) {
  return filled(texts[msgid] ?? msgid, values);
}

/** A text that depends on a number, which fills {count}. @param {string} one @param {string} many @param {number} count */
export function n(one, many, count, values = {}) {
  const forms = texts[one] ?? [one, many];
  const form = plural[count < plural.length ? count : 100 + (count % 100)];
  return filled(forms[form] ?? forms.at(-1), { count, ...values });
}

/**
 * A text whose places are filled with nodes, so that names stay isolated.
 * @param {string} msgid @param {Record<string, Node | string>} values @returns {(Node | string)[]}
 */
export function parts(msgid, values) {
  const text = Array.isArray(texts[msgid]) ? texts[msgid][0] : (texts[msgid] ?? msgid);
  return text.split(/(\{\w+\})/).filter(Boolean).map((part) => values[/^\{(\w+)\}$/.exec(part)?.[1]] ?? part);
}

/** Whether the catalogue, or for English the code, has words for this. */
export const knows = (msgid) => document.documentElement.lang === "en" || Object.hasOwn(texts, msgid);

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? String(values[name]) : place));

/** Without its catalogue a page speaks English rather than not at all. */
async function load(url) {
  const fallback = { texts: {}, plural: [1, 0, ...Array(198).fill(1)] };
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : fallback;
  } catch {
    return fallback;
  }
}
