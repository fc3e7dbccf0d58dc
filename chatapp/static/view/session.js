/** The page's one connection, shared by whatever on the page is live. */

import { Access } from "../client/access.js";
import { Connection } from "../client/connection.js";
import { Notices } from "../client/notices.js";
import { find } from "./dom.js";

export const access = new Access({ csrfToken: find('meta[name="csrf-token"]').content });
export const connection = new Connection(access);
export const notices = new Notices(connection);
export const myId = document.body.dataset.myId;
