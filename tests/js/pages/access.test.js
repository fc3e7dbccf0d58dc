/** The right to REST: a token that is not taken is replaced once, and nothing waits for ever. */

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Bearer, SignedOut } from "../../../chatapp/static/client/access.js";

afterEach(() => mock.restoreAll());

/** A server that takes these tokens alone, and who asks it, with numbered tokens. */
function school(taken, { lifetime = 3600 } = {}) {
  const seen = [];
  const fetch = async (_, { headers }) => {
    const token = headers.Authorization.slice("Bearer ".length);
    seen.push(token);
    const status = taken.includes(token) ? 200 : 401;
    return { ok: status === 200, status, json: async () => (status === 200 ? { yes: true } : { code: "unauthorized", detail: "Sign in again." }) };
  };
  let made = 0;
  const ask = mock.fn(async () => ({ access_token: `t${(made += 1)}`, expires_in: lifetime }));
  return { access: new Bearer({ ask, fetch }), ask, seen };
}

test("a token that is not taken is replaced, and the request sent again", async () => {
  const { access, seen } = school(["t2"]);
  assert.equal((await access.call("GET", "/")).ok, true);
  assert.deepEqual(seen, ["t1", "t2"]);
});

test("requests that are refused together share one new token", async () => {
  const { access, ask } = school(["t2"]);
  const answers = await Promise.all([1, 2, 3].map(() => access.call("GET", "/")));
  assert.deepEqual(answers.map(({ ok }) => ok), [true, true, true]);
  assert.equal(ask.mock.callCount(), 2);
});

test("a new token that is not taken either is the answer", async () => {
  const { access, seen } = school([]);
  const { status, error } = await access.call("GET", "/");
  assert.deepEqual([status, error.code, seen.length], [401, "unauthorized", 2]);
});

test("who is signed out by then is told so", async () => {
  const { access, ask } = school([]);
  await access.token();
  ask.mock.mockImplementation(async () => {
    throw new SignedOut();
  });
  await assert.rejects(access.call("GET", "/"), SignedOut);
});

test("what is forgotten late does not take a newer token with it", async () => {
  const { access, ask } = school([]);
  const first = await access.token();
  access.forget(first);
  const second = await access.token();
  access.forget(first);
  assert.equal(await access.token(), second);
  access.forget();
  await access.token();
  assert.equal(ask.mock.callCount(), 3);
});

test("a network that fell silent is no answer, in time", async () => {
  const patience = new AbortController();
  const asked = mock.method(AbortSignal, "timeout", () => patience.signal);
  const fetch = (_, { signal }) => new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
  const access = new Bearer({ ask: async () => ({ access_token: "t", expires_in: 60 }), fetch });
  const answer = access.call("GET", "/");
  await new Promise((done) => setImmediate(done));
  patience.abort();
  assert.deepEqual([(await answer).status, asked.mock.calls[0].arguments], [0, [15_000]]);
});

test("a token of a year is renewed when a timer can wait no longer, not at once", async () => {
  const { access } = school([], { lifetime: 31_536_000 });
  await access.token();
  assert.equal(access.refreshIn, 2 ** 31 - 1);
});
