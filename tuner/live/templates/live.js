// Asks the server for the search every few seconds, shows what has changed, and sends instructions.

const PAUSE_MS = 3000, SOON_MS = 700, SOON_TIMES = 30;
const byId = id => document.getElementById(id);
let seen = {}, shownTrial = null, awaited = null, soon = 0, timer = 0;

async function ask(path, options = {}) {
  const response = await fetch(path, {cache: "no-store", ...options});
  const text = await response.text();
  let body;
  try { body = JSON.parse(text); } catch { body = {error: text || `The server answers ${response.status}.`}; }
  if (!response.ok) throw new Error(body.error || `The server answers ${response.status}.`);
  return body;
}

const explained = error => error instanceof TypeError ? "The page's server does not answer. `tuner ui --live` starts it again; the search is not touched." : error.message;
const say = (text, wrong = false) => { byId("answer").textContent = text; byId("answer").classList.toggle("wrong", wrong); };

// Return whether a part of the answer differs from what is shown.
function changed(part, value) {
  const text = JSON.stringify(value);
  if (seen[part] === text) return false;
  seen[part] = text;
  return true;
}

// Replace the children of an element; the focus stays on the one with the same key.
function replace(parent, children) {
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children);
  if (key !== undefined) { const again = parent.querySelector(`[data-key="${CSS.escape(key)}"]`); if (again) again.focus(); }
}

function showState(found) {
  byId("state").textContent = found.state;
  byId("state").dataset.state = found.state;
  byId("state-text").textContent = found.state_text;
  document.title = `${found.search}: ${found.state}`;
  byId("stop-search").disabled = found.state !== "running";
  byId("copy-resume").hidden = !found.resume;
  byId("copy-resume").onclick = () => copyText(found.resume);
  Object.assign(byId("progress"), {max: Math.max(found.progress.trials, 1), value: found.progress.ended});
  byId("progress-text").textContent = found.progress.text;
  byId("summary").textContent = found.summary;
  for (const [key, value] of Object.entries(found.settings)) document.querySelector(`[data-setting="${CSS.escape(key)}"]`).textContent = `now ${value}`;
}

async function copyText(text) {
  try { await navigator.clipboard.writeText(text); say(`Copied: ${text}`); } catch { say(text); }
}

function stopButton(number) {
  const button = element("button", "Stop", {type: "button", ariaLabel: `Stop trial ${number}`});
  button.dataset.key = `stop-${number}`;
  button.addEventListener("click", async () => {
    if (await agreed(`Stop trial ${number} for good? It keeps what it has measured.`, "Stop the trial")) send({kind: "stop", trial: number});
  });
  return button;
}

function trialRow({trial, cells, outcome, front}) {
  const row = element("tr", "", {className: front ? "front" : ""});
  row.dataset.outcome = outcome;
  const link = element("a", cells[0], {href: `#trial-${trial}`});
  link.dataset.key = `show-${trial}`;
  link.addEventListener("click", event => { event.preventDefault(); event.stopPropagation(); show(trial); });
  const first = element("td", "");
  first.append(link);
  const last = element("td", "");
  if (outcome === "running") last.append(stopButton(trial));
  row.append(first, ...cells.slice(1).map(cell => element("td", cell)), last);
  return row;
}

function showTrials({headings, rows, note}) {
  const head = element("tr", "");
  head.append(...headings.map(heading => element("th", heading, {scope: "col"})), element("th", ""));
  document.querySelector("#trials thead").replaceChildren(head);
  replace(document.querySelector("#trials tbody"), rows.map(trialRow));
  byId("trials-note").textContent = rows.length ? note : "No trial has started.";
  filterTrials();
}

function filterTrials() {
  const wanted = byId("which").value;
  for (const row of document.querySelectorAll("#trials tbody tr")) {
    row.hidden = wanted !== "" && (wanted === "front" ? !row.classList.contains("front") : row.dataset.outcome !== wanted);
  }
}

function showEvents(events) {
  replace(byId("events"), events.map(({time, text}) => {
    const line = element("li", ""), when = new Date(1000 * time);
    const sameDay = when.toDateString() === new Date().toDateString();
    line.append(element("time", sameDay ? when.toLocaleTimeString() : when.toLocaleString(), {dateTime: when.toISOString()}), element("span", text));
    return line;
  }));
}

function showInstructions(instructions) {
  byId("no-instructions").hidden = instructions.length > 0;
  replace(byId("instructions"), [...instructions].reverse().map(({text, answer}) => {
    const line = element("li", "");
    line.append(element("code", text), element("span", answer || "waits for the driver"));
    return line;
  }));
  const answered = instructions.find(one => one.number === awaited && !one.waits);
  if (answered) { say(`${answered.text}: ${answered.answer}.`); awaited = null; soon = 0; }
}

// Draw the front anew; the choice of the colours, of the zoom and of a trial stays.
function showFigure(figure) {
  byId("front-part").hidden = byId("front").hidden = figure === null;
  byId("front-notes").replaceChildren(...(figure ? figure.notes : []).map(note => element("p", note)));
  if (figure === null) return;
  const {data, layout, colourings} = figure, select = document.querySelector("select[data-colours]");
  const chosenName = select.value, names = colourings.map(each => each.name);
  select.replaceChildren(...names.map(name => element("option", name)));
  select.closest("label").hidden = names.length < 2;
  select.selectedIndex = Math.max(0, names.indexOf(chosenName));
  const isNew = !figures.front;
  figures.front = {...figures.front, data, layout, colourings, element: byId("front")};
  if (names.length) recolour(figures.front, select.selectedIndex);
  if (isNew) near.observe(byId("front"));
  else if (figures.front.drawn) draw("front").then(() => {
    const all = document.querySelector('button[data-zoom="all"][aria-pressed="true"]');
    if (all) all.click();
  });
}

// Choose a trial; one without values in the figure has the same panel.
function show(number) {
  if (figures.front && figures.front.drawn) choose(number, {move: true});
  else {
    byId("trial").hidden = false;
    byId("trial").replaceChildren(element("h2", `Trial ${number}`));
    byId("trial").dispatchEvent(new CustomEvent("trial", {detail: number}));
  }
}

function decisionTable({headings, rows}) {
  const table = element("table", ""), head = element("thead", ""), body = element("tbody", ""), line = element("tr", "");
  line.append(...headings.map(heading => element("th", heading, {scope: "col"})));
  head.append(line);
  body.append(...rows.map(cells => { const row = element("tr", ""); row.append(...cells.map(cell => element("td", cell))); return row; }));
  table.append(head, body);
  return table;
}

async function describe(number) {
  const panel = byId("trial");
  let parts;
  try {
    const found = await ask(`trials/${number}`);
    const parameters = element("ul", "");
    parameters.append(...Object.entries(found.parameters).map(([name, value]) => element("li", `${name}: ${value}`)));
    const inFigure = panel.querySelector("ul") !== null;
    parts = [element("p", found.text), ...(inFigure ? [] : [parameters])];
    if (found.decisions.rows.length) {
      const scroll = element("div", "", {className: "scroll"});
      scroll.append(decisionTable(found.decisions));
      parts.push(scroll);
    }
    if (found.running) parts.push(stopButton(number));
  } catch (error) { parts = [element("p", explained(error))]; }
  if (shownTrial !== number) return;  // the reader has chosen another one meanwhile
  const details = element("div", "", {id: "details"});
  details.append(...parts);
  const old = byId("details");
  if (old) old.replaceWith(details);
  else panel.append(details);
}

byId("trial").addEventListener("trial", ({detail: number}) => {
  shownTrial = number;
  if (number !== null) describe(number);
});

// Return a promise of whether the user says yes.
function agreed(question, yes) {
  const dialog = byId("ask"), [yesButton, noButton] = dialog.querySelectorAll("button");
  byId("question").textContent = question;
  yesButton.textContent = yes;
  return new Promise(resolve => {
    let answer = false;
    yesButton.onclick = () => { answer = true; dialog.close(); };
    noButton.onclick = () => dialog.close();
    dialog.addEventListener("close", () => resolve(answer), {once: true});
    dialog.showModal();
    noButton.focus();
  });
}

async function send(order) {
  try {
    const {number, driven} = await ask("instructions", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(order)});
    awaited = number;
    say(driven ? "The instruction is on record; the driver answers in seconds." : "The search does not run. The instruction is kept, and obeyed at the next resume.");
    soon = driven ? SOON_TIMES : 1;
    later(0);
    return true;
  } catch (error) { say(explained(error), true); return false; }
}

for (const form of document.querySelectorAll("form[data-kind]")) {
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const words = [...form.querySelectorAll("input")].filter(input => input.value.trim() !== "").map(input => `${input.name}=${input.value.trim()}`);
    if (await send({kind: form.dataset.kind, words})) form.reset();
  });
}
byId("stop-search").addEventListener("click", async () => {
  if (await agreed("Stop the search as Ctrl-C does? It can be resumed.", "Stop the search")) send({kind: "stop"});
});
byId("which").addEventListener("change", filterTrials);

async function refresh() {
  const known = seen.figure || "";
  try {
    const found = await ask(`data?figure=${encodeURIComponent(known)}`);
    byId("fault").hidden = true;
    showState(found);
    const rowsChanged = changed("trials", found.trials);
    if (rowsChanged) showTrials(found.trials);
    if (changed("events", found.events)) showEvents(found.events);
    if (changed("instructions", found.instructions)) showInstructions(found.instructions);
    if ("figure" in found) { showFigure(found.figure); seen.figure = found.figure_version; }
    if (rowsChanged && shownTrial !== null && !byId("trial").contains(document.activeElement)) describe(shownTrial);
  } catch (error) {
    byId("fault").textContent = explained(error);
    byId("fault").hidden = false;
    byId("state").textContent = "not known";
  }
}

// Look again later. A large search takes the server longer: then the page asks less often.
function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const began = performance.now();
    if (document.visibilityState === "visible") await refresh();
    const took = performance.now() - began;
    soon = Math.max(0, soon - 1);
    later(Math.max(soon ? SOON_MS : PAUSE_MS, 4 * took));
  }, milliseconds);
}
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") later(0); });
later(0);
