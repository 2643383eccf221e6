// The live page in a real browser: what a person would see on `/`, on each engine; what the page does by
// itself, whatever the engine, on one. The page's own EventSources are the clients under test.
//
//   ENGINES       which engines, by comma; default: all that the program was built with
//   BENCH_SERVER  the program; default: target/release/bench-server
//   CHROMIUM      the browser; default: /usr/bin/chromium

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";
import { PATIENCE, builtEngines, startServer } from "./bench-server.mjs";

const engines = process.env.ENGINES?.split(",") ?? builtEngines();

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// What a browser says while the server is down. That a stream was cut (an incomplete chunked
// encoding) is not among it: a server that ends sends the terminal chunk.
const OUTAGE = /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/;

let browser;

before(async () => {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: flags, timeout: PATIENCE });
});

after(() => browser?.close());

/** A page with what it complains of. */
async function openPage(t, look = {}) {
  const context = await browser.newContext(look);
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}

/** Waits until the text of an element equals `text`. */
function shows(page, selector, text) {
  const equal = ([selector, text]) => document.querySelector(selector).textContent === text;
  return page.waitForFunction(equal, [selector, text]);
}

/** Waits until the figure in an element is greater than `number`, and returns it. */
async function exceeds(page, selector, number) {
  const greater = ([selector, number]) => {
    const { dataset, textContent } = document.querySelector(selector);
    const shown = Number(dataset.value ?? textContent);
    return shown > number ? shown : false;
  };
  const shown = await page.waitForFunction(greater, [selector, number]);
  return shown.jsonValue();
}

/** The texts of a table's cells, row by row. */
function cells(page, selector) {
  return page.$$eval(`${selector} tbody tr`, (rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
}

/** Hides the page from its user, or shows it again. */
function setHidden(page, hidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

/** Asks until it is so. */
async function eventually(what, so) {
  const until = Date.now() + PATIENCE;
  while (!(await so())) {
    assert.ok(Date.now() < until, `never came: ${what}`);
    await pause(20);
  }
}

/** A subscriber that takes nothing of what it is sent. */
async function subscribeAndNeverRead(port) {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  await once(socket, "connect");
  socket.write("GET /events HTTP/1.1\r\nHost: test\r\n\r\n");
  return socket;
}

for (const engine of engines) {
  test(`${engine}: the page is live, publishes, and comes back after a restart`, async (t) => {
    let server = await startServer(engine, 0, ["--rate", "20", "--workers", "2"]);
    t.after(() => server.kill());
    const { page, complaints } = await openPage(t);

    await page.goto(server.url);
    await shows(page, "#state", "live");
    await shows(page, "#engine", server.engine);
    const some = await exceeds(page, "#events", 0);
    await exceeds(page, "#events", some + 10);
    for (const figure of ["published", "delivered", "sent", "received", "requests"]) {
      await exceeds(page, `#${figure}-total`, 0);
    }
    await exceeds(page, "#published", 0);
    await exceeds(page, "#last-id", 0);
    await shows(page, "#subscribers", "1");
    await page.waitForSelector("#log li");
    assert.equal(await page.textContent("#reconnects"), "0");

    await t.test("every core has its row, and together they have the page's two streams", async () => {
      const streams = () => {
        const rows = [...document.querySelector("#cores tbody").rows];
        const sum = rows.reduce((sum, row) => sum + Number(row.cells[2].textContent), 0);
        return rows.length === 2 && sum === 2;
      };
      await page.waitForFunction(streams);
      assert.deepEqual((await cells(page, "#cores")).map(([core]) => core), ["0", "1"]);
      assert.equal(await page.locator("#cores tfoot tr").count(), 1);
      await page.waitForFunction(() => {
        const line = document.querySelector(".spark[data-of=published] .line");
        return line?.getAttribute("d").includes("L");
      });
    });

    await t.test("what is published through the form comes back in the list", async () => {
      const text = `<b>from the form</b> ✓ ${Math.random()}`;
      // Stops the list where the event is in it, so that ticks cannot push it out before it is read.
      await page.evaluate((text) => {
        const log = document.querySelector("#log");
        new MutationObserver((_, observer) => {
          const items = [...log.querySelectorAll("li")];
          const item = items.find((item) => item.querySelector(".data").textContent === text);
          if (!item) return;
          window.seen = item.querySelector(".id").textContent;
          observer.disconnect();
        }).observe(log, { childList: true });
      }, text);
      await page.fill("#publish-text", text);
      await page.press("#publish-text", "Enter");
      const id = await (await page.waitForFunction(() => window.seen)).jsonValue();
      await shows(page, "#publish-result", `published: 1 subscribers, id ${id}`);
      assert.equal(await page.locator("#log b").count(), 0, "data is text, never markup");
    });
    assert.deepEqual(complaints, []);

    await t.test("the page reconnects by itself after a restart on the same port", async () => {
      assert.equal(await server.stop(), 0);
      await shows(page, "#state", "reconnecting");
      const before = Number(await page.textContent("#events"));
      assert.match(await page.textContent("#away:visible"), /has been away since/);
      assert.match(await page.title(), /^away/);
      server = await startServer(engine, server.port, ["--rate", "20", "--workers", "3"]);
      await shows(page, "#state", "live");
      await page.waitForSelector("#away", { state: "hidden" });
      await shows(page, "#workers", "3");
      assert.equal((await cells(page, "#cores")).length, 3);
      await exceeds(page, "#reconnects", 0);
      await exceeds(page, "#events", before + 10);
      await shows(page, "#subscribers", "1");
      await shows(page, "#engine", server.engine);
    });
    const unexpected = complaints.filter((text) => !OUTAGE.test(text));
    assert.deepEqual(unexpected, []);

    await page.close();
    assert.equal(await server.stop(), 0);
  });
}

test("a page that nobody sees leaves the server alone, and comes back", async (t) => {
  const server = await startServer("std", 0, ["--rate", "0", "--workers", "1"]);
  t.after(() => server.kill());
  const streams = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^headwater_streams\{worker="0"\} (\d+)$/m.exec(text)[1]);
  };
  const { page, complaints } = await openPage(t);
  await page.goto(server.url);
  await shows(page, "#state", "live");
  assert.equal(await streams(), 2);
  const points = () => Object.values(curves).reduce((sum, curve) => sum + curve.length, 0);
  await page.waitForFunction(points);
  await setHidden(page, true);
  await shows(page, "#state", "paused");
  assert.equal(await page.evaluate(points), 0, "nothing is known of the time between");
  await eventually("the end of both streams", async () => (await streams()) === 0);
  await setHidden(page, false);
  await shows(page, "#state", "live");
  assert.equal(await page.textContent("#reconnects"), "0", "a pause is no reconnect");
  assert.deepEqual(complaints, []);
});

test("figures whose stream is cut are marked stale, though events go on", async (t) => {
  const server = await startServer("std", 0, ["--rate", "20", "--workers", "1"]);
  t.after(() => server.kill());
  const { page, complaints } = await openPage(t);
  await page.goto(server.url);
  await exceeds(page, "#delivered", 0);
  assert.equal(await page.locator("body.stale").count(), 0);
  await page.evaluate(() => {
    live.stop();
    showState();
  });
  await shows(page, "#state", "reconnecting");
  await page.waitForSelector("body.stale");
  assert.equal(await page.locator("#away:visible").count(), 0, "the server is there");
  await page.evaluate(() => live.start());
  await shows(page, "#state", "live");
  assert.equal(await page.locator("body.stale").count(), 0);
  assert.deepEqual(complaints, []);
});

test("who lags, what is dropped and the store are shown", async (t) => {
  const flags = ["--rate", "200", "--size", "10000", "--workers", "1"];
  const server = await startServer("std", 0, [...flags, "--slow-policy", "drop", "--replay", "ring:50"]);
  t.after(() => server.kill());
  const stuck = await subscribeAndNeverRead(server.port);
  t.after(() => stuck.destroy());
  const { page, complaints } = await openPage(t);
  await page.goto(server.url);
  await page.waitForSelector("#slowest tbody tr");
  const [[peer]] = await cells(page, "#slowest");
  assert.equal(peer, `127.0.0.1:${stuck.localPort}`);
  assert.equal(await page.locator("#nobody-lags:visible").count(), 0);
  await page.waitForSelector("#losses .bad >> text=dropped");
  // The page itself is up to date, the other is not.
  const behind = () => {
    const counts = [...document.querySelector("#lag tbody").rows].map((row) => Number(row.cells[2].textContent));
    return counts[0] === 1 && counts.slice(1).reduce((sum, count) => sum + count) === 1;
  };
  await page.waitForFunction(behind);
  await shows(page, "#store-kind", "ring");
  assert.equal(await page.locator("#no-store:visible").count(), 0);
  stuck.destroy();
  await page.waitForSelector("#nobody-lags", { state: "visible" });
  assert.deepEqual(complaints, []);
});

for (const colorScheme of ["light", "dark"]) {
  test(`nothing is wider than a phone, ${colorScheme}`, async (t) => {
    const server = await startServer("std", 0, ["--rate", "20", "--workers", "2"]);
    t.after(() => server.kill());
    const { page } = await openPage(t, { colorScheme, viewport: { width: 390, height: 844 } });
    await page.goto(server.url);
    await exceeds(page, "#delivered", 0);
    await page.waitForSelector("#log li");
    const widest = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(widest, 390);
  });
}
