/** A sign-in of the JavaScript package: its device is known again, its faults have types, and nothing of it is logged. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { inspect } from "node:util";
import { SignedOut } from "../../clients/javascript/src/access.js";
import { CodeNeeded, NoAnswer, Refused } from "../../clients/javascript/src/faults.js";
import { Session } from "../../clients/javascript/src/session.js";

const BEN = { username: "ben", password: "secret" };
const DEVICE = "the-device-token";

/** A server that answers with these, then with tokens; and what it was asked. */
function school(...answers) {
  const asked = [];
  let given = 0;
  const fetch = async (address, { body }) => {
    asked.push({ address, ...JSON.parse(body) });
    const { status = 200, told } = answers.shift() ?? {};
    given += 1;
    const device = address.includes("login") ? { device_token: DEVICE } : {};
    const tokens = { user: { id: "u" }, access_token: `access-${given}`, refresh_token: `refresh-${given}`, expires_in: 3600, ...device };
    return { ok: status < 300, status, json: async () => (told === undefined ? tokens : JSON.parse(told)) };
  };
  return { asked, fetch };
}

const refusal = (status, problem) => ({ status, told: JSON.stringify(problem) });

test("the device is known from one sign-in to the next, over renewals", async () => {
  const { asked, fetch } = school();
  const kept = [];
  const changed = (told) => void kept.push(told);
  const session = await Session.signIn("http://school", BEN, { fetch, changed });
  session.forget();
  await session.token();
  assert.deepEqual(kept.map(({ refresh_token, device_token }) => [refresh_token, device_token]), [["refresh-1", DEVICE], ["refresh-2", DEVICE]]);
  await Session.signIn("http://school", BEN, { fetch, kept: JSON.parse(JSON.stringify(session.kept)) });
  assert.deepEqual(asked.map(({ device_token }) => device_token), [undefined, undefined, DEVICE]);
});

test("a server that gives no device token leaves the one that there is", async () => {
  const { fetch } = school(refusal(200, { user: { id: "u" }, access_token: "a", refresh_token: "r", expires_in: 60 }));
  const session = await Session.signIn("http://school", BEN, { fetch, kept: { device_token: DEVICE } });
  assert.equal(session.kept.device_token, DEVICE);
});

test("who logs a session logs none of its secrets", async () => {
  const { fetch } = school();
  const session = await Session.signIn("http://school", BEN, { fetch });
  const said = inspect(session, { depth: 9, showHidden: true, getters: false }) + JSON.stringify(session);
  for (const secret of [DEVICE, session.kept.refresh_token, await session.token(), BEN.password]) assert.equal(said.includes(secret), false, secret);
});

test("what was kept is kept before the new token is used", async () => {
  const { fetch } = school();
  const order = [];
  const changed = async () => {
    await new Promise((done) => setTimeout(done, 5));
    order.push("kept");
  };
  const session = await Session.signIn("http://school", BEN, { fetch, changed });
  order.push("signed in");
  session.forget();
  await session.token();
  order.push("token");
  assert.deepEqual(order, ["kept", "signed in", "kept", "token"]);
});

test("a second step is asked for by its name, and its code sent", async () => {
  const { asked, fetch } = school(refusal(401, { code: "unauthorized", errors: { otp: ["Missing."] } }), refusal(401, { code: "unauthorized" }));
  await assert.rejects(Session.signIn("http://school", BEN, { fetch }), CodeNeeded);
  await assert.rejects(Session.signIn("http://school", BEN, { fetch }), (fault) => fault instanceof SignedOut && !(fault instanceof CodeNeeded));
  await Session.signIn("http://school", { ...BEN, otp: "123456" }, { fetch });
  assert.equal(asked[2].otp, "123456");
});

test("a short wait is waited, and a long one is told", async () => {
  const { asked, fetch } = school(refusal(429, { code: "rate_limited", retry_after: 0.01 }));
  await Session.signIn("http://school", BEN, { fetch });
  assert.equal(asked.length, 2);
  const full = school(refusal(429, { code: "rate_limited", detail: "Wait.", retry_after: 3600 }));
  await assert.rejects(Session.signIn("http://school", BEN, { fetch: full.fetch }), (fault) => {
    assert.ok(fault instanceof Refused);
    assert.deepEqual([fault.code, fault.retryAfter, full.asked.length], ["rate_limited", 3600, 1]);
    return true;
  });
});

test("no network, and a page in the server's place, are no answer", async () => {
  const away = mock.fn(async () => {
    throw new TypeError("fetch failed");
  });
  await assert.rejects(Session.signIn("http://school", BEN, { fetch: away }), NoAnswer);
  const { fetch } = school({ told: "<html>Welcome to the airport</html>" });
  await assert.rejects(Session.signIn("http://school", BEN, { fetch }), NoAnswer);
});

test("a slash at the end of the origin is none of the path", async () => {
  const { asked, fetch } = school();
  const session = await Session.signIn("http://school/", BEN, { fetch });
  assert.deepEqual([asked[0].address, session.origin], ["http://school/api/auth/login/", "http://school"]);
});
