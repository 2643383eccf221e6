// What the server says of itself: a snapshot of its counts a second. Rates are the difference of two, by the
// server's clock.

const SECONDS = 90; // width of the curves
const GAP_MS = 5000; // snapshots further apart are a new beginning

const curves = { published: [], delivered: [], subscribers: [], sent: [], received: [], requests: [] };
let last; // the snapshot before

const sum = (workers, name) => workers.reduce((all, worker) => all + worker[name], 0);

/** Counts of all workers and the broker that only grow. */
function totals({ workers, broker }) {
  return {
    published: broker.published,
    delivered: sum(workers, "delivered"),
    sent: sum(workers, "sent_bytes"),
    received: sum(workers, "received_bytes"),
    requests: sum(workers, "requests"),
  };
}

/** Shows a snapshot; the first one after a pause or a restart has no rates. */
function showSnapshot(snapshot) {
  if (!snapshot.server) return;
  const apart = last && snapshot.at_ms - last.at_ms;
  const follows = last && last.server.started_ms === snapshot.server.started_ms
    && last.workers.length === snapshot.workers.length && apart > 0 && apart < GAP_MS;
  const before = follows ? last : undefined;
  last = snapshot;
  const each = (now, then) => (then === undefined ? undefined : (now - then) * 1000 / apart);
  showServer(snapshot);
  showTiles(snapshot, before, each);
  showCores(snapshot.workers, before?.workers, each);
  showLag(snapshot.broker, snapshot.slowest);
  showLosses(snapshot);
  showStore(snapshot.store);
}

/** After a pause nothing is known of the time between. */
function forgetRates() {
  last = undefined;
  for (const curve of Object.values(curves)) curve.length = 0;
}

function showServer({ server, workers, at_ms }) {
  put("engine", server.engine);
  put("workers", workers.length);
  put("version", server.version);
  put("uptime", duration((at_ms - server.started_ms) / 1000));
  put("why", server.why);
}

function showTiles(snapshot, before, each) {
  const now = totals(snapshot), then = before && totals(before);
  for (const [name, total] of Object.entries(now)) {
    const inBytes = name === "sent" || name === "received";
    put(`${name}-total`, inBytes ? bytes(total) : count(total), total);
    const speed = each(total, then?.[name]);
    if (speed === undefined) continue;
    put(name, inBytes ? bytes(speed) : rate(speed), speed);
    push(name, speed);
  }
  const { subscribers } = snapshot.broker;
  put("subscribers", count(subscribers), subscribers);
  put("connections", count(sum(snapshot.workers, "connections")));
  put("pages", snapshot.pages > 1 ? ` · ${count(snapshot.pages)} pages` : "");
  push("subscribers", subscribers);
  for (const svg of document.querySelectorAll(".spark")) draw(svg, curves[svg.dataset.of], SECONDS);
  const speed = byId("published").textContent;
  document.title = `${speed} events/s · headwater`;
}

function push(name, value) {
  const curve = curves[name];
  curve.push(value);
  if (curve.length > SECONDS) curve.shift();
}

function showCores(workers, before, each) {
  const most = Math.max(1, ...workers.map((worker) => worker.streams));
  const row = (name, now, then, bar) => {
    const speed = (of, text) => {
      const many = each(now[of], then?.[of]);
      return many === undefined ? "–" : text(many);
    };
    const events = then && now.delivered - then.delivered, sends = then && now.sends - then.sends;
    return { cells: [
      { tag: "th", text: name },
      { text: count(now.connections) },
      { text: count(now.streams) },
      { bar, name: "bar-column" },
      { text: speed("delivered", rate) },
      { text: speed("sent_bytes", bytes) },
      { text: speed("received_bytes", bytes) },
      { text: speed("requests", rate), name: "wide" },
      { text: sends ? (events / sends).toFixed(1) : "–", name: "wide" },
      { text: bytes(now.owed_bytes), name: "wide" },
    ] };
  };
  const [body] = byId("cores").tBodies;
  fill(body, workers.map((now, at) => row(String(at), now, before?.[at], now.streams / most)));
  const all = (of) => of && Object.fromEntries(Object.keys(of[0]).map((name) => [name, sum(of, name)]));
  fill(byId("cores").tFoot, workers.length > 1 ? [row("all", all(workers), all(before), 0)] : []);
}

function showLag({ lag, lagging }, slowest) {
  const { up_to_events: bounds, subscribers } = lag;
  const longest = Math.log(1 + Math.max(1, ...subscribers));
  const name = (at) => {
    if (at === 0) return "up to date";
    return at < bounds.length ? `up to ${count(bounds[at])}` : `over ${count(bounds.at(-1))}`;
  };
  const level = (at) => (at === 0 ? "" : at < 4 ? "some" : "much");
  fill(byId("lag").tBodies[0], subscribers.map((many, at) => ({
    name: many ? "" : "none",
    cells: [
      { tag: "th", text: name(at) },
      { bar: Math.log(1 + many) / longest, level: level(at) },
      { text: count(many) },
    ],
  })));
  put("lagging", lagging ? `${count(lagging)} lag` : "", lagging);
  byId("slowest").hidden = !slowest.length;
  byId("nobody-lags").hidden = slowest.length > 0;
  fill(byId("slowest").tBodies[0], slowest.map((who) => ({ cells: [
    { text: who.peer ?? "unknown" },
    { text: count(who.behind) },
    { text: bytes(who.owed_bytes) },
    { text: duration(who.seconds) },
  ] })));
}

function showLosses({ broker, workers }) {
  const bad = (name, number) => ({ name, text: count(number), bad: number > 0 });
  const figures = [
    bad("dropped", broker.dropped),
    { name: "owed now", text: bytes(sum(workers, "owed_bytes")) },
    bad("requests refused", sum(workers, "refused")),
    { name: "waiting for a core", text: count(broker.backlog) },
    bad("handler panics", sum(workers, "handler_panics")),
    bad("accept failures", sum(workers, "accept_failures")),
    bad("slow handlers", sum(workers, "slow_handlers")),
    bad("closed for room", sum(workers, "closed_for_room")),
    bad("late handlers", sum(workers, "late_handlers")),
    bad("failed bodies", sum(workers, "failed_bodies")),
  ];
  list(byId("losses"), figures);
  put("losses-note", figures.some(({ bad }) => bad) ? "" : "all is well");
}

function showStore(store) {
  byId("no-store").hidden = Boolean(store);
  put("store-kind", store ? store.kind : "");
  const figure = (name, of) => ({ name, text: count(store[of]) });
  const bad = (name, of) => ({ name, text: count(store[of]), bad: store[of] > 0 });
  list(byId("store"), !store ? [] : [
    figure("stored", "stored"),
    figure("waiting", "waiting"),
    figure("replayed", "replayed"),
    bad("refused", "refused"),
    bad("sent without id", "without_id"),
    bad("lost", "lost"),
    bad("passed over", "passed_over"),
    bad("read failures", "read_failures"),
  ]);
}
