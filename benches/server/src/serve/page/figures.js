// How figures are written, and put where they belong.

const byId = (id) => document.getElementById(id);

/** Shows a text; `value` is the figure behind it, for whoever asks the page. */
function put(id, text, value) {
  const node = byId(id), shown = String(text);
  if (node.textContent !== shown) node.textContent = shown;
  if (value !== undefined) node.dataset.value = value;
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

/** A count. */
const count = (number) => (number < 1e6 ? whole.format(number) : short.format(number));

/** So many a second. */
const rate = (number) => (number < 99.95 ? number.toFixed(1) : count(Math.round(number)));

/** Bytes, in steps of a thousand. */
function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let step = 0;
  while (number >= 999.5 && step < units.length - 1) {
    number /= 1000;
    step += 1;
  }
  return `${step && number < 99.95 ? number.toFixed(1) : Math.round(number)} ${units[step]}`;
}

/** A time in its two largest units. */
function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  let rest = Math.floor(seconds);
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const many = Math.floor(rest / size);
    rest %= size;
    return many ? `${many} ${unit}` : "";
  });
  return parts.filter(Boolean).join(" ");
}

/** A new element with a text. */
function element(tag, text = "", name = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = name;
  return node;
}

/** The cells of a table's rows, changed in place where the table has as many already. */
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ cells, name = "" }, at) => {
    let row = body.rows[at];
    if (!row) {
      row = body.insertRow();
      cells.forEach(({ tag = "td", name = "" }) => {
        const cell = row.appendChild(element(tag, "", name));
        if (tag === "th") cell.scope = "row";
      });
    }
    row.className = name;
    cells.forEach(({ text, bar, level = "" }, at) => {
      const cell = row.cells[at];
      if (bar === undefined) {
        if (cell.textContent !== text) cell.textContent = text;
        return;
      }
      const drawn = cell.firstChild ?? cell.appendChild(element("span", "", "bar"));
      drawn.style.width = `${(100 * bar).toFixed(1)}%`;
      drawn.style.visibility = bar ? "" : "hidden";
      drawn.dataset.level = level;
    });
  });
}

/** The figures of a list, changed in place where it has the same names already. */
function list(node, figures) {
  const names = figures.map(({ name }) => name).join();
  if (node.dataset.names !== names) {
    node.dataset.names = names;
    node.replaceChildren(...figures.map(({ name }) => {
      const pair = document.createElement("div");
      pair.append(element("dt", name), element("dd"));
      return pair;
    }));
  }
  figures.forEach(({ text, bad = false }, at) => {
    const pair = node.children[at];
    if (pair.lastChild.textContent !== text) pair.lastChild.textContent = text;
    pair.className = bad ? "bad" : "";
  });
}

/** Draws a curve of the last values; those that are missing are at its beginning. */
function draw(svg, values, most) {
  if (!svg.firstChild) {
    const path = (name) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "path");
      node.setAttribute("class", name);
      return node;
    };
    svg.setAttribute("viewBox", `0 0 ${most - 1} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(path("area"), path("line"));
  }
  const top = Math.max(...values, 1e-9) * 1.12;
  const from = most - values.length;
  const points = values.map((value, at) => `${from + at} ${(97 - 94 * value / top).toFixed(1)}`);
  const [area, line] = svg.children;
  line.setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
  area.setAttribute("d", points.length > 1 ? `M${from} 100L${points.join("L")}L${most - 1} 100Z` : "");
}
