/** What may go wrong with a sign-in of a program, beside `SignedOut`, as exceptions. */

import { SignedOut } from "./access.js";

/** The password was right, and this account has a second step: sign in again with `otp`, the code of its app. */
export class CodeNeeded extends SignedOut {}

/** Nothing came back: the outcome is unknown. */
export class NoAnswer extends Error {}

/** The server said no. */
export class Refused extends Error {
  /** @param {{code?: string, detail?: string, retry_after?: number}} told a problem of the contract, or what came in its place */
  constructor({ code = "internal", detail = "", retry_after }) {
    super(`${code}: ${detail}`);
    /** Of the contract. */
    this.code = code;
    /** Seconds. @type {number | undefined} */
    this.retryAfter = retry_after;
  }
}
