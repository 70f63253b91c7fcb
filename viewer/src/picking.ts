/** Points on the screen: where each lies in pixels, and which is nearest to the pointer. */

import type { View, Viewport } from "./camera";
import type { ScreenPoints } from "./lasso";

/** Points that lie so near the pointer can be picked, in pixels. */
export const PICK_RADIUS = 14;
/** The same for a finger, which covers more. */
export const FINGER = 24;
const CELL = 16;

/** Project points to pixels of a viewport. `depth` is the distance from the eye, where nearer is less. */
export class Projected implements ScreenPoints {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly depth: Float32Array;
  private grid: Grid | null = null;

  constructor(
    points: Float32Array,
    view: View,
    readonly viewport: Viewport,
  ) {
    const n = points.length / 3;
    this.x = new Float32Array(n);
    this.y = new Float32Array(n);
    this.depth = new Float32Array(n);
    const m = view.matrix;
    const { width, height } = viewport;
    for (let i = 0, p = 0; i < n; i++, p += 3) {
      const px = points[p];
      const py = points[p + 1];
      const pz = points[p + 2];
      const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
      const z = m[2] * px + m[6] * py + m[10] * pz + m[14];
      // Outside the depth range nothing is drawn, so nothing can be picked.
      const seen = w > 0 && z >= -w && z <= w;
      const x = (m[0] * px + m[4] * py + m[8] * pz + m[12]) / w;
      const y = (m[1] * px + m[5] * py + m[9] * pz + m[13]) / w;
      this.x[i] = seen ? (x * 0.5 + 0.5) * width : NaN;
      this.y[i] = seen ? (0.5 - y * 0.5) * height : NaN;
      this.depth[i] = z / w;
    }
  }

  /**
   * The shown point to pick at (x, y): the foremost whose disc of radius `disc` is under the pointer,
   * or else the nearest within `reach`; -1: none.
   */
  pick(x: number, y: number, shown: Uint8Array, disc: number, reach = PICK_RADIUS): number {
    this.grid ??= new Grid(this);
    let best = -1;
    let bestDistance = reach;
    let bestDepth = Infinity;
    this.grid.near(x, y, reach, (i) => {
      if (shown[i] === 0) return;
      const distance = Math.hypot(this.x[i] - x, this.y[i] - y);
      if (distance <= disc) {
        if (bestDistance > disc || this.depth[i] < bestDepth) {
          best = i;
          bestDistance = distance;
          bestDepth = this.depth[i];
        }
      } else if (distance <= bestDistance && bestDistance > disc) {
        best = i;
        bestDistance = distance;
      }
    });
    return best;
  }
}

/** Points sorted into square cells of the screen. */
class Grid {
  private readonly columns: number;
  private readonly rows: number;
  private readonly starts: Uint32Array;
  private readonly members: Uint32Array;

  constructor({ x, y, viewport }: Projected) {
    this.columns = Math.ceil(viewport.width / CELL) + 1;
    this.rows = Math.ceil(viewport.height / CELL) + 1;
    const cells = this.columns * this.rows;
    const cellOf = new Int32Array(x.length);
    this.starts = new Uint32Array(cells + 1);
    for (let i = 0; i < x.length; i++) {
      const inside = x[i] >= 0 && y[i] >= 0 && x[i] <= viewport.width && y[i] <= viewport.height;
      cellOf[i] = inside ? Math.floor(y[i] / CELL) * this.columns + Math.floor(x[i] / CELL) : -1;
      if (inside) this.starts[cellOf[i] + 1]++;
    }
    for (let cell = 0; cell < cells; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    this.members = new Uint32Array(this.starts[cells]);
    for (let i = 0; i < x.length; i++) if (cellOf[i] >= 0) this.members[next[cellOf[i]]++] = i;
  }

  near(x: number, y: number, reach: number, visit: (i: number) => void): void {
    const first = (value: number) => Math.max(0, Math.floor((value - reach) / CELL));
    const last = (value: number, size: number) => Math.min(size - 1, Math.floor((value + reach) / CELL));
    for (let row = first(y); row <= last(y, this.rows); row++) {
      for (let column = first(x); column <= last(x, this.columns); column++) {
        const cell = row * this.columns + column;
        for (let k = this.starts[cell]; k < this.starts[cell + 1]; k++) visit(this.members[k]);
      }
    }
  }
}

/** Where one point lies on the screen, in pixels of the viewport, or null: behind the eye. */
export function place(
  points: Float32Array,
  i: number,
  { matrix: m }: View,
  viewport: Viewport,
): [number, number] | null {
  const [x, y, z] = points.subarray(i * 3, i * 3 + 3);
  const w = m[3] * x + m[7] * y + m[11] * z + m[15];
  if (!(w > 0)) return null;
  const right = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w;
  const up = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
  return [(right * 0.5 + 0.5) * viewport.width, (0.5 - up * 0.5) * viewport.height];
}
