// Every event of a file through a real server to real clients, all at once, on each engine: what arrives must be
// what was meant, or, where it cannot be represented, nothing.
//
//   EVENTS       the file: see `examples/conformance.rs`, and beside `send` an `expect` for each; `none` where
//                there is no such file, and nothing is to be tested
//   ENGINES      which engines, by comma; default: all
//   CONFORMANCE  the program; default: target/release/examples/conformance
//   PYTHON       one that has httpx-sse; default: python3
//   SSE_STREAM   the program in sse-stream/; default: where cargo puts it
//   CHROMIUM     the browser; default: /usr/bin/chromium

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { PATIENCE, spawnServer, within } from "../bench-server.mjs";
import { clients } from "./clients.mjs";
import { readRows, wrongRows } from "./rows.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = process.env.CONFORMANCE ?? path.join(root, "target/release/examples/conformance");
const engines = process.env.ENGINES?.split(",") ?? ["io_uring", "epoll", "std"];
const file = process.env.EVENTS;

let browser;

async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
  browser = await chromium.launch({ executablePath, args, timeout: PATIENCE });
}

/** Lets all clients read from a server with this engine. */
async function compare(t, engine, { rows, types }) {
  const server = await spawnServer(program, ["--engine", engine, "--addr", "127.0.0.1:0", "--events", file]);
  t.after(server.kill);
  const score = async ([name, { read, wrong }]) => {
    const received = await within("the end of the stream", read(`${server.url}/sse`, types, browser));
    const found = wrongRows(rows, received);
    const known = wrong.length ? `; known to get wrong by itself: ${wrong.join(", ")}` : "";
    console.log(`${engine}, ${name}: ${rows.size - found.length} of ${rows.size}${known}`);
    assert.deepEqual(found, wrong);
  };
  await Promise.all(Object.entries(clients).map((client) => t.test(client[0], () => score(client))));
  assert.equal(await server.stop(), 0);
}

if (file === "none") {
  console.log("EVENTS=none: no events at hand, nothing is tested");
} else {
  assert.ok(file && existsSync(file), `no events at hand: EVENTS is ${file ?? "not set"}`);
  const meant = readRows(file);
  assert.ok(meant.rows.size > 0, `no rows in ${file}`);
  before(openBrowser);
  after(() => browser?.close());
  for (const engine of engines) {
    const name = `what is sent is what arrives, on ${engine}`;
    test(name, { concurrency: true }, (t) => compare(t, engine, meant));
  }
}
