/** What a notification says. Names and titles are isolated. Where it is shown is `news.js`. */

import { called, name } from "./dom.js";
import { parts, t } from "./texts.js";

const SAID = {
  join_request_created: ({ user, title }) => parts("{name} asks to join {title}.", { name: called(user), title: name(title) }),
  join_request_approved: ({ title }) => parts("You were let into {title}.", { title: name(title) }),
  join_request_denied: ({ title }) => parts("You were not let into {title} this time.", { title: name(title) }),
  participant_removed: ({ title }) => parts("You were removed from {title}.", { title: name(title) }),
  room_closed: ({ title }) => parts("The class in {title} has ended.", { title: name(title) }),
  // Older ones are stored without the title.
  mention: ({ by, title }) => (title ? parts("{name} mentioned you in {title}.", { name: called(by), title: name(title) }) : parts("{name} mentioned you.", { name: called(by) })),
};

/** @param {string} kind @param {Record<string, any>} data @returns {(Node | string)[]} */
export function told(kind, data) {
  return (SAID[kind] ?? (() => [t("Something happened in one of your rooms.")]))(data);
}
