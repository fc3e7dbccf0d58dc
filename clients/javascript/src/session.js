/** A sign-in of a program: holds the refresh token, and renews the access token when one is asked for. */

import { Bearer, SignedOut } from "./access.js";

const TRIES = 5;

export class Session extends Bearer {
  /** @type {{user: any, refresh_token: string}} what to keep, so that the program need not sign in again */
  kept;

  /**
   * Sign in with a password.
   * @param {string} origin such as "https://chat.example.org"
   * @param {{username: string, password: string}} credentials
   * @param {{changed?: (kept: object) => void | Promise<void>, fetch?: typeof globalThis.fetch}} [options]
   * @returns {Promise<Session>} @throws {SignedOut} for a wrong name or password
   */
  static async signIn(origin, { username, password }, options = {}) {
    const told = await post(options.fetch, `${origin}/api/auth/login/`, { username, password });
    const session = new Session(origin, told, options);
    session.hold(told);
    await options.changed?.(session.kept);
    return session;
  }

  /**
   * Go on with what an earlier one kept.
   * @param {string} origin
   * @param {{user: any, refresh_token: string}} kept
   * @param {{changed?: (kept: object) => void | Promise<void>, fetch?: typeof globalThis.fetch}} [options] `changed` is
   *   awaited before a new pair is used: the old refresh token, used twice, would end the session
   */
  constructor(origin, { user, refresh_token }, { changed = () => {}, fetch } = {}) {
    const ask = async () => {
      const told = await post(fetch, `${origin}/api/auth/refresh/`, { refresh_token: this.kept.refresh_token });
      this.kept = { user: told.user, refresh_token: told.refresh_token };
      await changed(this.kept);
      return told;
    };
    super({ ask, origin, fetch });
    this.kept = { user, refresh_token };
    this.origin = origin;
  }

  /** The signed-in user's id. */
  get myId() {
    return this.kept.user.id;
  }
}

/** A refusal that is retryable says nothing about the credentials; no answer at all says nothing either. */
async function post(fetch = globalThis.fetch, address, body) {
  for (let tried = 1; ; tried++) {
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (answer.ok) return answer.json();
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) throw new SignedOut(told.detail);
    if (tried === TRIES || !told.retry_after) throw new Error(`${answer.status} ${told.code ?? ""}`);
    await new Promise((done) => setTimeout(done, told.retry_after * 1000));
  }
}
