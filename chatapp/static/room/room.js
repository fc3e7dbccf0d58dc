/** The room page: puts the client and the parts of the view together. */

import { RoomClient } from "../client/client.js";
import { openShelf } from "../client/shelf.js";
import { showFiles } from "../files/files.js";
import { find } from "../view/dom.js";
import { onKey } from "../view/keys.js";
import { access, connection } from "../view/session.js";
import { rename } from "../view/title.js";
import { undoLast } from "../view/toast.js";
import { About } from "./about.js";
import { Bans } from "./bans.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Door } from "./door.js";
import { Hosting } from "./hosting.js";
import { Lobby } from "./lobby.js";
import { Panes } from "./panes.js";
import { People } from "./people.js";
import { Status } from "./status.js";
import { Typing } from "./typing.js";

const root = find("#room");
const { roomId, myId, hostName, maxChars } = root.dataset;
const isHost = root.dataset.isHost === "true";

const storage = await openShelf(`chatapp.outbox.${myId}`);
const client = new RoomClient({ access, connection, roomId, myId, storage });

const status = new Status(client, { hostName, isHost });
const panes = new Panes(client);
new Door(client, root);
const people = new People(client, { isHost, myId });
const conversation = new Conversation(client, { myId, roomId, remove: isHost ? (user) => people.remove(user) : null });
new Composer(client, { maxChars: Number(maxChars), draftKey: `chatapp.draft.${myId}.${roomId}` });
new Typing(client, myId);
showFiles(client, { access, roomId });
new About(client, { isHost });
if (isHost) {
  const lobby = new Lobby(client);
  new Hosting(client);
  new Bans(client, people);
  onKey("l", () => (panes.show("lobby"), lobby.focus()));
  onKey("a", () => lobby.approveFirst());
  let begun = false;
  client.on("people", () => {
    if (!begun && client.people.size === 1) panes.begin("lobby"); // a new room is shared first
    begun = true;
  });
}
onKey("p", () => (panes.show("people"), find("#people-title").focus()));
onKey("u", undoLast);
onKey("f", () => (panes.show("files"), find("#files-title").focus()));
onKey("m", () => (panes.show("talk"), find("#text").focus()));
onKey("e", () => (panes.show("talk"), conversation.toEnd()));
client.on("room", ({ title }) => {
  if (find("#room-title").textContent === title) return;
  find("#room-title").textContent = title;
  rename(title);
});

status.show();
client.start();
