/** Which points are shown. The others stay, in grey, as the ground one sees the rest against. */

import type { Dataset } from "./dataset";
import { type CategoryColumn, type Column, UNKNOWN } from "./scene";

/** Codes of the categories shown (UNKNOWN among them: those without), or the ends of a range of numbers. */
export type Filter = { codes: readonly number[] } | { low: number; high: number };

/** A filter a column, by the column's id. A point is shown if all let it pass. */
export type Filters = Readonly<Record<string, Filter>>;

/** A byte a point: 1 shown, 0 not. Columns that are not loaded yet filter nothing. */
export function shownPoints(dataset: Dataset, filters: Filters): Uint8Array {
  const shown = new Uint8Array(dataset.count).fill(1);
  for (const [id, filter] of Object.entries(filters)) {
    const values = dataset.known(id);
    if (!values) continue;
    if ("codes" in filter) keepCodes(shown, values, filter.codes);
    else keepRange(shown, values, filter.low, filter.high);
  }
  return shown;
}

function keepCodes(shown: Uint8Array, values: ArrayLike<number>, codes: readonly number[]): void {
  const kept = new Uint8Array(UNKNOWN + 1);
  for (const code of codes) kept[code] = 1;
  for (let i = 0; i < shown.length; i++) shown[i] &= kept[values[i]];
}

function keepRange(shown: Uint8Array, values: ArrayLike<number>, low: number, high: number): void {
  for (let i = 0; i < shown.length; i++) {
    if (!(values[i] >= low && values[i] <= high)) shown[i] = 0;
  }
}

/** How many points have each code; where there are unknown ones, they are counted last. */
export function countCodes(column: Column, values: ArrayLike<number>, shown?: Uint8Array): number[] {
  const categories = column.kind === "category" ? column.categories.length : 0;
  const counts = new Array<number>(categories + 1).fill(0);
  for (let i = 0; i < values.length; i++) {
    if (shown && shown[i] === 0) continue;
    counts[values[i] < categories ? values[i] : categories]++;
  }
  return counts;
}

/** How many of some points have each code. */
export function countCodesOf(
  column: CategoryColumn,
  values: ArrayLike<number>,
  indices: Uint32Array,
): number[] {
  const counts = new Array<number>(column.categories.length).fill(0);
  for (let k = 0; k < indices.length; k++) {
    const code = values[indices[k]];
    if (code < counts.length) counts[code]++;
  }
  return counts;
}

/** Isolate a category, or with `add` put it to or take it from those shown; all shown is no filter. */
export function withCategory(
  filter: Filter | undefined,
  code: number,
  all: readonly number[],
  add: boolean,
): Filter | undefined {
  const codes = filter && "codes" in filter ? filter.codes : all;
  const alone = codes.length === 1 && codes[0] === code;
  if (!add) return alone ? undefined : { codes: [code] };
  const next = codes.includes(code) ? codes.filter((other) => other !== code) : [...codes, code];
  if (next.length === 0 || next.length === all.length) return undefined;
  return { codes: next.sort((a, b) => a - b) };
}

export function withFilter(filters: Filters, id: string, filter: Filter | undefined): Filters {
  const rest = Object.fromEntries(Object.entries(filters).filter(([key]) => key !== id));
  return filter ? { ...rest, [id]: filter } : rest;
}
