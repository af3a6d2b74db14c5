// Draws the chart of the page "Usage" from the admin API: stacked bars over time, one colour for each part.

import { api, el, find, t } from "./dom.js";
import { compact, number, price, usd } from "./formats.js";

const chart = find("#chart");
const legend = find("#legend");
const measure = find("#measure");
const MOST_PARTS = 6;
const HEIGHT = 220;
const MOST_TIMES = 1000;
/** Of hues that people tell apart; the first is the accent. */
const COLOURS = {
  light: ["#3a62d6", "#1f8f7a", "#b26b00", "#8b4fc4", "#c2416b", "#5f7f1d", "#8a8c95"],
  dark: ["#6f92f5", "#3db39c", "#d99a3d", "#b184e6", "#e8799b", "#9cbd55", "#7c7f88"],
};

let plot = null;

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** Names of times in order, parts with their sums by time; the smallest parts are one. */
function seriesOf(lines, name) {
  const times = withGaps([...new Set(lines.map((line) => line.name))].sort((one, other) => (one < other ? -1 : 1)));
  const sums = new Map();
  for (const line of lines) sums.set(line.split, (sums.get(line.split) ?? 0) + (line[name] ?? 0));
  const ranked = [...sums].sort((one, other) => other[1] - one[1]).map(([part]) => part);
  const shown = ranked.length > MOST_PARTS + 1 ? ranked.slice(0, MOST_PARTS) : ranked;
  const labels = shown.map((part) => part ?? (ranked.length === 1 ? t("usage.chart.all") : "–"));
  if (shown.length < ranked.length) labels.push(t("usage.chart.other"));
  const values = labels.map(() => times.map(() => 0));
  for (const line of lines) {
    const at = shown.indexOf(line.split);
    values[at === -1 ? labels.length - 1 : at][times.indexOf(line.name)] += line[name] ?? 0;
  }
  return { times, labels, values };
}

const STEPS_S = { hour: 3600, day: 86_400, week: 7 * 86_400 };

/** Times at which nothing happened belong to the picture too. */
function withGaps(times) {
  const step = STEPS_S[chart.dataset.by];
  if (step === undefined || times.length === 0) return times;
  const [first, last] = [secondsOf(times[0]), secondsOf(times.at(-1))];
  if ((last - first) / step > MOST_TIMES) return times;
  const length = times[0].length;
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, at) =>
    new Date((first + at * step) * 1000).toISOString().slice(0, length),
  );
}

/** Unix seconds, as if the zone were UTC: the server has worked the zone in. */
function secondsOf(name) {
  return Date.parse(name.length === 13 ? `${name}:00Z` : name) / 1000;
}

function print(name, value) {
  return name === "usd" ? usd(value) : number(Math.round(value));
}

function timeNames(by) {
  const locale = document.documentElement.dataset.locale;
  const parts =
    by === "hour"
      ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
      : by === "month"
        ? { year: "numeric", month: "short" }
        : { month: "short", day: "numeric" };
  const format = new Intl.DateTimeFormat(locale, { ...parts, timeZone: "UTC" });
  return (seconds) => format.format(new Date(seconds * 1000));
}

function draw(lines) {
  const name = measure.value;
  const { times, labels, values } = seriesOf(lines, name);
  const stacked = values.map((_, at) => times.map((_time, index) => values.slice(0, at + 1).reduce((all, one) => all + one[index], 0)));
  const colours = COLOURS[isDark() ? "dark" : "light"];
  // Computed from elements: a canvas takes no custom properties.
  const ink = getComputedStyle(legend.previousElementSibling).color;
  const line = getComputedStyle(legend.previousElementSibling).borderBottomColor;
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const timeName = timeNames(chart.dataset.by);
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const bars = window.uPlot.paths.bars({ size: [0.7, 48] });
  plot?.destroy();
  chart.classList.remove("skeleton");
  chart.replaceChildren();
  plot = new window.uPlot(
    {
      width: chart.clientWidth,
      height: HEIGHT,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { points: { show: false }, y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.5, times.length - 0.5] }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 72,
          size: 28,
          incrs: [1, 2, 3, 7, 14, 28, 56, 112, 224, 448],
          values: (_plot, splits) => splits.map((at) => (times[at] === undefined ? "" : timeName(secondsOf(times[at])))),
        },
        { ...axis, size: 56, values: (_plot, splits) => splits.map((value) => (name === "usd" ? price(value) : compact(value))) },
      ],
      // The largest sum lies at the back, so that each bar shows what it adds.
      series: [{}, ...stacked.map((_, at) => ({ fill: colours[stacked.length - 1 - at], width: 0, paths: bars, points: { show: false } }))],
      hooks: { setCursor: [(shown) => showLegend({ name, labels, values, times, colours, at: shown.cursor.idx ?? null, timeName })] },
    },
    [times.map((_time, at) => at), ...stacked.toReversed()],
    chart,
  );
  showLegend({ name, labels, values, times, colours, at: null, timeName });
}

/** What each part comes to: of the time under the pointer, else in all. */
function showLegend({ name, labels, values, times, colours, at, timeName }) {
  const when = at === null || times[at] === undefined ? t("usage.chart.all") : timeName(secondsOf(times[at]));
  const items = labels.map((label, index) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = colours[index];
    const sum = at === null ? values[index].reduce((all, value) => all + value, 0) : (values[index][at] ?? 0);
    return el("li", {}, swatch, label, el("strong", {}, print(name, sum)));
  });
  legend.replaceChildren(...(labels.length === 1 && at === null ? [] : [el("li", { class: "sub" }, when)]), ...items);
}

async function begin() {
  try {
    const { lines } = await api(`usage?${chart.dataset.query}`);
    draw(lines);
    measure.addEventListener("change", () => draw(lines));
    document.addEventListener("theme", () => draw(lines));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(lines));
    new ResizeObserver(() => plot?.setSize({ width: chart.clientWidth, height: HEIGHT })).observe(chart);
  } catch (error) {
    chart.classList.remove("skeleton");
    chart.replaceChildren(el("p", { class: "notice bad", role: "alert" }, t("usage.chart.failed", { message: error.message })));
  }
}

void begin();
