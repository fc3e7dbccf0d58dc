/** What is said of files: their size, their kind, and why one was not taken. */

import { refusal } from "../view/said.js";
import { t } from "../view/texts.js";

const STEPS = [["megabyte", 1024 * 1024], ["kilobyte", 1024], ["byte", 1]];
const lang = document.documentElement.lang;

/** @param {number} bytes @returns {string} */
export function sizeOf(bytes) {
  const [unit, step] = STEPS.find(([, step]) => bytes >= step) ?? STEPS.at(-1);
  const digits = unit === "megabyte" && bytes < 10 * step ? 1 : 0;
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: digits }).format(bytes / step);
}

/** @param {string} mediaType @returns {"image" | "audio" | "video" | "file"} what a browser can do with it */
export function familyOf(mediaType) {
  const [family] = mediaType.split("/");
  return ["image", "audio", "video"].includes(family) ? /** @type {any} */ (family) : "file";
}

/** Whether the same file would be refused again. @param {{code: string}} error */
export const isFinal = ({ code }) => ["unsupported_media_type", "content_rejected"].includes(code);

/** @param {{code: string, message?: string, retry_after?: number}} error @param {number} maxBytes @returns {string} */
export function whyNot(error, maxBytes) {
  const byCode = {
    too_large: () => t("A file has at most {size}, and there is a limit for all files together.", { size: sizeOf(maxBytes) }),
    unsupported_media_type: () => t("Files of this kind cannot be sent here. Pictures, PDF, office files, text, sound and video can."),
    content_rejected: () => t("The virus scanner did not let it in."),
    not_found: () => t("You are not in this room any more."),
  };
  return byCode[error.code]?.() ?? refusal(error);
}
