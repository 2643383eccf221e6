// Every event of a file through a real server to real clients, on each engine: what arrives must be what was
// meant, or, where it cannot be represented, nothing.
//
//   EVENTS       the file: see `examples/conformance.rs`, and beside `send` an `expect` for each
//   ENGINES      which engines, by comma; default: all
//   CONFORMANCE  the program; default: target/release/examples/conformance

import assert from "node:assert/strict";
import { test } from "node:test";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawnServer } from "../bench-server.mjs";
import { clients } from "./clients.mjs";
import { readRows, wrongRows } from "./rows.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = process.env.CONFORMANCE ?? path.join(root, "target/release/examples/conformance");
const engines = process.env.ENGINES?.split(",") ?? ["io_uring", "epoll", "std"];
const file = process.env.EVENTS;
assert.ok(file, "EVENTS names no file");

const { rows, types } = readRows(file);

for (const engine of engines) {
  test(`what is sent is what arrives, on ${engine}`, async (t) => {
    const server = await spawnServer(program, ["--engine", engine, "--addr", "127.0.0.1:0", "--events", file]);
    t.after(server.kill);
    for (const [name, { read, wrong }] of Object.entries(clients)) {
      await t.test(name, async () => {
        const received = await read(`${server.url}/sse`, types);
        const found = wrongRows(rows, received);
        console.log(`${engine}, ${name}: ${rows.size - found.length} of ${rows.size}; wrong: ${found}`);
        assert.deepEqual(found, wrong);
      });
    }
    assert.equal(await server.stop(), 0);
  });
}
