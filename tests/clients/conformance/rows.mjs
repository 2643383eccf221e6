// The rows of a file of events: what is sent, and what a client must make of it. Each row follows a marker, an
// event `case` with the row's name, so that what a client received falls into rows by itself; the last marker is
// `END`. Knows nothing of how clients read.

import { readFileSync } from "node:fs";

/** A value, or `{"$repeat": [text, times]}` in place of one. */
function expand(value) {
  return value?.$repeat ? value.$repeat[0].repeat(value.$repeat[1]) : value;
}

/** Whether nothing follows this event. Runs in a browser, too, so it uses nothing from outside. */
export function isLast({ type, data }) {
  return type === "case" && data === "END";
}

/** The rows of a file, by name, and every type that an event may seem to have. */
export function readRows(file) {
  const rows = new Map();
  const types = new Set(["message"]);
  let name;
  for (const { send, expect } of JSON.parse(readFileSync(file, "utf8"))) {
    if (send.event !== undefined) {
      types.add(send.event);
      // What is left of one that was torn at a line break.
      types.add(send.event.split(/[\r\n]/)[0] || "message");
    }
    if (send.event === "case") {
      name = send.data;
      continue;
    }
    rows.set(name, expect.map((event) => ({ ...event, data: expand(event.data) })));
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
    } else if (name === undefined) {
      throw new Error(`before the first marker: an event ${event.type}`);
    } else {
      got.get(name).push(event);
    }
  }
  if (!received.some(isLast)) throw new Error(`the stream ended after ${received.length} events, in ${name}`);
  const same = (event, expected) =>
    event.type === expected.type &&
    event.data === expected.data &&
    (expected.id === undefined || event.id === expected.id);
  const isRight = ([name, expect]) => {
    const events = got.get(name);
    return events?.length === expect.length && expect.every((expected, at) => same(events[at], expected));
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
