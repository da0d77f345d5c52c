// Marks trials outside the axes at their edge, and shows the trial that the reader chooses, with its commands.

const EDGE = "outside the axes", INSET = 0.012;
const isTrials = trace => Boolean(trace.meta && trace.meta.outcome && trace.customdata);
const current = key => {
  const full = figures[key].element._fullLayout;
  return full ? [full.xaxis.range, full.yaxis.range] : [figures[key].layout.xaxis.range, figures[key].layout.yaxis.range];
};
const symbol = (dx, dy) => ({"-1,0": "left", "1,0": "right", "0,-1": "down", "0,1": "up", "-1,-1": "sw", "1,-1": "se", "-1,1": "nw", "1,1": "ne"})[`${dx},${dy}`];
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Return the layer of triangles at the edge that point to the trials which the axes leave out.
function edgeMarks(key, [xs, ys]) {
  const [x, y, text, customdata, symbols] = [[], [], [], [], []];
  const side = (value, [low, high]) => value < low ? -1 : value > high ? 1 : 0;
  const inside = (value, [low, high]) => {
    const rim = INSET * (high - low);
    return Math.min(Math.max(value, low + rim), high - rim);
  };
  const hidden = new Set((figures[key].element._fullData || []).filter(t => t.visible === "legendonly").map(t => t.name));
  for (const trace of figures[key].data) {
    if (!isTrials(trace) || hidden.has(trace.name)) continue;
    trace.x.forEach((value, index) => {
      const [dx, dy] = [side(value, xs), side(trace.y[index], ys)];
      if (dx === 0 && dy === 0) return;
      x.push(inside(value, xs)); y.push(inside(trace.y[index], ys));
      text.push(`${trace.text[index]}<br><i>${EDGE}</i>`);
      customdata.push([...trace.customdata[index], trace.meta.outcome]);
      symbols.push(`triangle-${symbol(dx, dy)}-open`);
    });
  }
  const marker = {symbol: symbols, size: 8, color: colour("--strong-line"), line: {width: 1.2}};
  const type = figures[key].data.some(trace => trace.type === "scattergl") ? "scattergl" : "scatter";
  return {type, x, y, text, customdata, mode: "markers", marker, name: EDGE, hovertemplate: "%{text}<extra></extra>", showlegend: x.length > 0};
}

// A mark has the number of its trial as its key, or, if it is one epoch of it, a text such as "7-epoch-9".
const trialOf = key => Number.parseInt(key, 10);
const keyOf = text => /^\d+$/.test(text) ? Number(text) : text;

// Return where the mark with a key is. A number alone stands for the mark of this trial that is drawn last.
function place(key) {
  const traces = figures.front.data.filter(isTrials).reverse();
  for (const same of [found => found === key, found => trialOf(found) === key]) {
    for (const trace of traces) {
      const index = trace.customdata.findIndex(([found]) => same(found));
      if (index >= 0) return {trace, index, key: trace.customdata[index][0]};
    }
  }
  return null;
}

let chosen = null;
// Return the ring around the chosen trial. A shape, because a changed layer makes plotly draw all trials again.
function ring() {
  const found = chosen === null ? null : place(chosen);
  if (!found) return [];
  const size = {xsizemode: "pixel", ysizemode: "pixel", x0: -9, x1: 9, y0: -9, y1: 9};
  const centre = {xanchor: found.trace.x[found.index], yanchor: found.trace.y[found.index]};
  return [{type: "circle", ...size, ...centre, line: {color: colour("--link"), width: 3}}];
}

function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), {textContent: text}, properties);
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {  // a sandboxed frame has no clipboard of its own
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function commandsOf({trace, index}) {
  const {slots, byOutcome} = json(document.getElementById("commands"));
  const [key, epochs] = trace.customdata[index];
  return Object.entries(byOutcome[trace.meta.outcome]).map(([command, purpose]) => {
    const row = element("div", "", {className: "command"}), words = element("div", "");
    const code = element("code", command.replaceAll(slots.number, String(trialOf(key))).replaceAll(slots.epoch, String(epochs)));
    const button = element("button", "Copy", {type: "button", ariaLabel: `Copy: ${purpose}`});
    button.addEventListener("click", () => copy(code, button));
    words.append(code, element("small", purpose));
    row.append(words, button);
    return row;
  });
}

function remember(hash) {
  try { history.replaceState(null, "", hash || location.pathname + location.search); } catch { /* a sandboxed frame has no address */ }
}

function choose(wanted, {move = false} = {}) {
  const panel = document.getElementById("trial"), found = wanted === null ? null : place(wanted);
  chosen = found ? found.key : null;
  const resized = panel.hidden !== (wanted === null);
  panel.hidden = wanted === null;
  for (const row of document.querySelectorAll("tr.chosen")) row.classList.remove("chosen");
  if (found) {
    const [name, ...lines] = new DOMParser().parseFromString(found.trace.text[found.index].replaceAll("<br>", "\n"), "text/html").body.textContent.split("\n");
    const heading = element("h2", name), close = element("button", "×", {type: "button", ariaLabel: "Close"});
    close.addEventListener("click", () => choose(null));
    heading.append(close);
    const list = element("ul", "");
    list.append(...lines.map(line => element("li", line)));
    const link = element("a", "Link to this trial", {href: `#trial-${chosen}`});
    panel.replaceChildren(heading, list, ...commandsOf(found), link);
    const cell = document.querySelector(`td a[href="#trial-${chosen}"]`);
    if (cell) cell.closest("tr").classList.add("chosen");
  } else if (wanted !== null) {
    panel.replaceChildren(element("p", `Trial ${wanted} has no values in this figure.`));
  }
  remember(found ? `#trial-${chosen}` : "");
  Plotly.relayout(figures.front.element, {shapes: shapesOf(figures.front)}).then(div => resized && Plotly.Plots.resize(div));
  if (move && wanted !== null) panel.scrollIntoView({block: "nearest"});
  panel.dispatchEvent(new CustomEvent("trial", {detail: wanted === null ? null : trialOf(wanted)}));
}

function alongFront(step) {
  const front = figures.front.data.find(trace => trace.name === "Pareto front");
  if (!front) return;
  const keys = front.customdata.map(([key]) => key), at = keys.indexOf(chosen);
  const next = step === "first" ? 0 : step === "last" ? keys.length - 1 : at < 0 ? 0 : at + step;
  choose(keys[Math.min(Math.max(next, 0), keys.length - 1)]);
}

// Return axes that hold all trials.
function wholeRange(key, axis) {
  const values = figures[key].data.filter(isTrials).flatMap(trace => trace[axis]);
  const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], figures[key].layout[`${axis}axis`].range);
  return [low - 0.03 * (high - low), high + 0.03 * (high - low)];
}

function watch(key) {
  const figure = figures[key], div = figure.element;
  figure.marks = () => [edgeMarks(key, current(key))];
  if (key === "front") figure.ring = ring;
  let shown = "", pause = 0;
  const showEdges = () => {
    const state = JSON.stringify([current(key), div._fullData.map(trace => trace.visible)]);
    if (state === shown) return;
    shown = state;
    const {x, y, text, customdata, marker, showlegend} = edgeMarks(key, current(key));
    const changes = {x: [x], y: [y], text: [text], customdata: [customdata], "marker.symbol": [marker.symbol], showlegend};
    Plotly.restyle(div, changes, [div.data.findIndex(trace => trace.name === EDGE)]);
  };
  // After a pause: while the reader zooms and moves, plotly has enough to do.
  const follow = () => { clearTimeout(pause); pause = setTimeout(showEdges, 150); };
  for (const button of document.querySelectorAll(`button[data-of="${key}"]`)) {
    button.addEventListener("click", () => {
      const all = button.dataset.zoom === "all";
      const ranges = all ? [wholeRange(key, "x"), wholeRange(key, "y")] : [figure.layout.xaxis.range, figure.layout.yaxis.range];
      for (const other of document.querySelectorAll(`button[data-of="${key}"]`)) other.ariaPressed = String(other === button);
      Plotly.relayout(div, {"xaxis.range": [...ranges[0]], "yaxis.range": [...ranges[1]]});
    });
  }
  div.on("plotly_click", ({points: [point]}) => {
    if (point.customdata && document.getElementById("trial")) choose(point.customdata[0], {move: true});
  });
  return draw(key).then(() => {
    div.on("plotly_relayout", follow);
    div.on("plotly_restyle", follow);
  });
}

const KEYS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: "first", End: "last"};
function start() {
  figures.front.element.addEventListener("keydown", event => {
    if (event.key === "Escape") choose(null);
    else if (event.key in KEYS) { alongFront(KEYS[event.key]); event.preventDefault(); }
  });
  document.getElementById("choose").addEventListener("submit", event => {
    event.preventDefault();
    choose(event.target.querySelector("input").valueAsNumber, {move: true});
  });
  document.addEventListener("click", event => {
    const link = event.target.closest && event.target.closest('a[href^="#trial-"]');
    if (link) { event.preventDefault(); choose(keyOf(link.hash.slice(7)), {move: true}); }
  });
  const wanted = /^#trial-(\d+(?:-epoch-\d+)?)$/.exec(location.hash);
  if (wanted) choose(keyOf(wanted[1]));
}

// Figures far below the window are drawn when the reader comes near them.
const isFront = key => key === "front" || key.startsWith("front-");
const near = new IntersectionObserver(entries => entries.filter(entry => entry.isIntersecting).forEach(({target}) => {
  near.unobserve(target);
  draw(target.id).then(() => isFront(target.id) && watch(target.id)).then(() => { if (target.id === "front") start(); });
}), {rootMargin: "600px"});
for (const {element: div} of Object.values(figures)) near.observe(div);
