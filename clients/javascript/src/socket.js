/** Where the Socket.IO library comes from: the one line in which the pages and the package of clients/javascript differ. */

export { Manager } from "socket.io-client";
