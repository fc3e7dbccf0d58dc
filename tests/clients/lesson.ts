// A program of somebody who writes TypeScript. It is compiled, never run: what must not compile says so.
import { CodeNeeded, Connection, NoAnswer, Notices, Refused, RoomClient, Session, SignedOut, openShelf } from "chatapp-client";
import type { Ack, JoinRequest, Kept, Message, OutboxItem, Shelf, State } from "chatapp-client";

const kept: Kept[] = [];
const session: Session = await Session.signIn("https://chat.example.org", { username: "ben", password: "…" }, { changed: (told) => void kept.push(told) });
const again = new Session(session.origin, session.kept);
const known: Session = await Session.signIn(again.origin, { username: "ada", password: "…", otp: "123456" }, { kept: again.kept }).catch((fault: unknown) => {
  if (fault instanceof Refused) console.log(fault.code, fault.retryAfter?.toFixed());
  throw fault instanceof CodeNeeded || fault instanceof NoAnswer ? fault : new SignedOut();
});
const device: string | undefined = known.kept.device_token;
console.log(device?.length, known.myId);
const connection = new Connection(again, { origin: again.origin });
const storage: Shelf = await openShelf("chatapp.outbox.");
const room = new RoomClient({ access: again, connection, storage, roomId: "r", myId: again.myId });

room.on("messages", (added, fresh) => {
  const names: (string | undefined)[] = added.map(({ sender }) => sender?.display_name);
  const isAnew: boolean = fresh;
  console.log(names, isAnew, added.at(-1)?.file?.thumbnail_url?.length);
});
room.on("state", (state: State, why) => state === "stopped" && console.log(why?.toUpperCase()));
room.on("outside", ({ isPending, request }) => (isPending ? console.log(request?.note) : room.command("join_request_create")));
room.on("told", ({ kind, data }) => kind === "mention" && console.log(data.seq));
room.start();
room.outbox.add("Hello!");

const failed: OutboxItem | undefined = room.outbox.items.find(({ state }) => state === "failed");
if (failed) room.outbox.retry(failed.client_id);
const wait: number = await room.older();
const waiting: JoinRequest[] | null = await room.lobby();
const ack: Ack = await room.command("message_send", { client_id: "c", body: "b" });
const message: Message | undefined = ack.ok ? ack.message : undefined;
console.log(wait, waiting?.[0]?.user.username, message?.seq, ack.ok || ack.error.code);

const notices = new Notices(connection);
notices.on("arrived", (told) => notices.markRead([told.id]));

try {
  const answer = await session.call("GET", "/api/chat/");
  console.log(answer.ok ? answer.body : answer.error?.retry_after);
} catch (fault) {
  if (!(fault instanceof SignedOut)) throw fault;
}

// @ts-expect-error — there is no such event
room.on("mesages", () => {});
// @ts-expect-error — a room is somebody's
new RoomClient({ access: again, roomId: "r" });
// @ts-expect-error — a system message has no sender
room.on("messages", ([first]) => first?.sender.id);
// @ts-expect-error — a word that the contract does not have
const state: State = "away";
// @ts-expect-error — the log is the room's
room.log.items = [];
// @ts-expect-error — nobody sends bytes as a text
room.outbox.add(new Uint8Array());
console.log(state);
