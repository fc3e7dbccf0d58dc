/** Refusals, counts and times in words. What a room's log says is `room/words.js`. */

import { knows, n, t } from "./texts.js";

const BY_CODE = {
  invalid_payload: () => t("Something in this is not as it has to be."),
  unauthorized: () => t("Sign in first."),
  forbidden: () => t("You may not do this."),
  not_found: () => t("There is nothing at this address, or it is not yours to see."),
  conflict: () => t("This does not fit what is there already."),
  not_pending: () => t("Somebody decided this already."),
  room_closed: () => t("The class has ended."),
  room_full: () => t("The room is full."),
  limit_reached: () => t("That is the limit. End or finish something first."),
  too_large: () => t("This is too long."),
  content_rejected: () => t("This text cannot be taken."),
  rate_limited: () => t("Too many tries. Wait a little."),
  unavailable: () => t("The server is busy. Try again in a moment."),
  no_answer: () => t("The server did not answer. Try again."),
};

/** Which field of a command is wrong is nothing to people. */
const FIELD = /^[a-z_]+: /;

/** @param {{code: string, message?: string, retry_after?: number}} error @returns {string} */
export function refusal({ code, message, retry_after: seconds }) {
  const byCode = BY_CODE[code] ?? (() => t("Something went wrong. Try again."));
  const told = message?.replace(FIELD, "");
  const why = code !== "no_answer" && told && knows(told) ? t(told) : byCode();
  if (!seconds) return why;
  const wait = seconds > 90 ? n("Try again in {count} minute.", "Try again in {count} minutes.", Math.ceil(seconds / 60)) : n("Try again in {count} second.", "Try again in {count} seconds.", Math.ceil(seconds));
  return `${why} ${wait}`;
}

/** @param {number} seconds @returns {string} 0:58 */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {number} seconds @returns {string} */
export const duration = (seconds) => (seconds < 90 ? n("{count} second", "{count} seconds", seconds) : n("{count} minute", "{count} minutes", Math.round(seconds / 60)));

/** A name inside a sentence that is plain text: isolated, as <bdi> does in elements. */
export const isolated = (name) => `\u2068${name}\u2069`;

const lang = document.documentElement.lang;
export const time = new Intl.DateTimeFormat(lang === "en" ? undefined : lang, { hour: "2-digit", minute: "2-digit" });
export const day = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long" });
