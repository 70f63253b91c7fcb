/** Pictures as points: which of them there is room for. */

import type { Projected } from "./picking";

/** Never more at once: drawing them must not make the view stutter. */
const MOST = 600;
const GAP = 5;

/**
 * Choose shown points so that pictures of `side` pixels hardly cover each other.
 *
 * Those on screen before go first, so that pictures do not jump when the view changes a little; then
 * all others, in a scattered order that is the same each time.
 */
export function choosePictures(
  points: Projected,
  shown: Uint8Array,
  before: readonly number[],
  side: number,
): number[] {
  const { width, height } = points.viewport;
  const step = side + GAP;
  const columns = Math.ceil(width / step) + 1;
  const taken = new Map<number, number[]>();
  const chosen: number[] = [];
  const offer = (i: number) => {
    const x = points.x[i];
    const y = points.y[i];
    if (shown[i] === 0 || !(x >= 0 && y >= 0 && x <= width && y <= height)) return;
    const column = Math.floor(x / step);
    const row = Math.floor(y / step);
    for (let r = row - 1; r <= row + 1; r++) {
      for (let c = column - 1; c <= column + 1; c++) {
        for (const j of taken.get(r * columns + c) ?? []) {
          if (Math.abs(points.x[j] - x) < step && Math.abs(points.y[j] - y) < step) return;
        }
      }
    }
    const cell = row * columns + column;
    const there = taken.get(cell);
    if (there) there.push(i);
    else taken.set(cell, [i]);
    chosen.push(i);
  };
  before.forEach(offer);
  const n = points.x.length;
  const stride = coprime(n);
  for (let k = 0, i = 0; k < n && chosen.length < MOST; k++, i = (i + stride) % n) offer(i);
  return chosen;
}

/** A step near the golden share of n that visits every index. */
function coprime(n: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.round(n * 0.618));
  while (divisor(n, step) !== 1) step++;
  return step;
}
