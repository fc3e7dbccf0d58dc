/** A message's tree as elements. Every text becomes a text node; links lead out of the page and tell nobody from where. */

import { el } from "./dom.js";
import { parse } from "./markdown.js";
import { t } from "./texts.js";

/** @param {string} text @returns {Node[]} */
export const markup = (text) => parse(text).map(block);

function block(given) {
  switch (given.type) {
    case "quote":
      return el("blockquote", {}, ...given.blocks.map(block));
    case "code":
      return el("pre", { dir: "ltr", tabIndex: 0, role: "group", "aria-label": t("Code") }, el("code", {}, given.text));
    case "ul":
      return el("ul", {}, ...given.items.map(item));
    case "ol":
      return el("ol", { start: given.start }, ...given.items.map(item));
    default:
      return el("p", { dir: "auto" }, ...given.spans.map(span));
  }
}

const item = (spans) => el("li", { dir: "auto" }, ...spans.map(span));

function span(given) {
  if (typeof given === "string") return document.createTextNode(given);
  if (given.type === "code") return el("code", { dir: "ltr" }, given.text);
  if (given.type === "link") return el("a", { href: given.href, title: given.href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, given.text);
  return el(given.type, {}, ...given.spans.map(span));
}
