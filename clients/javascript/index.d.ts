/** Types of chatapp-client. What goes over the wire is in things.d.ts, made from the server's contract. */

import type { AckError, JoinRequest, Message, Notification, Participant, Room, Snapshot, Typing, User } from "./things.js";

export * from "./things.js";

/** The session has ended, or belongs to somebody else by now: only signing in again helps. */
export class SignedOut extends Error {}

/** The password was right, and this account has a second step: sign in again with `otp`, the code of its app. */
export class CodeNeeded extends SignedOut {}

/** Nothing came back: the outcome is unknown. */
export class NoAnswer extends Error {}

/** The server said no. */
export class Refused extends Error {
  constructor(told: { code?: string; detail?: string; retry_after?: number });
  /** Of the contract. */
  readonly code: string;
  /** Seconds. */
  readonly retryAfter: number | undefined;
}

export type Ack = { ok: true; [field: string]: any } | { ok: false; error: AckError };

export interface Token {
  access_token: string;
  expires_in: number;
}

export interface Kept {
  user: User;
  refresh_token: string;
  /** Good beyond the session: with the next sign-in it says that this device is known. */
  device_token?: string;
}

export interface Answer<Body = any> {
  ok: boolean;
  /** 0: no answer came. */
  status: number;
  body: Body;
  error?: { code: string; message: string; retry_after?: number };
}

export class Bearer {
  constructor(options: { ask: () => Promise<Token>; origin?: string; fetch?: typeof fetch });
  /** Milliseconds until a new token should be put under a live connection. */
  readonly refreshIn: number;
  token(): Promise<string>;
  hold(token: Token): string;
  /** Do not use this token again; with one, only if it is still that one. */
  forget(token?: string): void;
  get(path: string): Promise<Answer>;
  /** Where the token is not taken, it is sent once more with a new one. Throws SignedOut. */
  call(method: string, path: string, body?: object): Promise<Answer>;
}

export interface SessionOptions {
  /** Awaited before a new pair is used. */
  changed?: (kept: Kept) => void | Promise<void>;
  fetch?: typeof fetch;
}

export interface SignInOptions extends SessionOptions {
  /** What an earlier session kept, over as it may be: its device is known. */
  kept?: Pick<Kept, "device_token"> | null | undefined;
}

export interface Credentials {
  username: string;
  password: string;
  /** The code of the account's app, where it has a second step. */
  otp?: string | undefined;
}

export class Session extends Bearer {
  /** Throws CodeNeeded, SignedOut for a wrong name or password, Refused, NoAnswer. */
  static signIn(origin: string, credentials: Credentials, options?: SignInOptions): Promise<Session>;
  constructor(origin: string, kept: Kept, options?: SessionOptions);
  readonly origin: string;
  readonly myId: string;
  /** What to keep, so that the program need not sign in again, and is known when it has to. */
  readonly kept: Kept;
}

export type State = "connecting" | "online" | "offline" | "stopped";

export class Connection {
  constructor(access: Bearer, options?: { origin?: string });
  readonly state: State;
  on(name: "state", listener: (state: State, why?: string) => void): void;
  on(name: "chat" | "notice", listener: (event: string, data: any) => void): void;
  start(): void;
  stop(why: string): void;
  /** `take` is called with the ack before any event that came behind it. */
  command(name: string, data: object, take?: (answer: Ack) => void): Promise<Ack>;
  notify(name: string, data: object): Promise<Ack>;
  /** Something that may get lost. */
  hint(name: string, data: object): void;
}

export interface OutboxItem {
  client_id: string;
  body: string;
  state: "queued" | "sending" | "sent" | "failed";
  fault?: string;
  code?: string;
}

export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Outbox {
  constructor(options: { send: (item: OutboxItem) => Promise<Ack>; changed: () => void; storage?: Shelf; key?: string; wait?: (ms: number) => Promise<void> });
  items: OutboxItem[];
  add(body: string): void;
  retry(clientId: string): void;
  discard(clientId: string): void;
  /** It stands in the log. */
  settle(clientId: string): void;
  open(): void;
  close(): void;
}

export class Log {
  /** Gap-free, in order, each message once. */
  readonly items: Message[];
  readonly epoch: string | null;
  readonly oldest: number;
  readonly last: number;
  readonly hasOlder: boolean;
  readonly hasGap: boolean;
  readonly cursor: { after?: number; epoch?: string };
  enter(answer: Pick<Snapshot, "messages" | "epoch" | "oldest" | "more" | "reset">): { fresh: boolean; added: Message[] };
  add(message: Message): Message[];
  prepend(messages: Message[], oldest?: number): Message[];
  leave(): void;
}

export interface Standing {
  wasInside: boolean;
  left: boolean;
  isPending: boolean;
  request: JoinRequest | null;
}

export interface RoomEvents {
  /** `fresh`: everything before was dropped. */
  messages: (added: Message[], fresh: boolean) => void;
  history: (added: Message[]) => void;
  inside: (snapshot: Snapshot) => void;
  outside: (standing: Standing) => void;
  room: (room: Room) => void;
  people: () => void;
  request: (request: JoinRequest) => void;
  typing: (typing: Typing) => void;
  told: (notification: Notification) => void;
  outbox: () => void;
  state: (state: State, why?: string) => void;
}

export class RoomClient {
  constructor(options: { access: Bearer; roomId: string; myId: string; storage?: Shelf; connection?: Connection });
  readonly log: Log;
  readonly outbox: Outbox;
  readonly people: Map<string, Participant>;
  readonly room: Room | null;
  readonly isInside: boolean;
  readonly isOnline: boolean;
  on<Name extends keyof RoomEvents>(name: Name, listener: RoomEvents[Name]): void;
  start(): void;
  enter(): Promise<void>;
  comeBack(): Promise<void>;
  leave(): Promise<Answer>;
  /** Seconds after which to ask again, because there was no page; 0 when that is not needed. */
  older(): Promise<number>;
  typing(typing: boolean): void;
  rest(method: string, what?: string, body?: object): Promise<Answer>;
  command(name: string, data?: object, take?: (answer: Ack) => void): Promise<Ack>;
  /** Who waits, for the host; null without an answer. */
  lobby(): Promise<JoinRequest[] | null>;
}

export class Notices {
  constructor(connection: Connection);
  readonly items: Notification[];
  readonly unread: number;
  on(name: "changed", listener: () => void): void;
  on(name: "arrived", listener: (notification: Notification) => void): void;
  markRead(ids: string[]): Promise<void>;
  markAllRead(): Promise<unknown>;
}

export function openShelf(prefix: string, options?: object): Promise<Shelf>;
