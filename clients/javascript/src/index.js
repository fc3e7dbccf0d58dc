/** What the package offers. */

export { Bearer, SignedOut } from "./access.js";
export { RoomClient } from "./client.js";
export { Connection } from "./connection.js";
export { CodeNeeded, NoAnswer, Refused } from "./faults.js";
export { Log } from "./log.js";
export { Notices } from "./notices.js";
export { Outbox } from "./outbox.js";
export { Session } from "./session.js";
export { openShelf } from "./shelf.js";
