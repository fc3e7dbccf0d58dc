// Socket.IO clients for the tests, driven over standard input and output: one JSON object a line, each way.
// It adds nothing to the library: what a client must do by the contract, the test's own code does.
//
// in:  {op: "connect", client, url, token, namespaces, options} · {op: "token", client, token}
//      {op: "emit", client, commands: [{namespace, name, data, ref}]}   all of them in one tick
//      {op: "cut", client} · {op: "close", client}
// out: {client, kind: "connect"} · {client, kind: "disconnect", reason} · {client, kind: "refused", error}
//      {client, kind: "event", namespace, name, data} · {client, kind: "ack", ref, data} · {client, kind: "upgrade", name}
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const clients = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function connect({ client, url, token, namespaces, options }) {
  const known = clients.get(client);
  if (known) {
    known.token = token;
    // An active one is at it by itself: asked again in the middle, it would say CONNECT twice and be refused.
    for (const socket of known.sockets.values()) if (!socket.active) socket.connect();
    return;
  }
  const state = { token, sockets: new Map(), up: new Set() };
  clients.set(client, state);
  for (const namespace of namespaces) {
    const socket = io(url + namespace, { ...options, forceNew: state.sockets.size === 0, auth: (give) => give({ token: state.token }) });
    state.sockets.set(namespace, socket);
    socket.on("connect", () => {
      state.up.add(namespace);
      if (state.up.size === namespaces.length) say({ client, kind: "connect" });
    });
    socket.on("disconnect", (reason) => {
      const wasUp = state.up.size === namespaces.length;
      state.up.delete(namespace);
      if (wasUp) say({ client, kind: "disconnect", reason });
    });
    socket.on("connect_error", (error) => say({ client, kind: "refused", error: error.data ?? null, text: error.message }));
    socket.onAny((name, data) => say({ client, kind: "event", namespace, name, data }));
    socket.io.on("open", () => socket.io.engine.on("upgrade", ({ name }) => say({ client, kind: "upgrade", name })));
  }
}

function emit({ client, commands }) {
  const { sockets } = clients.get(client);
  for (const { namespace, name, data, ref } of commands) {
    sockets.get(namespace).emit(name, data, (answer) => say({ client, kind: "ack", ref, data: answer }));
  }
}

// What a reloaded page or a lost network does: no word of goodbye. The library then comes back by itself.
function cut({ client }) {
  const [socket] = clients.get(client).sockets.values();
  const { engine } = socket.io;
  if (engine.transport.ws?.terminate) engine.transport.ws.terminate();
  else engine.onClose("transport error");
}

function close({ client }) {
  for (const socket of clients.get(client).sockets.values()) socket.disconnect();
}

const operations = {
  connect,
  emit,
  cut,
  close,
  token: ({ client, token }) => {
    clients.get(client).token = token;
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const order = JSON.parse(line);
    operations[order.op](order);
  })
  .on("close", () => process.exit(0));
say({ kind: "ready" });
