// The live page in a real browser: what a person would see on `/`, on each engine. The page's own
// EventSource is the client under test; nothing here speaks to the stream directly.
//
//   ENGINES       which engines, by comma; default: all that the program was built with
//   BENCH_SERVER  the program; default: target/release/bench-server
//   CHROMIUM      the browser; default: /usr/bin/chromium

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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
async function openPage(t) {
  const context = await browser.newContext();
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

/** Waits until the number in an element is greater than `number`, and returns it. */
async function exceeds(page, selector, number) {
  const greater = ([selector, number]) => {
    const shown = Number(document.querySelector(selector).textContent);
    return shown > number ? shown : false;
  };
  const shown = await page.waitForFunction(greater, [selector, number]);
  return shown.jsonValue();
}

for (const engine of engines) {
  test(`${engine}: the page is live, publishes, and comes back after a restart`, async (t) => {
    let server = await startServer(engine, 0, ["--rate", "20"]);
    t.after(() => server.kill());
    const { page, complaints } = await openPage(t);

    await page.goto(server.url);
    await shows(page, "#state", "live");
    await shows(page, "#engine", server.engine);
    const some = await exceeds(page, "#events", 0);
    await exceeds(page, "#events", some + 10);
    await exceeds(page, "#rate", 0);
    await exceeds(page, "#last-id", 0);
    await shows(page, "#subscribers", "1");
    await page.waitForSelector("#log li");
    assert.equal(await page.textContent("#reconnects"), "0");

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
      server = await startServer(engine, server.port, ["--rate", "20"]);
      await shows(page, "#state", "live");
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
