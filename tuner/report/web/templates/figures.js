"use strict";
// Draws the figures of the page, in the colours of the reader's scheme and for the width of the window.

const NARROW = matchMedia("(max-width: 600px)"), DARK = matchMedia("(prefers-color-scheme: dark)");
// What is dark on white, and its counterpart on a dark page. Other colours are readable on both.
const ON_DARK = {
  "#1f2933": "#e5e9ee", "#52606d": "#aab4bf", "#9aa5b1": "#7b8794", "#e4e7eb": "#323b45", "white": "#232b34",
  "#c2410c": "#fb923c", "#8a949e": "#7b8794", "#6b7681": "#95a0ab", "#4d5863": "#b4bec8", "#2f3a45": "#d3dbe3",
  "#0072b2": "#56a8e0", "#000000": "#e5e9ee",
};
const CONFIG = {displaylogo: false, responsive: true, showSendToCloud: false, modeBarButtonsToRemove: ["lasso2d", "select2d"]};
const figures = {};
const json = element => JSON.parse(element.textContent);

function inScheme(value) {
  if (typeof value === "string") return ON_DARK[value] || value;
  if (Array.isArray(value)) return value.map(inScheme);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, inScheme(v)]));
  return value;
}

// Only what holds colours is copied: the coordinates of 10,000 trials are not.
function traceInScheme(trace) {
  const {line, marker, textfont, error_x, error_y, ...rest} = trace;
  const {color, ...style} = marker || {};
  const coloured = inScheme({line, textfont, error_x, error_y});
  const changed = Object.fromEntries(Object.entries(coloured).filter(([, v]) => v !== undefined));
  if (trace.type === "parcoords") return trace;
  if (marker) changed.marker = {...inScheme(style), ...(color === undefined ? {} : {color: inScheme(color)})};
  return {...rest, ...changed};
}

function narrowed(trace) {
  if (!(trace.marker && trace.marker.colorbar)) return trace;
  const title = {...trace.marker.colorbar.title, side: "top"};
  const bar = {...trace.marker.colorbar, title, orientation: "h", thickness: 10, x: 0.5, y: 1, yanchor: "bottom", len: 1};
  return {...trace, marker: {...trace.marker, colorbar: bar}};
}

function narrowedLayout(layout, traces) {
  if (traces.some(trace => trace.type === "parcoords")) return layout;  // it scrolls
  const hasBar = traces.some(trace => trace.marker && trace.marker.showscale);
  const margin = {...layout.margin, l: 52, r: 12, t: hasBar ? 70 : 30};
  const legend = layout.legend && {...layout.legend, font: {size: 10}, y: -0.18};
  return {...layout, margin, font: {...layout.font, size: 11}, ...(legend ? {legend} : {})};
}

// Panels beside each other lie above each other in a narrow window.
function stacked(layout) {
  const panels = Object.keys(layout).filter(name => /^xaxis\d+$/.test(name)).map(name => name.slice(5));
  const share = 1 / panels.length, changes = {};
  panels.forEach((panel, index) => {
    changes[`xaxis${panel}`] = {...layout[`xaxis${panel}`], domain: [0, 1]};
    changes[`yaxis${panel}`] = {...layout[`yaxis${panel}`], domain: [1 - (index + 1) * share + 0.18, 1 - index * share]};
  });
  return {...layout, ...changes};
}

// Return the limits of the search, and the ring around a chosen trial.
function shapesOf(figure) {
  const limits = figure.layout.shapes || [];
  return [...(DARK.matches ? inScheme(limits) : limits), ...(figure.ring ? figure.ring() : [])];
}

function draw(key) {
  const figure = figures[key];
  let traces = figure.data, layout = figure.layout;
  if (DARK.matches) [traces, layout] = [traces.map(traceInScheme), inScheme(layout)];
  if (NARROW.matches) [traces, layout] = [traces.map(narrowed), stacked(narrowedLayout(layout, traces))];
  const shown = [...traces, ...(figure.marks ? figure.marks() : [])];
  layout = {...layout, shapes: shapesOf(figure)};
  figure.drawn = true;
  return Plotly.react(figure.element, shown, {...layout, modebar: {bgcolor: "rgba(0,0,0,0)"}}, {...CONFIG, displayModeBar: NARROW.matches ? false : "hover"});
}

const redraw = () => Object.keys(figures).filter(key => figures[key].drawn).forEach(draw);
DARK.addEventListener("change", redraw);
NARROW.addEventListener("change", redraw);
addEventListener("beforeprint", () => Object.keys(figures).forEach(draw));

for (const element of document.querySelectorAll("script[data-figure]")) {
  const key = element.dataset.figure, found = json(element);
  const colourings = json(document.querySelector(`script[data-colourings="${key}"]`));
  figures[key] = {...found, colourings, element: document.getElementById(key)};
}

function recolour(figure, index) {
  for (const [place, marker] of Object.entries(figure.colourings[index].markers)) {
    figure.data[place] = {...figure.data[place], marker: {...figure.data[place].marker, ...marker}};
  }
}

for (const select of document.querySelectorAll("select[data-colours]")) {
  select.addEventListener("change", () => {
    recolour(figures[select.dataset.colours], select.selectedIndex);
    draw(select.dataset.colours);
  });
}
