// Whether the package's types say what its classes have: node types.mjs PACKAGE. Prints what differs; exit status 1 then.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const folder = process.argv[2];
const offered = await import(pathToFileURL(join(folder, "src", "index.js")));
const { Bearer, CodeNeeded, Connection, Log, NoAnswer, Notices, Outbox, Refused, RoomClient, Session, SignedOut } = offered;

const ask = async () => ({ access_token: "t", expires_in: 60 });
const session = new Session("http://127.0.0.1", { user: { id: "u" }, refresh_token: "r" });
const connection = new Connection(session, { origin: session.origin });
const examples = {
  Bearer: new Bearer({ ask }),
  CodeNeeded: new CodeNeeded(),
  Connection: connection,
  Log: new Log(),
  NoAnswer: new NoAnswer(),
  Notices: new Notices(connection),
  Outbox: new Outbox({ send: async () => ({ ok: true }), changed: () => {} }),
  Refused: new Refused({}),
  RoomClient: new RoomClient({ access: session, connection, roomId: "r", myId: "u" }),
  Session: session,
  SignedOut: new SignedOut(),
};
const OWN_AFFAIRS = new Set(["constructor", "emit"]); // an emitter's own way to tell its listeners

/** What an example has, its class's and its ancestors' members among them. */
function had(example) {
  const names = new Set(Object.keys(example));
  for (let level = Object.getPrototypeOf(example); ![Object.prototype, Error.prototype].includes(level); level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) names.add(name);
  }
  return names;
}

const source = ts.createSourceFile("index.d.ts", readFileSync(join(folder, "index.d.ts"), "utf8"), ts.ScriptTarget.Latest, true);
const typed = new Map();
for (const node of source.statements.filter(ts.isClassDeclaration)) {
  const parent = node.heritageClauses?.[0]?.types[0]?.getText();
  const members = node.members.filter((member) => member.name).map((member) => [member.name.getText(), ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static]);
  typed.set(node.name.text, {
    own: new Set([...members.filter(([, isStatic]) => !isStatic).map(([name]) => name), ...(typed.get(parent)?.own ?? [])]),
    statics: members.filter(([, isStatic]) => isStatic).map(([name]) => name),
  });
}

const faults = [];
for (const [name, { own, statics }] of typed) {
  const has = had(examples[name]);
  for (const member of own) if (!has.has(member)) faults.push(`${name}.${member} is typed, and is not there`);
  for (const member of has) if (!own.has(member) && !OWN_AFFAIRS.has(member)) faults.push(`${name}.${member} is there, and not typed`);
  for (const member of statics) if (typeof offered[name][member] !== "function") faults.push(`${name}.${member} is typed as static, and is not there`);
}
for (const name of Object.keys(examples)) if (!typed.has(name)) faults.push(`${name} has no types`);
for (const fault of faults) console.log(fault);
process.exit(faults.length ? 1 : 0);
