/** A sign-in of a program: holds the refresh token, and renews the access token when one is asked for. */

import { Bearer, inTime, SignedOut } from "./access.js";
import { CodeNeeded, NoAnswer, Refused } from "./faults.js";

const TRIES = 5;
const PATIENCE_SECONDS = 60;

/** @typedef {{user: any, refresh_token: string, device_token?: string}} Kept */

export class Session extends Bearer {
  #kept; // private, so that whoever logs a session logs no secret

  /**
   * Sign in with a password, and with the code of an app where the account has a second step.
   * @param {string} origin such as "https://chat.example.org"
   * @param {{username: string, password: string, otp?: string}} credentials
   * @param {{kept?: {device_token?: string} | null, changed?: (kept: Kept) => void | Promise<void>, fetch?: typeof globalThis.fetch}} [options]
   *   `kept`: what an earlier session kept, over as it may be. The server knows this device by it, and lets it in while
   *   others guess at the account or from the same address
   * @returns {Promise<Session>}
   * @throws {CodeNeeded} @throws {SignedOut} for a wrong name or password @throws {Refused} @throws {NoAnswer}
   */
  static async signIn(origin, { username, password, otp }, { kept, ...options } = {}) {
    const device_token = kept?.device_token;
    const asked = { username, password, ...(otp && { otp }), ...(device_token && { device_token }) };
    const told = await post(options.fetch, `${bare(origin)}/api/auth/login/`, asked);
    const session = new Session(origin, keep(told, device_token), options);
    await options.changed?.(session.kept);
    session.hold(told);
    return session;
  }

  /**
   * Go on with what an earlier one kept.
   * @param {string} origin
   * @param {Kept} kept
   * @param {{changed?: (kept: Kept) => void | Promise<void>, fetch?: typeof globalThis.fetch}} [options] `changed` is
   *   awaited before a new pair is used: the old refresh token, used twice, would end the session
   */
  constructor(origin, kept, { changed = () => {}, fetch } = {}) {
    const ask = async () => {
      const { refresh_token, device_token } = this.#kept;
      const told = await post(fetch, `${bare(origin)}/api/auth/refresh/`, { refresh_token });
      this.#kept = keep(told, device_token);
      await changed(this.kept);
      return told;
    };
    super({ ask, origin: bare(origin), fetch });
    this.#kept = keep(kept);
    this.origin = bare(origin);
  }

  /** What to keep, so that the program need not sign in again, and is known when it has to. @type {Kept} */
  get kept() {
    return { ...this.#kept };
  }

  /** The signed-in user's id. */
  get myId() {
    return this.#kept.user.id;
  }
}

/** Of an answer; a renewal names no device, it is the same one. */
function keep({ user, refresh_token, device_token }, before = undefined) {
  const known = device_token ?? before;
  return { user, refresh_token, ...(known && { device_token: known }) };
}

function bare(origin) {
  return origin.replace(/\/+$/, "");
}

/** A refusal that is retryable says nothing about the credentials; no answer at all says nothing either. */
async function post(fetch, address, body) {
  for (let tried = 1; ; tried++) {
    const { ok, status, told } = await answerOf(inTime(fetch), address, body);
    if (ok) return told;
    if (status === 401) throw new (told.errors?.otp ? CodeNeeded : SignedOut)(told.detail);
    if (tried === TRIES || !(told.retry_after <= PATIENCE_SECONDS)) throw new Refused(told);
    await new Promise((done) => setTimeout(done, told.retry_after * 1000));
  }
}

async function answerOf(fetch, address, body) {
  try {
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (answer.ok) return { ok: true, status: answer.status, told: await answer.json() };
    return { ok: false, status: answer.status, told: await answer.json().catch(() => ({ detail: `${answer.status}` })) };
  } catch (fault) {
    throw new NoAnswer(`${address}: ${fault.name}`);
  }
}
