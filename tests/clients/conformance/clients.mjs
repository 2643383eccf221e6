// Clients that read one stream to its last marker, each in its own way. All return a list of `{type, data, id}`.

import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { EventSource as NpmEventSource } from "eventsource";
import { EventSource as UndiciEventSource } from "undici";
import { dispatched } from "./rows.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

/** Reads with an EventSource; also runs in a browser, so it uses nothing from outside. */
function collect([EventSource, url, types]) {
  return new Promise((resolve, reject) => {
    const source = new (EventSource ?? globalThis.EventSource)(url);
    const events = [];
    const take = ({ type, data, lastEventId: id }) => {
      events.push({ type, data, id });
      if (type === "case" && data === "END") {
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

async function inChromium(url, types) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage();
    // Any page of the same origin.
    await page.goto(new URL("/", url).href);
    return await page.evaluate(collect, [null, url, types]);
  } finally {
    await browser.close();
  }
}

/** A program that prints one JSON object a line. */
async function lines(program, args) {
  const { stdout } = await run(program, args, { maxBuffer: 1 << 28 });
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

async function httpxSse(url) {
  const python = process.env.PYTHON ?? "python3";
  const events = await lines(python, [path.join(here, "httpx_sse_client.py"), url]);
  return events.map(({ event, data, id }) => ({ type: event, data, id }));
}

async function sseStream(url) {
  const program = path.join(here, "sse-stream/target/release/sse-stream-client");
  return dispatched(await lines(program, [url]));
}

/** By name: how to read, and the rows that the client is known to get wrong by itself. */
export const clients = {
  "Chromium EventSource": { read: inChromium, wrong: [] },
  "npm eventsource": {
    read: (url, types) => collect([NpmEventSource, url, types]),
    // It sends the last id back, but tells listeners only the id of the event's own block.
    wrong: ["id-sticky", "id-nul", "after-id-only"],
  },
  "npm undici": { read: (url, types) => collect([UndiciEventSource, url, types]), wrong: [] },
  // It takes blocks without data for events.
  "PyPI httpx-sse": { read: httpxSse, wrong: ["id-only", "retry-only", "event-only"] },
  "crate sse-stream": { read: sseStream, wrong: [] },
};
