import assert from "node:assert/strict";
import { test } from "node:test";

import { parse, spans } from "../../../chatapp/static/view/markdown.js";

const line = (text) => parse(text)[0].spans;

for (const [text, expected] of [
  ["plain", ["plain"]],
  ["**bold** and *soft* and _soft_", [{ type: "strong", spans: ["bold"] }, " and ", { type: "em", spans: ["soft"] }, " and ", { type: "em", spans: ["soft"] }]],
  ["**a *b* c**", [{ type: "strong", spans: ["a ", { type: "em", spans: ["b"] }, " c"] }]],
  ["7*7 is 49, 2 * 3 * 4, snake_case_name, **", ["7*7 is 49, 2 * 3 * 4, snake_case_name, **"]],
  ["`x*y*` is code", [{ type: "code", text: "x*y*" }, " is code"]],
  ["a `b", ["a `b"]],
  ["{{7*7}} ${7*7} #{7*7}", ["{{7*7}} ${7*7} #{7*7}"]],
  ["see https://a.example/x_y_z?q=1.", ["see ", { type: "link", href: "https://a.example/x_y_z?q=1", text: "https://a.example/x_y_z?q=1" }, "."]],
  ["(https://a.example/a_(b))", ["(", { type: "link", href: "https://a.example/a_(b)", text: "https://a.example/a_(b)" }, ")"]],
  ["[the page](https://a.example)", [{ type: "link", href: "https://a.example/", text: "the page" }]],
  ["*мир* 😀*x*", [{ type: "em", spans: ["мир"] }, " 😀", { type: "em", spans: ["x"] }]],
]) test(`reads ${text}`, () => assert.deepEqual(line(text), expected));

for (const text of [
  "javascript:alert(1)",
  "[x](javascript:alert(1))",
  "[x](data:text/html,hi)",
  "<img src=http://evil.invalid/x onerror=alert(2)>",
  "https://",
  "http://user:secret@a.example/",
  "<script>alert(1)</script>",
]) test(`makes no link of ${text}`, () => assert.deepEqual(line(text), [text]));

test("reads lists, quotes and code", () => {
  assert.deepEqual(parse("Look:\n- one\n- *two*\n\n3. three\n4. four\n> said\n> twice\n```js\na < b\n\nc\n```\nend"), [
    { type: "p", spans: ["Look:"] },
    { type: "ul", items: [["one"], [{ type: "em", spans: ["two"] }]] },
    { type: "ol", start: 3, items: [["three"], ["four"]] },
    { type: "quote", blocks: [{ type: "p", spans: ["said\ntwice"] }] },
    { type: "code", text: "a < b\n\nc" },
    { type: "p", spans: ["end"] },
  ]);
});

test("a fence that is not closed takes the rest", () => assert.deepEqual(parse("```\na\nb"), [{ type: "code", text: "a\nb" }]));

test("strange texts cost no time", () => {
  for (const text of ["*a ".repeat(1333), "[".repeat(4000), "`".repeat(3999), "> ".repeat(2000), "**".repeat(2000), "_a".repeat(2000), "h".repeat(4000), "[a](http://".repeat(360), "*".repeat(4000), "https://a)".repeat(400), `https://a.example/${")".repeat(3900)}`]) {
    const began = process.cpuUsage();
    parse(text);
    assert.ok(process.cpuUsage(began).user < 100_000, text.slice(0, 20)); // microseconds; backtracking would take minutes
  }
});

test("every character of a paragraph is kept", () => {
  const flat = (given) => given.map((one) => (typeof one === "string" ? one : (one.text ?? flat(one.spans)))).join("");
  assert.equal(flat(spans("a *b* **c** `d` https://e.example f")), "a b c d https://e.example f");
});
