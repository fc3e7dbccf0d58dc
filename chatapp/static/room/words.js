/**
 * What system messages and states say, in words. Names stand apart, so that a page can isolate them. Transcripts and
 * exports say the same by `transports/system_lines.py`.
 */

import { name } from "../view/dom.js";
import { parts, t } from "../view/texts.js";

const ENDINGS = {
  host_closed: () => t("The class has ended."),
  host_left: () => t("The teacher left, and the class has ended."),
  host_gone: () => t("The teacher did not come back, and the class has ended."),
  school_closed: () => t("The school has ended the class."),
};

const SYSTEM = {
  room_created: ({ user }) => parts("{name} opened the room.", who(user)),
  room_reopened: ({ user }) => parts("{name} opened the room again.", who(user)),
  room_closed: ({ reason }) => [(ENDINGS[reason] ?? ENDINGS.host_closed)()],
  participant_joined: ({ user }) => parts("{name} joined.", who(user)),
  participant_left: ({ user }) => parts("{name} left.", who(user)),
  participant_removed: ({ user }) => parts("{name} was removed.", who(user)),
  host_away: ({ user }) => parts("{name} lost the connection.", who(user)),
  host_back: ({ user }) => parts("{name} is back.", who(user)),
};

/** Why a connection is not coming back. */
export const STOPPED = {
  removed: () => t("You were disconnected. Load the page again."),
  too_many: () => t("chatapp is open in too many places. Close one of them, then load this page again."),
  bad_packet: () => t("This page and the server do not understand each other. Load the page again."),
};

/** @param {string} code @param {Record<string, any>} params @returns {(Node | string)[]} */
export function system(code, params) {
  return (SYSTEM[code] ?? (() => [t("Something happened that this page has no words for ({code}).", { code })]))(params);
}

const who = (user) => ({ name: name(user?.display_name ?? t("Somebody")) });
