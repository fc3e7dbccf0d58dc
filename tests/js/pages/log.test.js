/** The page's log: gap-free, in order, each message once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Log } from "../../../chatapp/static/client/log.js";

const message = (seq) => ({ seq });
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => message(from + n));
const seqs = (messages) => messages.map(({ seq }) => seq);
const entered = (messages, rest = {}) => {
  const log = new Log();
  log.enter({ messages, epoch: "e", reset: false, more: false, ...rest });
  return log;
};

test("messages in order are shown at once", () => {
  const log = entered(range(1, 2));
  assert.deepEqual(seqs(log.add(message(3))), [3]);
  assert.equal(log.last, 3);
});

test("a message that came before is not shown again", () => {
  const log = entered(range(1, 3));
  assert.deepEqual(log.add(message(2)), []);
  assert.deepEqual(log.add(message(3)), []);
  assert.equal(log.hasGap, false);
});

test("an early message waits for what is before it", () => {
  const log = entered(range(1, 1));
  assert.deepEqual(log.add(message(3)), []);
  assert.equal(log.hasGap, true);
  assert.deepEqual(seqs(log.add(message(2))), [2, 3]);
  assert.equal(log.hasGap, false);
});

test("what comes while entering waits for the answer", () => {
  const log = entered(range(1, 2));
  log.leave();
  assert.deepEqual(log.add(message(3)), []);
  assert.deepEqual(log.add(message(4)), []);
  const { fresh, added } = log.enter({ messages: [message(3)], epoch: "e", reset: false, more: false });
  assert.equal(fresh, false);
  assert.deepEqual(seqs(added), [3, 4]);
});

test("with more to come live messages wait for the last answer", () => {
  const log = entered(range(1, 2));
  log.leave();
  log.add(message(6));
  assert.deepEqual(seqs(log.enter({ messages: range(3, 4), epoch: "e", reset: false, more: true }).added), [3, 4]);
  assert.deepEqual(seqs(log.enter({ messages: range(5, 5), epoch: "e", reset: false, more: false }).added), [5, 6]);
});

for (const change of [{ reset: true }, { epoch: "another" }]) {
  test(`${JSON.stringify(change)} drops what was here`, () => {
    const log = entered(range(1, 5));
    log.leave();
    const { fresh, added } = log.enter({ messages: range(8, 9), epoch: "e", reset: false, more: false, ...change });
    assert.equal(fresh, true);
    assert.deepEqual(seqs(added), [8, 9]);
    assert.deepEqual(seqs(log.items), [8, 9]);
  });
}

test("the cursor says where to go on, and nothing before the first answer", () => {
  assert.deepEqual(new Log().cursor, {});
  assert.deepEqual(entered(range(4, 7)).cursor, { after: 7, epoch: "e" });
});

test("older pages go before, each message once", () => {
  const log = entered(range(51, 60));
  assert.equal(log.hasOlder, true);
  assert.deepEqual(seqs(log.prepend(range(1, 51))), seqs(range(1, 50)));
  assert.equal(log.hasOlder, false);
  assert.deepEqual(seqs(log.items), seqs(range(1, 60)));
});

test("an older page that was asked for before the log began anew makes no hole", () => {
  const log = entered(range(51, 60));
  log.leave();
  log.enter({ messages: range(500, 510), epoch: "e", reset: true, more: false });
  assert.deepEqual(log.prepend(range(1, 50)), []);
  assert.deepEqual(seqs(log.items), seqs(range(500, 510)));
});

test("what the server no longer keeps is not asked for", () => {
  assert.equal(entered(range(9, 12)).hasOlder, true);
  assert.equal(entered(range(9, 12), { oldest: 9 }).hasOlder, false);
  const log = entered(range(10, 12), { oldest: 9 });
  assert.equal(log.hasOlder, true);
  assert.deepEqual(log.prepend([], 10), [], "it was let go of meanwhile");
  assert.equal(log.hasOlder, false);
});
