import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../../../chatapp/static/client/emitter.js";
import { Notices } from "../../../chatapp/static/client/notices.js";

class Wire extends Emitter {
  asked = [];
  notify(name, data) {
    return new Promise((answer) => this.asked.push({ name, data, answer }));
  }
}

const notice = (seq, read = false) => ({ id: `id-${seq}`, seq, read, kind: "mention", room_id: "room", data: {} });

function connected(...items) {
  const wire = new Wire();
  const notices = new Notices(wire);
  wire.emit("notice", "notifications", { items, unread: items.length, head: items[0]?.seq ?? 0 });
  return { wire, notices };
}

test("what comes is listed newest first, once, and counted", () => {
  const { wire, notices } = connected(notice(1));
  const arrived = [];
  notices.on("arrived", ({ seq }) => arrived.push(seq));
  for (const seq of [2, 3, 2, 3]) wire.emit("notice", "notification", notice(seq));
  assert.deepEqual(notices.items.map(({ seq }) => seq), [3, 2, 1]);
  assert.equal(notices.unread, 3);
  assert.deepEqual(arrived, [2, 3]);
});

test("what came while the connection was away arrives with the next one", () => {
  const { wire, notices } = connected(notice(1));
  const arrived = [];
  notices.on("arrived", ({ seq }) => arrived.push(seq));
  wire.emit("notice", "notifications", { items: [notice(4), notice(3, true), notice(2), notice(1)], unread: 3, head: 4 });
  assert.deepEqual(arrived, [2, 4]);
});

test("what is being marked is not marked again, and a refusal may be repeated", async () => {
  const { wire, notices } = connected(notice(2), notice(1));
  const first = notices.markRead(["id-1"]);
  const second = notices.markRead(["id-1", "id-2"]);
  await notices.markRead(["id-1", "id-2"]);
  assert.deepEqual(wire.asked.map(({ data }) => data.ids), [["id-1"], ["id-2"]]);
  wire.asked[0].answer({ ok: true });
  wire.asked[1].answer({ ok: false, error: { code: "unavailable" } });
  await Promise.all([first, second]);
  assert.deepEqual(notices.items.map(({ read }) => read), [false, true]);
  notices.markRead(["id-2"]);
  assert.equal(wire.asked.length, 3);
});

test("what another page read is read here", () => {
  const { wire, notices } = connected(notice(3), notice(2), notice(1));
  wire.emit("notice", "notifications_read", { up_to_seq: 2, unread: 1 });
  assert.deepEqual(notices.items.map(({ read }) => read), [false, true, true]);
  assert.equal(notices.unread, 1);
});
