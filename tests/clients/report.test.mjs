// The report of `bench-server compare` in a real browser, at the widths of a desk and a phone, light, dark
// and on paper. The pages are the samples that `cargo test -p bench-server` leaves behind.
//
//   REPORTS    their directory; default: target/compare-samples
//   CHROMIUM   the browser; default: /usr/bin/chromium

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { PATIENCE } from "./bench-server.mjs";

const reports = process.env.REPORTS ?? fileURLToPath(new URL("../../target/compare-samples", import.meta.url));

const SCREENS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

let browser;

before(async () => {
  assert.ok(existsSync(`${reports}/full.html`), `no reports in ${reports}: run cargo test -p bench-server first`);
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath, args, timeout: PATIENCE });
});

after(() => browser?.close());

/** A report, with what its page asked for or complained of. */
async function open(t, name, options) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const address = pathToFileURL(`${reports}/${name}.html`).href;
  const heard = [];
  page.on("console", (message) => heard.push(message.text()));
  page.on("pageerror", (error) => heard.push(String(error)));
  page.on("dialog", (dialog) => {
    heard.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== address) heard.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  return { page, heard };
}

/** Red, green and blue of the page's background. */
const background = (page) =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));

for (const name of ["full", "empty"]) {
  for (const viewport of SCREENS) {
    test(`${name}: loads nothing and needs no sideways scrolling at ${viewport.width} pixels`, async (t) => {
      const { page, heard } = await open(t, name, { viewport });
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.equal(beyond, 0);
      assert.deepEqual(heard, []);
    });
  }

  test(`${name}: the three answers are on the first screen`, async (t) => {
    const { page } = await open(t, name, { viewport: SCREENS[0] });
    const answers = await page.$$eval(".answers article", (cards) =>
      cards.map((card) => ({
        question: card.querySelector("h2").textContent,
        bottom: card.getBoundingClientRect().bottom,
      })),
    );
    assert.deepEqual(
      answers.map((answer) => answer.question),
      ["Which engine for me?", "What does a core carry?", "What does a subscriber cost?"],
    );
    for (const answer of answers) assert.ok(answer.bottom <= SCREENS[0].height, JSON.stringify(answer));
  });
}

test("no word of a plot is cut off", async (t) => {
  for (const viewport of SCREENS) {
    const { page } = await open(t, "full", { viewport });
    const texts = await page.$$eval("svg text", (texts) =>
      texts.map((text) => {
        const [inner, outer] = [text, text.ownerSVGElement].map((element) => element.getBoundingClientRect());
        const fits = inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.bottom <= outer.bottom + 1;
        return { text: text.textContent, fits };
      }),
    );
    assert.ok(texts.length > 100, `${texts.length} texts`);
    assert.deepEqual(texts.filter((text) => !text.fits), []);
  }
});

test("it is dark where dark is preferred, and never on paper", async (t) => {
  const { page } = await open(t, "full", { colorScheme: "light" });
  assert.ok(Math.min(...(await background(page))) > 200);
  await page.emulateMedia({ colorScheme: "dark" });
  assert.ok(Math.max(...(await background(page))) < 60);
  await page.emulateMedia({ colorScheme: "dark", media: "print" });
  const [ink, panel] = await page.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    return [style.getPropertyValue("--ink"), style.getPropertyValue("--panel")];
  });
  assert.deepEqual([ink, panel], ["#14262c", "#ffffff"]);
});

test("the tables fit a sheet of A4", async (t) => {
  const { page } = await open(t, "full", { viewport: { width: 703, height: 1032 } });
  await page.emulateMedia({ media: "print" });
  const widths = await page.$$eval("table", (tables) => tables.map((table) => table.scrollWidth));
  assert.ok(widths.length === 8 && Math.max(...widths) <= 703, widths.join(" "));
});
