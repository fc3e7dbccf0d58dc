/** The page's client of one room: enters, resumes and follows what happens, over a connection that the test plays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomClient } from "../../../chatapp/static/client/client.js";
import { Emitter } from "../../../chatapp/static/client/emitter.js";

const ROOM = "room";
const ME = { id: "me", display_name: "Me" };
const ADA = { id: "ada", display_name: "Ada" };
const text = (seq, body = `line ${seq}`, given = {}) => ({ room_id: ROOM, seq, type: "text", sender: ADA, client_id: `c${seq}`, body, ...given });
const system = (seq, code, user) => ({ room_id: ROOM, seq, type: "system", sender: null, code, params: { user }, created_at: "2026-01-01T00:00:00Z" });
const snapshot = (messages, given = {}) => ({
  ok: true,
  room: { id: ROOM, host: ADA },
  participants: [{ user: ME, role: "participant", online: true }],
  epoch: "e",
  head: messages.at(-1)?.seq ?? 0,
  messages,
  more: false,
  reset: false,
  ...given,
});
const notice = (seq, kind, given = {}) => ({ seq, kind, room_id: ROOM, data: {}, read: false, ...given });
const refusal = (code) => ({ ok: false, error: { code, message: code, retryable: false } });

class Played extends Emitter {
  state = "online";
  sent = [];
  answers = {};
  stopped = null;

  command(name, data, take = () => {}) {
    this.sent.push([name, data]);
    const answer = this.answers[name]?.shift() ?? { ok: true };
    take(answer);
    return Promise.resolve(answer);
  }
  start() {
    this.emit("state", "online");
  }
  stop(why) {
    this.stopped = why;
  }
}

/** A client that was answered with these, and everything it said. */
async function client(answers, { request = null } = {}) {
  const connection = new Played();
  connection.answers = answers;
  const access = { call: async () => ({ ok: request !== null, body: request }) };
  const made = new RoomClient({ access, roomId: ROOM, myId: ME.id, connection });
  const said = [];
  for (const name of ["outside", "inside", "messages", "people", "request"]) made.on(name, (...data) => said.push([name, ...data]));
  made.start();
  await settled();
  const shown = () => made.log.items.map(({ seq }) => seq);
  return { made, access, connection, said, shown, entered: () => connection.sent.filter(([name]) => name === "room_enter").map(([, data]) => data) };
}

const settled = () => new Promise((done) => setImmediate(done));

test("a reconnect goes on behind the last message", async () => {
  const { connection, entered, shown } = await client({ room_enter: [snapshot([text(1), text(2)]), snapshot([text(3)])] });
  connection.emit("state", "offline");
  connection.emit("state", "online");
  await settled();
  assert.deepEqual(entered(), [{ room_id: ROOM }, { room_id: ROOM, after: 2, epoch: "e" }]);
  assert.deepEqual(shown(), [1, 2, 3]);
});

test("with more to come it enters again from there", async () => {
  const { entered, shown } = await client({ room_enter: [snapshot([text(1)], { more: true, head: 3 }), snapshot([text(2), text(3)])] });
  assert.equal(entered()[1].after, 1);
  assert.deepEqual(shown(), [1, 2, 3]);
});

test("another room's events are not ours", async () => {
  const { connection, shown } = await client({ room_enter: [snapshot([text(1)])] });
  connection.emit("chat", "message", { ...text(2), room_id: "other" });
  connection.emit("chat", "message", text(2));
  assert.deepEqual(shown(), [1, 2]);
});

test("who joins and goes changes who is here, as the next snapshot would", async () => {
  const { made, connection } = await client({ room_enter: [snapshot([text(1)])] });
  connection.emit("chat", "message", system(2, "participant_joined", ADA));
  connection.emit("chat", "presence", { room_id: ROOM, joined: [ADA], left: [ME], online: 1 });
  assert.deepEqual([...made.people.values()].map(({ user, online }) => [user.id, online]), [["me", false], ["ada", true]]);
  connection.emit("chat", "message", system(3, "participant_removed", ADA));
  assert.deepEqual([...made.people.keys()], ["me"]);
});

test("an own message leaves the outbox when the log shows it, ack or not", async () => {
  const { made, connection } = await client({ room_enter: [snapshot([text(1)])] });
  connection.command = () => new Promise(() => {});
  made.outbox.add("mine");
  const { client_id } = made.outbox.items[0];
  connection.emit("chat", "message", text(2, "mine", { sender: ADA, client_id }));
  assert.equal(made.outbox.items.length, 1);
  connection.emit("chat", "message", text(3, "mine", { sender: ME, client_id }));
  assert.equal(made.outbox.items.length, 0);
});

test("an ack alone shows the message, and its event does not show it again", async () => {
  const { made, connection, shown } = await client({ room_enter: [snapshot([text(1)])] });
  connection.command = async (_, { client_id }) => ({ ok: true, message: text(2, "mine", { sender: ME, client_id }) });
  made.outbox.add("mine");
  await settled();
  connection.emit("chat", "message", text(2, "mine", { sender: ME }));
  assert.deepEqual(shown(), [1, 2]);
});

test("a resend that stood long ago leaves the outbox, though the log begins behind it", async () => {
  const { made, connection, shown } = await client({ room_enter: [snapshot([text(300)])] });
  connection.command = async (_, { client_id }) => ({ ok: true, duplicate: true, message: text(2, "mine", { sender: ME, client_id }) });
  made.outbox.add("mine");
  await settled();
  assert.deepEqual([made.outbox.items, shown()], [[], [300]]);
});

test("a second room goes in over a connection that is up already", async () => {
  const { connection } = await client({ room_enter: [snapshot([text(1)]), snapshot([], { room: { id: "other" } })] });
  const other = new RoomClient({ access: {}, roomId: "other", myId: ME.id, connection });
  connection.start = () => {};
  other.start();
  await settled();
  assert.equal(other.isInside, true);
});

test("another epoch of the room means entering anew", async () => {
  const { connection, entered, shown } = await client({
    room_enter: [snapshot([text(1), text(2)]), snapshot([text(1)], { epoch: "f", reset: true })],
  });
  connection.emit("chat", "room_head", { room_id: ROOM, head: 1, epoch: "f" });
  await settled();
  assert.equal(entered().length, 2);
  assert.deepEqual(shown(), [1]);
});

test("who waits is told so, and enters when the notification comes", async () => {
  const { connection, said } = await client({ room_enter: [refusal("forbidden"), snapshot([text(1)])] }, { request: { status: "pending" } });
  assert.deepEqual(said[0], ["outside", { wasInside: false, left: false, isPending: true, request: { status: "pending" } }]);
  connection.emit("notice", "notification", notice(1, "join_request_approved"));
  await settled();
  assert.equal(said[1][0], "inside");
});

test("a notification while entering is not lost", async () => {
  const { made, connection, said } = await client({ room_enter: [refusal("forbidden"), refusal("forbidden"), snapshot([text(1)])] });
  made.enter();
  connection.emit("notice", "notification", notice(1, "join_request_approved"));
  await settled();
  assert.equal(said.at(-1)[0], "people");
  assert.equal(made.isInside, true);
});

test("a notification is told once, also when it was missed and connects bring it again", async () => {
  const { made, connection } = await client({ room_enter: [snapshot([text(1)])] });
  const told = [];
  made.on("told", ({ seq }) => told.push(seq));
  const items = [notice(3, "mention"), notice(2, "mention", { read: true }), notice(1, "mention")];
  connection.emit("notice", "notifications", { items, unread: 2, head: 3 });
  connection.emit("notice", "notification", notice(4, "mention"));
  connection.emit("notice", "notifications", { items: [notice(5, "mention"), notice(4, "mention"), ...items], unread: 4, head: 5 });
  connection.emit("notice", "notifications", { items: [notice(2, "mention")], unread: 1, head: 2 });
  connection.emit("notice", "notification", notice(3, "mention"));
  assert.deepEqual(told, [1, 3, 4, 5, 3]);
});

test("a removal that was taken back while nobody was connected is taken back", async () => {
  const { connection, entered } = await client({ room_enter: [snapshot([text(1)]), snapshot([text(2)])] });
  connection.emit("notice", "notifications", { items: [notice(1, "join_request_approved")], unread: 1, head: 1 });
  connection.emit("chat", "bye", { room_id: ROOM, code: "removed" });
  connection.emit("state", "offline");
  connection.emit("state", "online");
  const items = [notice(2, "participant_removed"), notice(1, "join_request_approved")];
  connection.emit("notice", "notifications", { items, unread: 2, head: 2 });
  await settled();
  assert.equal(entered().length, 1);
  connection.emit("notice", "notifications", { items: [notice(3, "join_request_approved"), ...items], unread: 3, head: 3 });
  await settled();
  assert.equal(entered().length, 2);
});

test("who was removed sends nothing more and does not come back", async () => {
  const { made, connection, said, entered } = await client({ room_enter: [snapshot([text(1)])] });
  connection.emit("chat", "bye", { room_id: ROOM, code: "removed" });
  assert.deepEqual(said.at(-1), ["outside", { wasInside: true, left: false, isPending: false, request: null }]);
  made.outbox.add("still there?");
  connection.emit("state", "offline");
  connection.emit("state", "online");
  await settled();
  assert.equal(entered().length, 1);
  assert.equal(connection.sent.length, 1);
});

test("a list comes to its end, however many pages it has, or not at all", async () => {
  const { made, access } = await client({ room_enter: [snapshot([text(1)])] });
  const pages = { "": [["a", "b"], "a b&"], "a b&": [["c"], "third"], third: [["d"], null] };
  const asked = [];
  const answers = (fails) => (method, address) => {
    const { pathname, searchParams } = new URL(address, "http://school");
    asked.push(`${method} ${pathname} ${searchParams.get("status")}`);
    const cursor = searchParams.get("cursor") ?? "";
    const [items, next_cursor] = pages[cursor];
    return Promise.resolve(cursor === fails ? { ok: false } : { ok: true, body: { items, next_cursor } });
  };
  access.call = answers(null);
  assert.deepEqual(await made.lobby(), ["a", "b", "c", "d"]);
  assert.deepEqual(new Set(asked.splice(0)), new Set(["GET /api/chat/room/requests/ pending"]));
  access.call = answers("third");
  assert.equal(await made.lobby(), null);
});
