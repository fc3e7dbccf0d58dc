/** A right to REST and sockets: a short-lived token, asked for when it is needed and held in memory only. */

const MARGIN_SECONDS = 60;

/** The session has ended, or belongs to somebody else by now: only signing in again helps. */
export class SignedOut extends Error {}

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
  constructor({ ask, origin = "", fetch = (...given) => globalThis.fetch(...given) }) {
    this.#ask = ask;
    this.#origin = origin;
    this.#fetch = fetch;
  }

  /** Milliseconds until a new token should be put under a live connection. */
  get refreshIn() {
    return Math.max(1000, this.#goodUntil - Date.now());
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

  /** Do not use this token again: the server did not take it. */
  forget() {
    this.#token = null;
  }

  /** Read from REST. @param {string} path */
  get(path) {
    return this.call("GET", path);
  }

  /**
   * One REST request.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<{ok: boolean, status: number, body: any, error?: any}>} status 0: no answer. `error` as sockets give it
   */
  async call(method, path, body = undefined) {
    try {
      const headers = { Authorization: `Bearer ${await this.token()}`, ...(body && { "Content-Type": "application/json" }) };
      const answer = await this.#fetch(this.#origin + path, { method, headers, credentials: "omit", ...(body && { body: JSON.stringify(body) }) });
      const told = answer.status === 204 ? null : await answer.json();
      return { ok: answer.ok, status: answer.status, body: told, ...(!answer.ok && { error: { ...told, message: told.detail } }) };
    } catch (fault) {
      if (fault instanceof SignedOut) throw fault;
      return { ok: false, status: 0, body: null, error: { code: "no_answer", message: "No answer." } };
    }
  }
}

/** The page's right, fetched with the page's cookie. */
export class Access extends Bearer {
  /**
   * @param {{csrfToken: string, fetch?: typeof globalThis.fetch}} options
   */
  constructor({ csrfToken, fetch = (...given) => globalThis.fetch(...given) }) {
    const ask = async () => {
      const headers = { "X-CSRF-Token": csrfToken };
      const answer = await fetch("/session/token/", { method: "POST", headers, credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) throw new SignedOut();
      if (!answer.ok) throw new Error(`no token: ${answer.status}`);
      return answer.json();
    };
    super({ ask, fetch });
  }
}
