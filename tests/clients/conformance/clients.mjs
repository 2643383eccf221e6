// Clients that others wrote. Each reads one stream to its last marker, in its own way, and makes of it a list of
// `{type, data, id}`. What that list should be is in `rows`.

import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EventSource as NpmEventSource } from "eventsource";
import NpmEventSource2 from "eventsource-2";
import { EventSource as UndiciEventSource } from "undici";
import { dispatched, isLast } from "./rows.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

/** More than a whole stream as a program prints it. */
const OUTPUT_BYTES = 1 << 28;

function collect(EventSource, url, types) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(url);
    const events = [];
    const take = ({ type, data, lastEventId: id }) => {
      const event = { type, data, id };
      events.push(event);
      if (isLast(event)) {
        source.close();
        resolve(events);
      }
    };
    for (const type of types) source.addEventListener(type, take);
    source.onerror = (error) => {
      source.close();
      reject(new Error(`cut after ${events.length} events: ${error.message ?? error.type}`));
    };
  });
}

async function inChromium(url, types, browser) {
  const page = await browser.newPage();
  // Any page of the same origin.
  await page.goto(new URL("/", url).href);
  const script = `const isLast = ${isLast}; (${collect})(EventSource, ${JSON.stringify(url)}, ${JSON.stringify(types)})`;
  const events = await page.evaluate(script);
  await page.close();
  return events;
}

/** What a program prints: one JSON object a line. */
async function lines(program, args) {
  const { stdout } = await run(program, args, { maxBuffer: OUTPUT_BYTES });
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

async function httpxSse(url) {
  const python = process.env.PYTHON ?? "python3";
  const events = await lines(python, [path.join(here, "httpx_sse_client.py"), url]);
  return events.map(({ event, data, id }) => ({ type: event, data, id }));
}

async function sseStream(url) {
  const program = process.env.SSE_STREAM ?? path.join(here, "sse-stream/target/release/sse-stream-client");
  return dispatched(await lines(program, [url]));
}

/** By name: how to read, and the rows that the client is known to get wrong by itself. */
export const clients = {
  "Chromium EventSource": { read: inChromium, wrong: [] },
  "npm eventsource 3": {
    read: (url, types) => collect(NpmEventSource, url, types),
    // It sends the last id back, but tells listeners only the id of the event's own block.
    wrong: ["id-sticky", "id-nul", "after-id-only"],
  },
  "npm eventsource 2": { read: (url, types) => collect(NpmEventSource2, url, types), wrong: [] },
  "npm undici 6": {
    read: (url, types) => collect(UndiciEventSource, url, types),
    // An empty id does not reset the last one; undici 7 has that right.
    wrong: ["id-empty"],
  },
  // Blocks without data are events to it.
  "PyPI httpx-sse": { read: httpxSse, wrong: ["id-only", "retry-only", "event-only"] },
  "crate sse-stream": { read: sseStream, wrong: [] },
};
