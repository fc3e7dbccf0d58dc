/** Lists that come in pages. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { whole } from "../../../chatapp/static/client/lists.js";

const PAGES = { "": [["a", "b"], "a b&"], "a b&": [["c"], "third"], third: [["d"], null] };

function school({ fails = null } = {}) {
  const asked = [];
  const get = async (list) => {
    const { pathname, searchParams } = new URL(list, "http://school");
    const cursor = searchParams.get("cursor") ?? "";
    asked.push(`${pathname} ${cursor}`);
    const [items, next_cursor] = PAGES[cursor];
    return cursor === fails ? { ok: false } : { ok: true, body: { items, next_cursor } };
  };
  return { asked, get };
}

test("a list comes to its end, however many pages it has", async () => {
  const { asked, get } = school();
  assert.deepEqual(await whole(get, "bans/?"), ["a", "b", "c", "d"]);
  assert.deepEqual(asked, ["/bans/ ", "/bans/ a b&", "/bans/ third"]);
});

test("half a list is none", async () => {
  assert.equal(await whole(school({ fails: "third" }).get, "bans/?"), null);
});
