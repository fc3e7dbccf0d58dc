/**
 * The light markdown of messages, as a tree: bold, italic, code, lists, quotes, links. There is no HTML in it: what is no
 * mark is text. No DOM here; `markup.js` builds the elements.
 *
 * Blocks: {type: "p" | "quote" | "code" | "ul" | "ol", …}; spans: string or {type: "strong" | "em" | "code" | "link", …}.
 */

const DEEPEST = 4;
const FENCE = /^```/;
const QUOTE = /^> ?/;
const BULLET = /^[-*•] +(?=\S)/;
const NUMBER = /^(\d{1,4})[.)] +(?=\S)/;
const LINK = /\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()<>]{1,1500})\)/y;
const ADDRESS = /https?:\/\/[^\s<>"'`]{1,1500}/y;
const BEFORE = /[\s([{<,;:«„“‘]/; // what an address or a mark may stand behind
const WORD = /[\p{L}\p{N}]/u;
const TRAILING = /[.,;:!?'"…»“”]/;

/** @param {string} text @returns {any[]} blocks */
export function parse(text, depth = 0) {
  const lines = text.split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = blockAt(lines, at, depth);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines, at, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return code(lines, at);
  if (QUOTE.test(line) && depth < DEEPEST) {
    const end = run(lines, at, (one) => QUOTE.test(one));
    const inner = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
    return [{ type: "quote", blocks: parse(inner.join("\n"), depth + 1) }, end];
  }
  for (const [type, mark] of [["ul", BULLET], ["ol", NUMBER]]) {
    if (!mark.test(line)) continue;
    const end = run(lines, at, (one) => mark.test(one));
    const items = lines.slice(at, end).map((one) => spans(one.replace(mark, "")));
    return [type === "ol" ? { type, start: Number(mark.exec(line)[1]), items } : { type, items }, end];
  }
  const end = run(lines, at + 1, isPlain);
  return [{ type: "p", spans: spans(lines.slice(at, end).join("\n")) }, end];
}

/** A fence without its end takes the rest: nobody loses lines by forgetting three marks. */
function code(lines, at) {
  let end = run(lines, at + 1, (one) => !FENCE.test(one));
  const text = lines.slice(at + 1, end).join("\n");
  if (lines[at].trim().length > 3 && lines[at].trim().endsWith("```") && lines[at].trim().length > 6) {
    return [{ type: "code", text: lines[at].trim().slice(3, -3) }, at + 1];
  }
  return [{ type: "code", text }, Math.min(end + 1, lines.length)];
}

function run(lines, at, belongs) {
  while (at < lines.length && belongs(lines[at])) at += 1;
  return at;
}

const isPlain = (line) => line.trim() !== "" && ![FENCE, QUOTE, BULLET, NUMBER].some((mark) => mark.test(line));

/** @param {string} text @returns {any[]} spans, strings being text */
export function spans(text, depth = 0) {
  const out = [];
  let plain = 0;
  for (let at = 0; at < text.length; ) {
    const found = spanAt(text, at, depth);
    if (!found) {
      at += 1;
      continue;
    }
    if (plain < at) out.push(text.slice(plain, at));
    out.push(found.span);
    plain = at = found.end;
  }
  if (plain < text.length) out.push(text.slice(plain));
  return out;
}

function spanAt(text, at, depth) {
  const char = text[at];
  if (char === "`") return inlineCode(text, at);
  if (char === "[") return link(text, at);
  if (char === "h") return address(text, at);
  if ((char === "*" || char === "_") && depth < DEEPEST) return emphasis(text, at, depth);
  return null;
}

function inlineCode(text, at) {
  const end = text.indexOf("`", at + 1);
  if (end <= at + 1 || text.slice(at, end).includes("\n")) return null;
  return { span: { type: "code", text: text.slice(at + 1, end) }, end: end + 1 };
}

function link(text, at) {
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  const href = found && safe(found[2]);
  return href ? { span: { type: "link", href, text: found[1] }, end: LINK.lastIndex } : null;
}

function address(text, at) {
  if (at > 0 && !BEFORE.test(text[at - 1])) return null;
  ADDRESS.lastIndex = at;
  const found = ADDRESS.exec(text);
  if (!found) return null;
  const shown = withoutEnd(found[0]);
  const href = safe(shown);
  return href ? { span: { type: "link", href, text: shown }, end: at + shown.length } : null;
}

/** An address ends before the sentence does, and before the bracket that it stands in. */
function withoutEnd(text) {
  let open = text.split("(").length - text.split(")").length;
  let end = text.length;
  for (;;) {
    if (TRAILING.test(text[end - 1])) end -= 1;
    else if (text[end - 1] === ")" && open < 0) (end -= 1), (open += 1);
    else return text.slice(0, end);
  }
}

/** Marks inside a word or beside a space are no marks: 7*7, snake_case, 2 * 3. */
function emphasis(text, at, depth) {
  const mark = text[at + 1] === text[at] ? text[at].repeat(2) : text[at];
  const start = at + mark.length;
  if ((at > 0 && WORD.test(text[at - 1])) || !text[start] || /[\s*_]/.test(text[start])) return null;
  for (let end = text.indexOf(mark, start + 1); end > 0 && end - start < 1000; end = text.indexOf(mark, end + 1)) {
    const after = text[end + mark.length] ?? " ";
    if (/\s/.test(text[end - 1]) || WORD.test(after) || after === text[at] || text[end - 1] === text[at]) continue;
    const inner = text.slice(start, end);
    if (inner.includes("\n\n")) return null;
    return { span: { type: mark.length === 2 ? "strong" : "em", spans: spans(inner, depth + 1) }, end: end + mark.length };
  }
  return null;
}

/** @returns {string | null} only what a browser opens as a web page */
function safe(text) {
  try {
    const { protocol, href, username, password } = new URL(text);
    return ["http:", "https:"].includes(protocol) && !username && !password ? href : null;
  } catch {
    return null;
  }
}
