/** What the news say, of the notifications that a server really sends. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { textOf } from "./page.js";

const { told } = await import("../../../chatapp/static/view/told.js");
const recorded = JSON.parse(readFileSync(new URL("../../../chatapp/contract/examples/sockets.json", import.meta.url)));
const notifications = recorded.filter(({ name, kind }) => kind === "event" && name === "notification").map(({ data }) => data);
const said = (kind, data) => textOf(told(kind, data));

test("every kind of notification says in which room, and nothing that is not there", () => {
  for (const { kind, data } of notifications) {
    const text = said(kind, data);
    assert.ok(text.includes(data.title), `${kind}: ${text}`);
    assert.doesNotMatch(text, /undefined|null|\?|[{}]/);
  }
  assert.equal(new Set(notifications.map(({ kind, data }) => said(kind, { ...data, title: "" }))).size, 6);
});

test("whoever asks or calls is named", () => {
  for (const kind of ["join_request_created", "mention"]) {
    const { data } = notifications.find((each) => each.kind === kind);
    assert.ok(said(kind, data).startsWith((data.user ?? data.by).display_name));
  }
});

test("a mention of older days has no title, and reads well", () => {
  const { data } = notifications.find(({ kind }) => kind === "mention");
  assert.equal(said("mention", { ...data, title: undefined }), `${data.by.display_name} mentioned you.`);
});

test("what this page does not know yet is said without details", () => {
  assert.equal(said("made_later", {}), "Something happened in one of your rooms.");
});
