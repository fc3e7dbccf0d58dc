/** Files on the room page: puts their parts together. */

import { find } from "../view/dom.js";
import { Attach } from "./attach.js";
import { FilesPanel } from "./panel.js";
import { UploadQueue } from "./queue.js";
import { Tray } from "./tray.js";
import { upload } from "./upload.js";

/**
 * @param {import("../client/client.js").RoomClient} client
 * @param {{access: import("../client/access.js").Access, roomId: string}} where
 */
export function showFiles(client, { access, roomId }) {
  const maxBytes = Number(find("#composer").dataset.maxBytes);
  const queue = new UploadQueue({ upload: (given) => upload({ access, roomId, ...given }), maxBytes });
  new Tray(queue, maxBytes);
  new Attach((files) => queue.add(files));
  new FilesPanel(client);
  // What is on its way is lost with the page, unlike what is written: the browser asks.
  window.addEventListener("beforeunload", (event) => queue.items.some(({ state }) => state !== "failed") && event.preventDefault());
}
