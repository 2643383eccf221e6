// The rows of a file of events: what is sent, and what a client must make of it. Each row follows a marker, an
// event `case` with the row's name, so that what a client received falls into rows by itself.

import { readFileSync } from "node:fs";

/** A value, or `{"$repeat": [text, times]}` in place of one. */
function expand(value) {
  return value?.$repeat ? value.$repeat[0].repeat(value.$repeat[1]) : value;
}

function marker(row) {
  return row.send.event === "case" ? row.send.data : undefined;
}

/** The rows of a file, by name, and every event type in it. */
export function readRows(file) {
  const list = JSON.parse(readFileSync(file, "utf8"));
  const rows = new Map();
  const types = new Set(["message"]);
  let name;
  for (const row of list) {
    name = marker(row) ?? name;
    if (row.send.event !== undefined) types.add(expand(row.send.event));
    if (marker(row) !== undefined) continue;
    const expect = row.expect.map((event) => ({ ...event, data: expand(event.data) }));
    for (const event of expect) types.add(event.type);
    rows.set(name, expect);
  }
  return { rows, types: [...types] };
}

/** The names of the rows that a client got wrong; `received` is a list of `{type, data, id}`, ids as they stick. */
export function wrongRows(rows, received) {
  const got = new Map();
  let name;
  for (const event of received) {
    if (event.type === "case") {
      name = event.data;
      got.set(name, []);
    } else {
      got.get(name)?.push(event);
    }
  }
  if (!got.has("END")) throw new Error(`the stream ended after ${received.length} events, in ${name}`);
  const same = (event, expected) =>
    event.type === expected.type &&
    event.data === expected.data &&
    (expected.id === undefined || event.id === expected.id);
  const isRight = ([name, expect]) => {
    const events = got.get(name);
    return events?.length === expect.length && expect.every((row, at) => same(events[at], row));
  };
  return [...rows].filter((row) => !isRight(row)).map(([name]) => name);
}

/** What a client makes of decoded blocks (WHATWG HTML §9.2.6): ids stay, blocks without data are no events. */
export function dispatched(blocks) {
  let last = "";
  const events = [];
  for (const { event, data, id } of blocks) {
    if (id !== null && id !== undefined && !id.includes("\0")) last = id;
    if (data !== null && data !== undefined) events.push({ type: event || "message", data, id: last });
  }
  return events;
}
