/** The page's outbox: nothing lost, nothing twice, in the order of writing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../../../chatapp/static/client/outbox.js";

const OK = { ok: true };
const UNKNOWN = { ok: false, error: { code: "no_answer", message: "No answer.", retryable: true } };
const LATER = { ok: false, error: { code: "rate_limited", message: "Too fast.", retryable: true, retry_after: 3 } };
const NEVER = { ok: false, error: { code: "room_closed", message: "The room is closed", retryable: false } };

class Memory {
  kept = new Map();
  getItem(key) {
    return this.kept.get(key) ?? null;
  }
  setItem(key, value) {
    this.kept.set(key, value);
  }
  removeItem(key) {
    this.kept.delete(key);
  }
}

/** An outbox whose sends are answered from a list, then with OK. */
function outbox(answers = [], given = {}) {
  const sent = [];
  const waited = [];
  const send = async ({ client_id, body }) => {
    sent.push({ client_id, body });
    return answers.shift() ?? OK;
  };
  const wait = async (ms) => void waited.push(ms);
  const box = new Outbox({ send, wait, changed: () => {}, ...given });
  return { box, sent, waited, bodies: () => sent.map(({ body }) => body) };
}

const settled = () => new Promise((done) => setImmediate(done));

test("what is written while away goes in order when the room is entered", async () => {
  const { box, bodies } = outbox();
  for (const body of ["one", "two", "three"]) box.add(body);
  await settled();
  assert.deepEqual(bodies(), []);
  box.open();
  await settled();
  assert.deepEqual(bodies(), ["one", "two", "three"]);
});

test("an unknown outcome is asked again under the same client_id before the next one goes", async () => {
  const { box, sent, bodies } = outbox([UNKNOWN, UNKNOWN, OK]);
  box.open();
  box.add("one");
  box.add("two");
  await settled();
  assert.deepEqual(bodies(), ["one", "one", "one", "two"]);
  assert.equal(new Set(sent.slice(0, 3).map(({ client_id }) => client_id)).size, 1);
});

test("the server's own delay is kept", async () => {
  const { box, waited } = outbox([LATER]);
  box.open();
  box.add("one");
  await settled();
  assert.deepEqual(waited, [3000]);
});

test("a refusal is shown, and the next one goes", async () => {
  const { box, bodies } = outbox([NEVER]);
  box.open();
  box.add("one");
  box.add("two");
  await settled();
  assert.deepEqual(bodies(), ["one", "two"]);
  assert.deepEqual(box.items.map(({ state, fault }) => [state, fault]), [["failed", "The room is closed"], ["sent", undefined]]);
});

test("a failed one is tried again under its client_id, or given up", async () => {
  const { box, sent } = outbox([NEVER, NEVER]);
  box.open();
  box.add("one");
  await settled();
  box.retry(box.items[0].client_id);
  await settled();
  assert.equal(sent[0].client_id, sent[1].client_id);
  box.discard(box.items[0].client_id);
  assert.deepEqual(box.items, []);
});

test("an item stays until the log shows it, and is asked for again after a lost connection", async () => {
  const { box, sent } = outbox();
  box.open();
  box.add("one");
  await settled();
  assert.equal(box.items[0].state, "sent");
  box.close();
  box.open();
  await settled();
  assert.equal(sent.length, 2);
  assert.equal(sent[0].client_id, sent[1].client_id);
  box.settle(sent[0].client_id);
  assert.deepEqual(box.items, []);
});

test("nothing is sent while the connection is away", async () => {
  const { box, sent } = outbox([UNKNOWN]);
  box.open();
  box.add("one");
  box.close();
  await settled();
  assert.equal(sent.length, 1);
  assert.equal(box.items[0].state, "queued");
});

test("a reload keeps what was not seen in the log, with its client_id", async () => {
  const storage = new Memory();
  const before = outbox([], { storage, key: "k" }).box;
  before.add("one");
  const { box, sent } = outbox([], { storage, key: "k" });
  assert.equal(box.items[0].client_id, before.items[0].client_id);
  box.open();
  await settled();
  assert.equal(sent[0].client_id, before.items[0].client_id);
  box.settle(sent[0].client_id);
  assert.equal(storage.kept.size, 0);
});

test("a storage that is broken or full costs nothing but the reload", () => {
  const broken = {
    getItem: () => "{not json",
    setItem() {
      throw new Error("full");
    },
  };
  const { box } = outbox([], { storage: broken, key: "k" });
  box.add("one");
  assert.equal(box.items.length, 1);
});
