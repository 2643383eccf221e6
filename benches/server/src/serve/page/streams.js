// The two streams of the page: events and snapshots. The browser reconnects by itself; only when it gives up
// is a new EventSource made. A page that nobody sees has none, and costs nothing.

const RETRY_MS = [1000, 30000]; // shortest and longest pause before a new EventSource

/** A stream that is kept open while the page is seen. */
function stream(path, receive, changed) {
  let source, timer, retryMs = RETRY_MS[0];
  const self = { open: false, opened: 0, start, stop };
  function start() {
    if (source) return;
    source = new EventSource(path);
    source.onopen = () => {
      retryMs = RETRY_MS[0];
      self.open = true;
      self.opened += 1;
      changed();
    };
    source.onmessage = receive;
    source.onerror = () => {
      self.open = false;
      if (source.readyState === EventSource.CLOSED) {
        source = undefined;
        timer = setTimeout(start, retryMs * (0.5 + Math.random()));
        retryMs = Math.min(retryMs * 2, RETRY_MS[1]);
      }
      changed();
    };
  }
  function stop() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
    self.open = false;
  }
  return self;
}

const events = stream("/events", showEvent, showState);
const live = stream("/live", (event) => showSnapshot(JSON.parse(event.data)), showState);
let away, pauses = 0;

function showState() {
  const up = events.open && live.open;
  const began = events.opened > 0;
  const state = document.hidden ? "paused" : up ? "live" : began ? "reconnecting" : "connecting";
  put("state", state);
  byId("state").dataset.state = state;
  put("reconnects", Math.max(0, events.opened - 1 - pauses));
  const cut = state === "reconnecting" && !events.open;
  // What is dimmed comes by the other stream.
  document.body.classList.toggle("stale", !document.hidden && live.opened > 0 && !live.open);
  byId("away").hidden = !cut;
  if (cut && !away) {
    away = new Date();
    put("away", `The server has been away since ${away.toTimeString().slice(0, 8)}. This page comes back by itself.`);
    document.title = "away · headwater";
  }
  if (!cut) away = undefined;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    // What comes back after a pause is no reconnect.
    pauses += events.open ? 1 : 0;
    events.stop();
    live.stop();
    forgetRates();
  } else {
    events.start();
    live.start();
  }
  showState();
});

if (!document.hidden) {
  events.start();
  live.start();
}
showState();
