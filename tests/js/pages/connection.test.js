/** The page's connection: comes back while it may, stays away when it is told to. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Access, Bearer, SignedOut } from "../../../chatapp/static/client/access.js";
import { Connection } from "../../../chatapp/static/client/connection.js";

class Socket {
  connected = false;
  connects = 0;
  sent = [];
  answers = [];
  #listeners = {};

  constructor({ auth }) {
    this.auth = auth;
  }
  on(name, listener) {
    this.#listeners[name] = listener;
  }
  onAny(listener) {
    this.heard = listener;
  }
  connect() {
    this.connects += 1;
  }
  disconnect() {
    if (this.connected) this.lose("io client disconnect");
  }
  timeout() {
    return this;
  }
  emit(name, data, answer) {
    this.sent.push([name, data]);
    answer(null, this.answers.shift() ?? { ok: true });
  }
  arrive() {
    this.connected = true;
    this.#listeners.connect?.();
  }
  lose(reason) {
    this.connected = false;
    this.#listeners.disconnect(reason);
  }
  /** By the server, and then the library leaves coming back to us; or, without data, by the network. */
  refuse(data, message = "refused") {
    this.active = data === undefined;
    this.#listeners.connect_error(Object.assign(new Error(message), { data }));
  }
}

/** A started connection with both its sockets, and what it said of its state. */
function connection(access = { token: async () => "token", forget() {}, refreshIn: 1000 }) {
  const sockets = {};
  const manager = { opts: null, socket: (namespace, options) => (sockets[namespace] = new Socket(options)) };
  const makeManager = (_, options) => Object.assign(manager, { opts: options });
  const made = new Connection(access, { origin: "http://school", makeManager });
  const states = [];
  made.on("state", (state, why) => states.push(why ? `${state} ${why}` : state));
  made.start();
  return { made, states, manager, chat: sockets["/chat"], notifications: sockets["/notifications"] };
}

const settled = () => new Promise((done) => setImmediate(done));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"] }));
afterEach(() => mock.timers.reset());

test("both namespaces are connected, with a token each time", async () => {
  const { chat, notifications, states } = connection();
  assert.deepEqual([chat.connects, notifications.connects], [1, 1]);
  const given = [];
  await chat.auth((auth) => given.push(auth));
  assert.deepEqual(given, [{ token: "token" }]);
  chat.arrive();
  assert.deepEqual(states, ["online"]);
});

for (const code of ["removed", "revoked", "too_many", "bad_packet"]) {
  test(`after ${code} it does not come back`, () => {
    const { chat, states } = connection();
    chat.arrive();
    chat.heard("bye", { code });
    chat.lose("transport close");
    mock.timers.tick(600_000);
    assert.deepEqual(states, ["online", `stopped ${code}`]);
    assert.equal(chat.connects, 1);
  });
}

for (const [code, wait] of [["restart", 4000], ["slow", undefined], ["expired", undefined]]) {
  test(`after ${code} it comes back`, () => {
    const { chat, states } = connection();
    chat.arrive();
    chat.heard("bye", { code, retry_ms: wait });
    mock.timers.tick((wait ?? 500) - 1);
    assert.equal(chat.connects, 1);
    mock.timers.tick((wait ?? 500) / 2 + 2);
    assert.equal(chat.connects, 2);
    assert.deepEqual(states, ["online", "offline"]);
  });
}

test("a room's bye is the room's own matter", () => {
  const { made, chat, states } = connection();
  const heard = [];
  made.on("chat", (name, data) => heard.push([name, data.code]));
  chat.arrive();
  chat.heard("bye", { code: "removed", room_id: "r" });
  assert.deepEqual(heard, [["bye", "removed"]]);
  assert.deepEqual(states, ["online"]);
});

test("a refused token is fetched anew, and in the end nobody is signed in", () => {
  const forgotten = mock.fn();
  const { chat, states } = connection({ token: async () => "old", forget: forgotten, refreshIn: 1000 });
  for (let n = 0; n < 5; n += 1) {
    chat.refuse({ code: "unauthorized" });
    mock.timers.tick(30_000);
  }
  assert.ok(forgotten.mock.callCount() >= 4);
  assert.deepEqual(states, ["offline", "stopped signed_out"]);
});

test("a token that is refused after the server was busy is fetched anew", () => {
  const forgotten = mock.fn();
  const { chat, states } = connection({ token: async () => "old", forget: forgotten, refreshIn: 1000 });
  for (const code of ["unavailable", "unavailable", "rate_limited", "unavailable", "unauthorized"]) {
    chat.refuse({ code });
    mock.timers.tick(30_000);
  }
  assert.equal(forgotten.mock.callCount(), 1);
  assert.deepEqual(states, ["offline"]);
});

test("a full server is asked again when it says", () => {
  const { chat } = connection();
  chat.refuse({ code: "rate_limited", retry_after: 20 });
  mock.timers.tick(19_000);
  assert.equal(chat.connects, 1);
  mock.timers.tick(12_000);
  assert.equal(chat.connects, 2);
});

test("a new token is put under the connection before the old one ends", async () => {
  const { chat } = connection();
  chat.arrive();
  mock.timers.tick(1000);
  await settled();
  assert.deepEqual(chat.sent, [["token_refresh", { token: "token" }]]);
});

test("a renewal that did not succeed is tried again soon, and not while nobody is there", async () => {
  const access = new Bearer({ ask: async () => ({ access_token: "t", expires_in: 600 }) });
  const { chat } = connection(access);
  await access.token();
  chat.arrive();
  chat.answers = [{ ok: false, error: { code: "unavailable", retryable: true } }];
  mock.timers.tick(540_000);
  await settled();
  assert.equal(chat.sent.length, 1);
  mock.timers.tick(2000);
  await settled();
  assert.equal(chat.sent.length, 2);
  chat.answers = [{ ok: false, error: { code: "unavailable", retryable: true } }];
  mock.timers.tick(540_000);
  chat.lose("transport close");
  await settled();
  mock.timers.tick(600_000);
  await settled();
  assert.equal(chat.sent.length, 2);
});

test("a token that comes too late for its connection is not given to the next one as well", async () => {
  const waiting = [];
  const { chat } = connection({ token: () => new Promise((done) => waiting.push(done)), forget() {}, refreshIn: 1000 });
  const given = [];
  const attempts = [chat.auth((auth) => given.push(auth))];
  chat.lose("transport close");
  attempts.push(chat.auth((auth) => given.push(auth)));
  for (const done of waiting) done("token");
  await Promise.all(attempts);
  assert.deepEqual(given, [{ token: "token" }]);
});

for (const [how, lose] of [
  ["refused", (socket) => socket.refuse({ code: "unavailable", retry_after: 1 })],
  ["ended", (socket) => socket.lose("io server disconnect")],
]) {
  test(`notifications that are ${how} by themselves come back, and nobody was offline meanwhile`, () => {
    const { chat, notifications, states } = connection();
    chat.arrive();
    lose(notifications);
    mock.timers.tick(2000);
    assert.deepEqual(states, ["online"]);
    assert.deepEqual([chat.connects, notifications.connects], [1, 2]);
  });
}

test("a refusal of the server that gives no reason is none for ever", () => {
  const { chat, states } = connection();
  chat.refuse(null, "Unable to connect");
  mock.timers.tick(2000);
  assert.deepEqual([chat.connects, states], [2, ["offline"]]);
});

test("only a token that was not taken is fetched anew", () => {
  const forgotten = mock.fn();
  const { chat } = connection({ token: async () => "good", forget: forgotten, refreshIn: 1000 });
  chat.refuse({ code: "rate_limited", retry_after: 1 });
  assert.equal(forgotten.mock.callCount(), 0);
  chat.refuse({ code: "unauthorized" });
  assert.equal(forgotten.mock.callCount(), 1);
});

test("a page session that ended ends the connection", async () => {
  const { chat, states } = connection({
    token: async () => {
      throw new SignedOut();
    },
  });
  await chat.auth(() => assert.fail("there is no token to give"));
  assert.deepEqual(states, ["stopped signed_out"]);
});

test("without a connection a command is not answered, at once, and may be repeated", async () => {
  const { made, chat } = connection();
  const answer = await made.command("message_send", {});
  assert.equal(answer.error.retryable, true);
  assert.deepEqual(chat.sent, []);
});

test("one token is fetched for all who ask, and again when it is about to end", async () => {
  const fetch = mock.fn(async () => ({ ok: true, status: 200, json: async () => ({ access_token: "t", expires_in: 600 }) }));
  const access = new Access({ csrfToken: "c", fetch });
  assert.deepEqual(await Promise.all([access.token(), access.token()]), ["t", "t"]);
  mock.timers.tick(530_000);
  await access.token();
  assert.equal(fetch.mock.callCount(), 1);
  mock.timers.tick(20_000);
  await access.token();
  assert.equal(fetch.mock.callCount(), 2);
  assert.equal(fetch.mock.calls[0].arguments[1].headers["X-CSRF-Token"], "c");
});

for (const status of [401, 403]) {
  test(`a token refused with ${status} means signed out`, async () => {
    const access = new Access({ csrfToken: "c", fetch: async () => ({ ok: false, status }) });
    await assert.rejects(access.token(), SignedOut);
  });
}

test("where nothing gets through a WebSocket, polling begins", () => {
  const { manager, chat } = connection();
  chat.refuse(undefined, "websocket error");
  assert.deepEqual(manager.opts.transports, ["websocket", "polling"]);
  chat.refuse(undefined, "timeout");
  assert.deepEqual(manager.opts.transports, ["polling", "websocket"]);
});
