/** The dashboard, live: what the server would show now takes the place of what it showed, when news come and now and then. */

import { all, find } from "../view/dom.js";
import { clock } from "../view/said.js";
import { connection, notices } from "../view/session.js";

const SOON_MS = 300;
const EVERY_MS = 10_000;

let fetching = null;
let shownAt = performance.now();

notices.on("arrived", () => later(SOON_MS));
connection.on("state", (state) => state === "online" && later(SOON_MS));
setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
setInterval(countDown, 1000);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
countDown();

function later(delay) {
  fetching ??= setTimeout(() => {
    fetching = null;
    refresh();
  }, delay);
}

/** Without a connection everything stays as it was last known. */
async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const fresh = find("#live", new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (fresh) show(fresh);
  } catch {
    return;
  }
}

function show(fresh) {
  const live = find("#live");
  shownAt = performance.now();
  for (const field of all('input[type="hidden"]', fresh)) field.value = find('meta[name="csrf-token"]').content;
  if (still(fresh) === still(live)) {
    const times = all("[data-closes-in]", fresh);
    return all("[data-closes-in]").forEach((node, at) => (node.dataset.closesIn = times[at].dataset.closesIn));
  }
  const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const section = find("h2", live)?.id;
  live.replaceChildren(...document.importNode(fresh, true).childNodes);
  if (focused) (find(`a[href="${CSS.escape(focused)}"]`, live) ?? find(`#${section}`) ?? find("#main")).focus();
  countDown();
}

/** The page without what changes by itself. */
const still = (node) => {
  const copy = node.cloneNode(true);
  for (const time of all("[data-closes-in]", copy)) (time.textContent = ""), time.removeAttribute("data-closes-in");
  return copy.textContent.replace(/\s+/g, " ") + all("a", copy).map((link) => link.getAttribute("href"));
};

function countDown() {
  for (const node of all("[data-closes-in]")) node.textContent = clock(Number(node.dataset.closesIn) - (performance.now() - shownAt) / 1000);
}
