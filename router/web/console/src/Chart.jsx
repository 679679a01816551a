// A chart of one series over time.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

/** The least that the x-axis shows. */
const WINDOW_MS_MIN = 30_000;
/** The distances of the marks of the y-axis, which have at most two decimals. */
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
const PLAIN = { show: false };

/**
 * `points` are `[ms, value]`, oldest first, and the newest `windowMs` of them are shown. Without `level` they are single
 * measurements; with it, the value holds until the next point, and a dashed line marks the level.
 */
export function Chart({ points, level, label, write, height, windowMs }) {
  const place = useRef(null);
  const chart = useRef(null);
  const shown = useRef({});
  shown.current = { points, level, windowMs };

  useEffect(() => {
    const element = place.current;
    const draw = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(element, { label, write, height, shown }), columns(shown.current), element);
    };
    draw();
    const resize = new ResizeObserver(() => chart.current.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    const timer = setInterval(() => chart.current.setData(columns(shown.current)), 1000);
    return () => {
      clearInterval(timer);
      resize.disconnect();
      scheme.removeEventListener("change", draw);
      chart.current.destroy();
    };
  }, [label, height]);
  useEffect(() => chart.current?.setData(columns(shown.current)), [points, level]);

  return <div ref={place} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

function columns({ points, level, windowMs }) {
  const now = Date.now();
  const since = now - windowMs;
  const within = points.filter(([at]) => at > since);
  if (level === undefined) return transposed(within);
  // A value before the window is still the value at its beginning, and the last one is still the value now.
  const before = points.filter(([at]) => at <= since).at(-1);
  const all = before ? [[since, before[1]], ...within] : within;
  const held = all.length > 0 ? [...all, [now, all.at(-1)[1]]] : [];
  return [...transposed(held), held.map(() => level)];
}

function transposed(points) {
  return [points.map(([at]) => at / 1000), points.map(([, value]) => value)];
}

function options(place, { label, write, height, shown }) {
  const style = getComputedStyle(place);
  const colour = (name) => resolve(place, name);
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: colour("--soft"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: PLAIN };
  const isHeld = shown.current.level !== undefined;
  const line = isHeld
    ? { width: 2, fill: colour("--tint"), points: PLAIN, paths: uPlot.paths.stepped({ align: 1 }) }
    : { paths: () => null, points: { show: true, size: 7, fill: colour("--accent") } };
  return {
    width: place.clientWidth,
    height,
    legend: PLAIN,
    cursor: { y: false, points: { size: 7 } },
    padding: [12, 16, 0, 0],
    scales: {
      x: { range: () => range(shown.current) },
      y: { range: (_, low, high) => padded(low, high, isHeld) },
    },
    axes: [
      { ...axis, space: 90, size: 30, values: (_, times) => times.map((at) => clock.format(at * 1000)) },
      { ...axis, size: 72, space: 36, incrs: STEPS, values: (_, values) => values.map(write) },
    ],
    series: [
      {},
      { label, stroke: colour("--accent"), ...line },
      // The level may be far away from the values: it does not stretch the axis.
      ...(isHeld ? [{ stroke: colour("--edge"), width: 1, dash: [4, 4], points: PLAIN, auto: false }] : []),
    ],
  };
}

/** The part of the time that is shown, in seconds: as far as there are points. */
function range({ points, windowMs }) {
  const now = Date.now();
  const oldest = points[0]?.[0] ?? now;
  const width = Math.min(windowMs, Math.max(WINDOW_MS_MIN, now - oldest));
  return [(now - width) / 1000, now / 1000];
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A canvas knows no custom properties and no `light-dark()`. */
function resolve(place, name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function padded(low, high, isHeld) {
  if (low === null || low === undefined) return [0, 1];
  if (!isHeld) return [0, high * 1.15];
  const margin = Math.max((high - low) * 0.15, Math.abs(high) * 0.002, 0.01);
  return [Math.max(0, low - margin), high + margin];
}

/** A small line without axes, for rows of tables. */
export function Sparkline({ points }) {
  if (points.length < 2) return <svg class="spark" viewBox="0 0 80 24" aria-hidden="true" />;
  const last = points.slice(-40);
  const values = last.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (index) => (80 * index) / (last.length - 1);
  const y = (value) => (high === low ? 12 : 22 - (20 * (value - low)) / (high - low));
  return (
    <svg class="spark" viewBox="0 0 80 24" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ")} />
    </svg>
  );
}
