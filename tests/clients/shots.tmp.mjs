import { chromium } from "playwright-core";
import net from "node:net";
import { startServer } from "./bench-server.mjs";
const [engine = "epoll", busy = "1"] = process.argv.slice(2);
const server = await startServer(engine, 0, ["--rate", "50", "--workers", "2", "--size", "2000", ...(busy === "1" ? ["--replay", "ring:500", "--slow-policy", "drop"] : ["--rate", "1"])].filter((_, i, a) => !(busy !== "1" && i < 2)));
const socks = [];
const open = (read) => new Promise((ok) => { const s = net.connect(server.port, "127.0.0.1", () => { s.write("GET /events HTTP/1.1\r\nHost: t\r\n\r\n"); if (read) s.resume(); else s.pause(); ok(s); }); s.on("error", () => {}); socks.push(s); });
if (busy === "1") { for (let i = 0; i < 60; i++) await open(true); for (let i = 0; i < 7; i++) await open(false); }
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu"] });
const pages = [];
for (const scheme of ["light", "dark"]) for (const [w, h] of [[1280, 900], [390, 844]]) {
  const ctx = await browser.newContext({ colorScheme: scheme, viewport: { width: w, height: h } });
  const page = await ctx.newPage();
  page.on("console", (m) => console.log(m.type(), m.text()));
  page.on("pageerror", (e) => console.log("ERR", e));
  await page.goto(server.url);
  pages.push([page, `${scheme}-${w}`]);
}
const wait = Number(process.env.WAIT ?? 20000);
for (let t = 0; t < wait; t += 500) { if (busy === "1") { for (let i = 0; i < 3; i++) fetch(server.url + "/plaintext").then((r) => r.text()).catch(() => {}); } await new Promise((r) => setTimeout(r, 500)); }
for (const [page, name] of pages) {
  const over = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  console.log(name, over);
  await page.screenshot({ path: `/tmp/live9-shots/${process.env.TAG ?? "a"}-${name}.png`, fullPage: true });
}
if (process.env.AWAY) {
  await server.stop();
  await new Promise((r) => setTimeout(r, 3000));
  for (const [page, name] of pages) await page.screenshot({ path: `/tmp/live9-shots/away-${name}.png`, fullPage: false });
}
for (const s of socks) s.destroy();
await browser.close();
server.kill();
process.exit(0);
