// The latest events as this browser receives them, and one of its own.

const SHOWN = 50;      // events in the list
const RENDER_MS = 200; // a fast stream must not redraw for each event

let received = 0, lastId = "", fresh = [], paused = false;

function showEvent(event) {
  received += 1;
  lastId = event.lastEventId;
  fresh.push({ at: new Date(), id: event.lastEventId, data: event.data });
  if (fresh.length > SHOWN) fresh.shift();
}

function item({ at, id, data }) {
  const node = document.createElement("li");
  const clock = at.toTimeString().slice(0, 8) + "." + String(at.getMilliseconds()).padStart(3, "0");
  const time = element("time", clock), text = element("span", data.slice(0, 500), "data");
  time.dateTime = at.toISOString();
  text.title = text.textContent;
  node.append(time, element("span", id, "id"), text);
  return node;
}

setInterval(() => {
  put("events", count(received), received);
  put("last-id", lastId || "–", lastId);
  if (paused || !fresh.length) return;
  const log = byId("log");
  // Newest first.
  log.prepend(...fresh.reverse().map(item));
  while (log.children.length > SHOWN) log.lastChild.remove();
  fresh = [];
}, RENDER_MS);

byId("pause").onclick = () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", paused);
  put("log-note", paused ? "paused; counting goes on" : "");
};
byId("clear").onclick = () => {
  fresh = [];
  byId("log").replaceChildren();
};

async function publish(text) {
  const signal = AbortSignal.timeout(5000);
  const answer = await fetch("/publish", { method: "POST", body: text, cache: "no-store", signal });
  const said = (await answer.text()).trim();
  if (!answer.ok) throw new Error(`${answer.status} ${said}`);
  return said;
}

byId("publish-form").onsubmit = async (submit) => {
  submit.preventDefault();
  const text = byId("publish-text"), result = byId("publish-result");
  try {
    const said = await publish(text.value);
    result.dataset.failed = false;
    put("publish-result", `published: ${said}`);
    text.value = "";
  } catch (error) {
    result.dataset.failed = true;
    put("publish-result", `not published: ${error.message}`);
  }
  text.focus();
};
