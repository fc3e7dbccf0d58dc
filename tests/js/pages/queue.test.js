/** Files on their way: one after the other, tried again while that may help, and stopped when asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UploadQueue } from "../../../chatapp/static/files/queue.js";

const OK = { ok: true };
const refused = (code, more = {}) => ({ ok: false, error: { code, message: code, ...more } });
const file = (name, size = 10) => ({ name, size });

/** A queue whose uploads are answered from a list, then with OK. */
function queue(answers = [], given = {}) {
  const tried = [];
  const waited = [];
  const gone = [];
  let number = 0;
  const made = new UploadQueue({
    upload: async ({ file, clientId, onProgress, signal }) => {
      tried.push([file.name, clientId]);
      onProgress(5, 10);
      const answer = answers.shift() ?? OK;
      return typeof answer === "function" ? answer({ onProgress, signal }) : answer;
    },
    wait: async (ms) => void waited.push(ms),
    newId: () => `id${++number}`,
    maxBytes: 100,
    ...given,
  });
  made.on("gone", ({ file }, sent) => gone.push([file.name, sent]));
  return { made, tried, waited, gone };
}

test("files go one after the other, in the order of choosing", async () => {
  const { made, tried, gone } = queue();
  await made.add([file("a"), file("b")]);
  assert.deepEqual(tried, [["a", "id1"], ["b", "id2"]]);
  assert.deepEqual(gone, [["a", true], ["b", true]]);
  assert.deepEqual(made.items, []);
});

test("what only came too soon is tried again under the same id, when the server says so", async () => {
  const { made, tried, waited } = queue([refused("rate_limited", { retry_after: 3 }), refused("no_answer"), refused("unavailable", { retry_after: 5 })]);
  await made.add([file("a")]);
  assert.deepEqual(tried.map(([, id]) => id), ["id1", "id1", "id1", "id1"]);
  assert.deepEqual(waited, [3000, 4000, 5000]);
});

test("what is refused for good waits for a person, who may try again", async () => {
  const { made, tried, gone } = queue([refused("unsupported_media_type"), OK, OK]);
  await made.add([file("a"), file("b")]);
  assert.equal(made.items[0].state, "failed");
  assert.equal(made.items[0].error.code, "unsupported_media_type");
  assert.deepEqual(gone, [["b", true]]);
  await made.retry("id1");
  assert.deepEqual(tried.at(-1), ["a", "id1"]);
  assert.deepEqual(made.items, []);
});

test("nobody waits ten minutes for a limit, nor tries for ever", async () => {
  const { made, waited } = queue([refused("rate_limited", { retry_after: 500 }), ...Array(4).fill(refused("no_answer"))]);
  await made.add([file("a")]);
  assert.equal(made.items[0].state, "failed");
  await made.add([file("b")]);
  assert.equal(made.items[1].state, "failed");
  assert.deepEqual(waited, [2000, 4000, 8000]);
});

test("a file that is too large is never sent", async () => {
  const { made, tried } = queue();
  await made.add([file("a", 101)]);
  assert.equal(made.items[0].error.code, "too_large");
  await made.retry("id1");
  assert.deepEqual(tried, []);
  made.cancel("id1");
  assert.deepEqual(made.items, []);
});

test("stopping one ends its request and goes on with the next", async () => {
  let aborted = false;
  const never = ({ signal }) => new Promise((done) => signal.addEventListener("abort", () => ((aborted = true), done(refused("stopped")))));
  const { made, tried, gone } = queue([never]);
  const all = made.add([file("a"), file("b")]);
  made.cancel("id1");
  await all;
  assert.equal(aborted, true);
  assert.deepEqual(tried.map(([name]) => name), ["a", "b"]);
  assert.deepEqual(gone, [["a", false], ["b", true]]);
});

test("progress is told, and what is up but not answered is being looked at", async () => {
  const told = [];
  const { made } = queue([({ onProgress }) => (onProgress(10, 10), OK)]);
  made.on("changed", ({ state, loaded }) => told.push([state, loaded]));
  await made.add([file("a")]);
  assert.deepEqual(told, [["queued", 0], ["sending", 0], ["sending", 0.5], ["checking", 1]]);
});
