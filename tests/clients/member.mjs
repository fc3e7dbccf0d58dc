// A member of a class on chatapp-client for JavaScript, told what to do line by line: see driver.py.
// node member.mjs '{"url", "username", "password", "room", "kept"}'
import { createInterface } from "node:readline";
import { Connection, RoomClient, Session } from "chatapp-client";

const { url, username, password, room: roomId, kept } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const session = await Session.signIn(url, { username, password }, { kept, changed: (kept) => say({ kind: "kept", ...kept }) });
const connection = new Connection(session, { origin: session.origin });
const room = new RoomClient({ access: session, connection, roomId, myId: session.myId });

const waiting = new Map();
room.on("messages", (added, fresh) => {
  added.forEach((message, at) => say({ kind: "said", seq: message.seq, body: message.body, code: message.code, fresh: fresh && at === 0 }));
});
room.on("inside", (snapshot) => snapshot.more || say({ kind: "inside" }));
room.on("outside", ({ isPending }) => say({ kind: "outside", pending: isPending }));
room.on("state", (state, why = "") => say({ kind: "state", state, why }));
room.on("outbox", () => {
  const left = new Set(room.outbox.items.map((item) => item.client_id));
  for (const [clientId, body] of waiting) {
    const item = room.outbox.items.find((each) => each.client_id === clientId);
    if (item?.state === "failed") say({ kind: "failed", body, code: item.code });
    else if (left.has(clientId)) continue;
    else say({ kind: "stood", body });
    waiting.delete(clientId);
  }
});
room.start();

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { op, body } = JSON.parse(line);
    if (op === "send") {
      room.outbox.add(body);
      const { client_id: clientId } = room.outbox.items.at(-1);
      waiting.set(clientId, body);
    } else if (op === "knock") room.command("join_request_create").then(() => room.comeBack());
  })
  .on("close", () => process.exit(0));
