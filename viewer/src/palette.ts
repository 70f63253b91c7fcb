/** Colours for categories and ramps for numbers, chosen for every kind of colour vision. */

import {
  between,
  contrast,
  distance,
  fromLch,
  type Lab,
  parseHex,
  type Rgb,
  seenBy,
  type Sight,
  toHex,
  toLab,
} from "./oklab";
import type { Column, NumberColumn } from "./scene";
import { UNKNOWN } from "./scene";

/**
 * The report's colours: Okabe and Ito, "Color Universal Design" (2008), and five that keep the largest
 * least distance to all before them for normal sight, protanopia and deuteranopia.
 */
const FIRST = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
  "#5531ff", "#b62431", "#79ce79", "#5579ff", "#f39eaa",
]; // prettier-ignore

const SIGHTS: Sight[] = ["normal", "protanopia", "deuteranopia"];

/** Where a value is not known. */
export const UNKNOWN_COLOUR = "#8b8f96";

const cache: string[] = [...FIRST];
let chooser: FarthestColours | null = null;

/** The first `count` colours: the chosen ones, then each as far as can be from all before it. */
export function categoryColours(count: number): string[] {
  if (count > cache.length) {
    chooser ??= new FarthestColours(cache);
    while (cache.length < count) cache.push(chooser.next());
  }
  return cache.slice(0, count);
}

/** Greedy farthest-point choice: the least distance over three kinds of colour vision counts. */
class FarthestColours {
  private readonly candidates: { rgb: Rgb; seen: Lab[]; least: number }[] = [];

  constructor(chosen: string[]) {
    // Lightness that can be read on white and on black paper alike.
    for (let lightness = 0.48; lightness <= 0.84; lightness += 0.04) {
      for (let chroma = 0.02; chroma <= 0.3; chroma += 0.035) {
        for (let hue = 0; hue < 48; hue++) this.offer(fromLch(lightness, chroma, hue / 48));
      }
    }
    chosen.forEach((hex) => this.keepAwayFrom(parseHex(hex)));
  }

  next(): string {
    const best = this.candidates.reduce((a, b) => (b.least > a.least ? b : a));
    this.keepAwayFrom(best.rgb);
    return toHex(best.rgb);
  }

  private offer(rgb: Rgb | null): void {
    if (rgb) this.candidates.push({ rgb, seen: seenByAll(rgb), least: Infinity });
  }

  private keepAwayFrom(rgb: Rgb): void {
    const seen = seenByAll(rgb);
    for (const candidate of this.candidates) {
      for (let k = 0; k < seen.length; k++) {
        candidate.least = Math.min(candidate.least, distance(candidate.seen[k], seen[k]));
      }
    }
  }
}

function seenByAll(rgb: Rgb): Lab[] {
  return SIGHTS.map((sight) => toLab(seenBy(rgb, sight)));
}

/** Low to high, even to the eye in lightness: dark blue, green, yellow; and low, middle, high for signed numbers. */
const SEQUENTIAL = ["#3b2f80", "#31698e", "#279a86", "#7fc45c", "#f2df4b"];
const DIVERGING = ["#a8331c", "#dd7b3f", "#a9a49d", "#4d93cf", "#1452a0"];

/** 256 colours from the low end to the high end of a column of numbers. */
export function ramp(column: NumberColumn): string[] {
  const signed = (column.range?.[0] ?? 0) < 0 && (column.range?.[1] ?? 0) > 0;
  const stops = (signed ? DIVERGING : SEQUENTIAL).map((hex) => toLab(parseHex(hex)));
  return Array.from({ length: 256 }, (_, step) => {
    const place = (step / 255) * (stops.length - 1);
    const at = Math.min(Math.floor(place), stops.length - 2);
    return toHex(between(stops[at], stops[at + 1], place - at));
  });
}

/** The ends of a column's colour scale: the column's own, or the least and largest value. */
export function rangeOf(column: NumberColumn, values: ArrayLike<number>): [number, number] {
  if (column.range) return column.range;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return low < high ? [low, high] : [Number.isFinite(low) ? low : 0, (Number.isFinite(low) ? low : 0) + 1];
}

/** The colours of a column's points, as bytes: 0xBBGGRR a point. */
export function pointColours(column: Column, values: ArrayLike<number>): Uint32Array {
  const colours = new Uint32Array(values.length);
  const unknown = packed(UNKNOWN_COLOUR);
  if (column.kind === "category") {
    const table = categoryColours(column.categories.length).map(packed);
    for (let i = 0; i < colours.length; i++) {
      colours[i] = values[i] === UNKNOWN ? unknown : (table[values[i]] ?? unknown);
    }
    return colours;
  }
  const table = ramp(column).map(packed);
  const [low, high] = rangeOf(column, values);
  const scale = 255 / (high - low);
  for (let i = 0; i < colours.length; i++) {
    const step = Math.round((values[i] - low) * scale);
    colours[i] = Number.isNaN(step) ? unknown : table[Math.min(255, Math.max(0, step))];
  }
  return colours;
}

/** Black or white, whichever reads better on a colour. */
export function inkOn(hex: string): string {
  return contrast(parseHex(hex), [0, 0, 0]) > contrast(parseHex(hex), [1, 1, 1]) ? "#000000" : "#ffffff";
}

function packed(hex: string): number {
  const value = parseInt(hex.slice(1), 16);
  return ((value & 255) << 16) | (value & 0xff00) | ((value >> 16) & 255);
}
