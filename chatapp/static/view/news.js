/** The notifications: how many are unread, on the bell and in the title, and the list behind it. */

import { all, el, find, say } from "./dom.js";
import { day, time } from "./said.js";
import { notices } from "./session.js";
import { play, sound } from "./sound.js";
import { t } from "./texts.js";
import { badge } from "./title.js";
import { toast } from "./toast.js";
import { told } from "./told.js";

const SETTLE_MS = 500;
let settling = null;
const panel = find("#news");
/** One in the rail, and one in a room's bar, where narrow screens have no rail. */
const bells = all(".bell");

/** @param {string | undefined} roomId the room whose page this is: what it shows needs no second telling */
export function showNews(roomId) {
  for (const bell of bells) {
    bell.classList.remove("later");
    bell.addEventListener("click", openNews);
  }
  find("#read-all").addEventListener("click", () => notices.markAllRead());
  find("#sound").checked = sound.on;
  find("#sound").addEventListener("change", (event) => (sound.on = event.target.checked));
  notices.on("changed", () => (show(), settle(roomId)));
  notices.on("arrived", (item) => arrived(item, roomId));
  document.addEventListener("visibilitychange", () => settle(roomId));
}

export function openNews() {
  if (panel.open) return;
  panel.showModal();
  show();
}

function show() {
  for (const bell of bells) {
    say(find(".count", bell), notices.unread ? String(Math.min(notices.unread, 99)) : "");
    bell.setAttribute("aria-label", notices.unread ? t("News, {count} unread", { count: notices.unread }) : t("News"));
  }
  badge("news", notices.unread);
  find("#read-all").hidden = notices.unread === 0;
  find("#no-news").hidden = notices.items.length > 0;
  if (panel.open) find("#news-list").replaceChildren(...notices.items.map(row));
}

function row({ id, kind, room_id: roomId, data, read, created_at: moment }) {
  const when = new Date(moment);
  const link = el("a", { href: `/rooms/${roomId}/`, dir: "auto" }, ...told(kind, data));
  if (!read) link.addEventListener("click", () => notices.markRead([id]));
  return el(
    "li",
    { class: read ? "" : "unread" },
    el("p", {}, link, ...(read ? [] : [" ", el("span", { class: "tag" }, t("new"))])),
    ...(data.reason && kind !== "room_closed" ? [el("p", { class: "note", dir: "auto" }, data.reason)] : []),
    el("time", { class: "hint", dateTime: moment }, `${day.format(when)}, ${time.format(when)}`),
  );
}

function arrived({ kind, room_id, data }, roomId) {
  play();
  if (room_id !== roomId) toast(told(kind, data));
}

/** What the room's own page shows is read as soon as it is looked at; thirty knocks are one command, not thirty. */
function settle(roomId) {
  if (roomId) settling ??= setTimeout(() => ((settling = null), read(roomId)), SETTLE_MS);
}

function read(roomId) {
  if (document.visibilityState !== "visible") return;
  const ids = notices.items.filter((item) => item.room_id === roomId && !item.read).map((item) => item.id);
  if (ids.length) notices.markRead(ids);
}
