/** The legend of a column of numbers: its ramp, how the values spread, and a range to show. */

import type { Context } from "../context";
import { h } from "../element";
import { type Filter, withFilter } from "../filter";
import { ramp, rangeOf } from "../palette";
import type { NumberColumn } from "../scene";

const BINS = 48;
const HEIGHT = 72;

export function histogram(context: Context, column: NumberColumn): HTMLElement {
  const { dataset, store } = context;
  const values = dataset.known(column.id);
  if (!values) return h("div");
  const [low, high] = rangeOf(column, values);
  const canvas = h("canvas", {
    class: "histogram",
    width: BINS * 5,
    height: HEIGHT,
    role: "img",
    "aria-label": `How ${column.name} spreads`,
  });
  const told = numbersWithin(low, high);
  const { counts, unknown } = bins(values, low, high);
  const range = () => {
    const filter = store.state.filters[column.id] as Filter | undefined;
    return filter && "low" in filter ? filter : { low, high };
  };
  const set = (from: number, to: number) => {
    const whole = from <= low && to >= high;
    store.set({
      filters: withFilter(store.state.filters, column.id, whole ? undefined : { low: from, high: to }),
    });
  };
  const inputs = (["low", "high"] as const).map((end) => {
    const input = h("input", {
      type: "number",
      step: "any",
      "aria-label": end === "low" ? "Show from" : "Show up to",
      onchange: () => {
        const next = { ...range(), [end]: Number(input.value) };
        if (next.low <= next.high) set(next.low, next.high);
      },
    });
    return input;
  });
  const update = () => {
    const { low: from, high: to } = range();
    const place = (value: number) => (value - low) / (high - low);
    paint(canvas, counts, column, place(from), place(to), context.theme.colours.filtered);
    inputs[0].value = told(from);
    inputs[1].value = told(to);
  };
  brush(canvas, (a, b) => set(low + a * (high - low), low + b * (high - low)));
  store.on(["filters"], update);
  context.theme.on(update);
  update();
  return h(
    "div",
    { class: "numbers" },
    canvas,
    h("div", { class: "ends" }, ...[low, high].map((end) => h("span", {}, told(end).replace("-", "\u2212")))),
    h("div", { class: "range" }, h("label", {}, "Show", inputs[0]), h("label", {}, "to", inputs[1])),
    unknown > 0 && h("p", { class: "hint" }, `${unknown.toLocaleString("en")} without a value, in grey.`),
  );
}

/** Numbers as texts, as fine as a range calls for: years stay years, and days such as 20230105 days. */
export function numbersWithin(low: number, high: number): (value: number) => string {
  const decimals = Math.min(20, Math.max(0, 3 - Math.floor(Math.log10(high - low || 1))));
  return (value) => `${Number(value.toFixed(decimals))}`;
}

function bins(values: ArrayLike<number>, low: number, high: number): { counts: number[]; unknown: number } {
  const counts = new Array<number>(BINS).fill(0);
  let unknown = 0;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i] - low) / (high - low)) * BINS);
    if (Number.isNaN(bin)) unknown++;
    else counts[Math.min(BINS - 1, Math.max(0, bin))]++;
  }
  return { counts, unknown };
}

function paint(
  canvas: HTMLCanvasElement,
  counts: number[],
  column: NumberColumn,
  from: number,
  to: number,
  off: string,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const colours = ramp(column);
  const most = Math.max(...counts, 1);
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let bin = 0; bin < BINS; bin++) {
    const middle = (bin + 0.5) / BINS;
    context.fillStyle = middle >= from && middle <= to ? colours[Math.round(middle * 255)] : off;
    const height = counts[bin] > 0 ? Math.max(2, (counts[bin] / most) * (HEIGHT - 14)) : 0;
    context.fillRect(bin * 5, HEIGHT - 10 - height, 4, height);
    context.fillRect(bin * 5, HEIGHT - 8, 5, 8);
  }
}

/** Drag over it to show a range; press once to show all. */
function brush(canvas: HTMLCanvasElement, change: (from: number, to: number) => void): void {
  let start: number | null = null;
  const share = (event: PointerEvent) => {
    const { left, width } = canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  canvas.addEventListener("pointerdown", (event) => {
    start = share(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (start !== null && Math.abs(share(event) - start) > 0.02)
      change(Math.min(start, share(event)), Math.max(start, share(event)));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (start !== null && Math.abs(share(event) - start) <= 0.02) change(0, 1);
    start = null;
  });
}
