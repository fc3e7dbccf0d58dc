/** How a file looks where it was sent: a picture, something to play, or a row to download. Room is kept before it loads. */

import { el, icon, name } from "../view/dom.js";
import { t } from "../view/texts.js";
import { familyOf, sizeOf } from "./words.js";

const WIDEST = 320;
const HIGHEST = 320;

/** Under the page's own cookie: elements of a page cannot send its token. @param {{id: string}} file */
export const addressOf = ({ id }) => `/files/${id}/`;

/** @param {any} file a File of the contract @returns {HTMLElement} */
export function shown(file) {
  const family = familyOf(file.media_type);
  if (family === "image" && file.width) return picture(file);
  if (family === "audio" || family === "video") return el("div", { class: `file ${family}` }, player(family, file), row(file));
  return el("div", { class: "file" }, row(file));
}

/** A picture as large as its message may be, its place taken at once. */
export function picture(file, { widest = WIDEST, highest = HIGHEST } = {}) {
  const scale = Math.min(1, widest / file.width, highest / file.height);
  const image = el("img", {
    src: file.thumbnail_url ? `${addressOf(file)}thumbnail/` : addressOf(file),
    alt: "",
    loading: "lazy",
    decoding: "async",
    width: Math.max(1, Math.round(file.width * scale)),
    height: Math.max(1, Math.round(file.height * scale)),
  });
  image.addEventListener("error", () => image.classList.add("lost"));
  return el("a", { class: "file picture", href: addressOf(file), target: "_blank", rel: "noopener", "aria-label": t("Picture: {name}", { name: file.name }) }, image);
}

/** Name, size, download. */
export function row(file) {
  return el(
    "a",
    { class: "file-row", href: addressOf(file), download: file.name },
    icon(familyOf(file.media_type) === "file" ? "document" : "arrow-down-tray"),
    el("span", { class: "file-name" }, name(file.name), el("span", { class: "hint" }, sizeOf(file.size))),
    el("span", { class: "unseen" }, t("Download")),
  );
}

function player(family, file) {
  return el(family, { controls: true, preload: "metadata", src: addressOf(file), "aria-label": file.name });
}
