// A bench server of a test's own: started, awaited by its ready line, and never left behind.
// Knows nothing of browsers.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The program, `target/release/bench-server` unless `BENCH_SERVER` names another. */
const program = process.env.BENCH_SERVER ?? path.join(root, "target/release/bench-server");

/** How long anything may take that should happen soon, in milliseconds. Only failures take that long. */
export const PATIENCE = 60_000;

// The reason for the engine may follow.
const READY = /^listening on (http:\/\/\S+:(\d+)) engine=(\S+) workers=(\d+)(?: \(.*\))?$/;

/** Waits for `promise`, and fails with `what` after the patience. */
export async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never came: ${what}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The engines that the program was built with. */
export function builtEngines() {
  return execFileSync(program, ["--list-engines"], { encoding: "utf8" }).trim().split("\n");
}

/** Starts a server with this engine; port 0 takes a free one. */
export function startServer(engine, port, flags = []) {
  return spawnServer(program, ["--engine", engine, "--addr", `127.0.0.1:${port}`, ...flags]);
}

/** Starts any server that says where it listens as the bench server does. */
export async function spawnServer(program, args) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  // Attached at once, so that an end before the ready line is not missed.
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const kill = () => child.exitCode ?? child.kill("SIGKILL");
  try {
    const lines = createInterface({ input: child.stdout });
    const ended = exited.then(({ code }) => {
      throw new Error(`${program} ended with code ${code}: ${errors}`);
    });
    const first = once(lines, "line").then(([line]) => line);
    const line = await within("the ready line", Promise.race([first, ended]));
    const [, url, took, runs] = READY.exec(line) ?? [];
    if (!url) throw new Error(`not a ready line: ${line}`);
    // From now on an end is nothing to complain of.
    ended.catch(() => {});
    return {
      url,
      port: Number(took),
      engine: runs,
      kill,
      /** Ends the server as a supervisor does; returns the exit code. */
      async stop() {
        child.kill("SIGTERM");
        const { code } = await within("the end of the server", exited);
        return code;
      },
    };
  } catch (error) {
    kill();
    throw error;
  }
}
