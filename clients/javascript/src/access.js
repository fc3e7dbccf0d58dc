/** A right to REST and sockets: a short-lived token, asked for when it is needed and held in memory only. */

const MARGIN_SECONDS = 60;
const ANSWER_MS = 15_000;
const LONGEST_MS = 2 ** 31 - 1; // beyond it a timer fires at once

/** The session has ended, or belongs to somebody else by now: only signing in again helps. */
export class SignedOut extends Error {}

/**
 * A fetch that ends: a network that fell silent would hold it, and whoever waits for the same token, for minutes.
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {typeof globalThis.fetch}
 */
export function inTime(fetch = (...given) => globalThis.fetch(...given)) {
  return (address, options) => fetch(address, { ...options, signal: AbortSignal.timeout(ANSWER_MS) });
}

/** Whoever has a token, however they get it. */
export class Bearer {
  #origin;
  #ask;
  #fetch;
  #token = null;
  #goodUntil = 0;
  #asking = null;

  /**
   * @param {object} options
   * @param {() => Promise<{access_token: string, expires_in: number}>} options.ask a new token; throws SignedOut
   * @param {string} [options.origin] where the API is, if not where the page is
   * @param {typeof globalThis.fetch} [options.fetch]
   */
  constructor({ ask, origin = "", fetch }) {
    this.#ask = ask;
    this.#origin = origin;
    this.#fetch = inTime(fetch);
  }

  /** Milliseconds until a new token should be put under a live connection. */
  get refreshIn() {
    return Math.min(Math.max(1000, this.#goodUntil - Date.now()), LONGEST_MS);
  }

  /** A token that is good for a while. @returns {Promise<string>} @throws {SignedOut} */
  async token() {
    if (this.#token && Date.now() < this.#goodUntil) return this.#token;
    this.#asking ??= this.#ask().then((told) => this.hold(told)).finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** Use this token from now on. @returns {string} */
  hold({ access_token: token, expires_in: seconds }) {
    this.#token = token;
    this.#goodUntil = Date.now() + Math.max(seconds - MARGIN_SECONDS, seconds / 2) * 1000;
    return token;
  }

  /** Do not use this token again: the server did not take it. @param {string | null} [token] only if it is still this one */
  forget(token = this.#token) {
    if (token === this.#token) this.#token = null;
  }

  /** Read from REST. @param {string} path */
  get(path) {
    return this.call("GET", path);
  }

  /**
   * One REST request. Where the token is not taken, it is sent once more with a new one.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<{ok: boolean, status: number, body: any, error?: any}>} status 0: no answer. `error` as sockets give it
   * @throws {SignedOut}
   */
  async call(method, path, body = undefined) {
    try {
      const token = await this.token();
      const answer = await this.#request(token, method, path, body);
      if (answer.status !== 401) return answer;
      this.forget(token);
      return await this.#request(await this.token(), method, path, body);
    } catch (fault) {
      if (fault instanceof SignedOut) throw fault;
      return { ok: false, status: 0, body: null, error: { code: "no_answer", message: "No answer." } };
    }
  }

  async #request(token, method, path, body) {
    const headers = { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) };
    const answer = await this.#fetch(this.#origin + path, { method, headers, credentials: "omit", ...(body && { body: JSON.stringify(body) }) });
    const told = answer.status === 204 ? null : await answer.json();
    return { ok: answer.ok, status: answer.status, body: told, ...(!answer.ok && { error: { ...told, message: told.detail } }) };
  }
}

/** The page's right, fetched with the page's cookie. */
export class Access extends Bearer {
  /**
   * @param {{csrfToken: string, fetch?: typeof globalThis.fetch}} options
   */
  constructor({ csrfToken, fetch }) {
    const ask = async () => {
      const headers = { "X-CSRF-Token": csrfToken };
      const answer = await inTime(fetch)("/session/token/", { method: "POST", headers, credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) throw new SignedOut();
      if (!answer.ok) throw new Error(`no token: ${answer.status}`);
      return answer.json();
    };
    super({ ask, fetch });
  }
}
