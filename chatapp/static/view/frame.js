/** What is live on every page of who is signed in: news, keys, the way out. */

import "./copy.js";
import { all, find } from "./dom.js";
import { listenForKeys, onKey } from "./keys.js";
import { openNews, showNews } from "./news.js";
import { connection, myId } from "./session.js";

listenForKeys();
onKey("n", openNews);
showNews(find("#room")?.dataset.roomId);
for (const dialog of all("dialog")) {
  for (const button of all("[data-close]", dialog)) button.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => isBeside(dialog, event) && dialog.close("no"));
}
// Whoever uses this device next finds nothing of what was written here.
for (const form of all("[data-sign-out]")) form.addEventListener("submit", forget);
if (!find("#room")) connection.start(); // a room's page starts it when it listens

function forget() {
  for (const storage of [localStorage, sessionStorage]) {
    for (const key of Object.keys(storage)) if (key.startsWith("chatapp.") && key.includes(myId)) storage.removeItem(key);
  }
}

function isBeside(dialog, { target, clientX: x, clientY: y }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (x < left || x > right || y < top || y > bottom);
}
