// Socket.IO on Node as its own guides show a chat: rooms, an event to everybody in one, an acknowledgement. Nothing is
// stored, nobody is asked who they are; bufferutil is installed, as the guide to performance says.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { pingInterval: 10000, pingTimeout: 10000 });
const heads = new Map();

io.of("/chat").on("connection", (socket) => {
  const sender = { id: socket.id, username: socket.handshake.auth.name, display_name: "A student", role: "student" };
  socket.on("room_enter", ({ room_id }, ack) => {
    socket.join(room_id);
    ack({ ok: true });
  });
  socket.on("message_send", ({ room_id, client_id, body }, ack) => {
    const seq = (heads.get(room_id) ?? 0) + 1;
    heads.set(room_id, seq);
    io.of("/chat").to(room_id).emit("message", {
      id: `${room_id}.${seq}`, room_id, seq, type: "text", sender, client_id, body,
      code: null, params: {}, file: null, created_at: new Date().toISOString(),
    });
    ack({ ok: true, seq });
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
