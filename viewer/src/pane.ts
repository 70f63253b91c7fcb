/** One map on the screen: its points, on their way from the map before, and where they are projected. */

import type { BufferAttribute } from "three";
import { type Camera, type View, viewOf, type Viewport } from "./camera";
import { Projected } from "./picking";
import { PointCloud } from "./points";

const MORPH_MS = 900;

export class Pane {
  viewport: Viewport = { left: 0, top: 0, width: 1, height: 1 };
  readonly cloud: PointCloud;
  private from: Float32Array;
  private begun: number | null = null;
  private reach: number;
  private projected: { points: Projected; camera: Camera; perspective: boolean } | null = null;
  private sortedFor: unknown[] = [];

  constructor(
    /** 3 numbers a point; where the points are, or are going. */
    public points: Float32Array,
    colours: BufferAttribute,
  ) {
    this.from = points;
    this.reach = farthest(points);
    this.cloud = new PointCloud(points, colours);
  }

  /** Go to other points, in a glide or at once. */
  show(points: Float32Array, animated: boolean): void {
    if (points === this.points) return;
    this.from = animated ? this.current(performance.now()) : points;
    this.points = points;
    this.begun = animated ? performance.now() : null;
    this.reach = Math.max(farthest(this.from), farthest(points));
    this.projected = null;
    this.cloud.travel(this.from, points);
  }

  get moving(): boolean {
    return this.begun !== null;
  }

  /** The share of the way that is done; at its end the points rest. */
  advance(now: number): number {
    if (this.begun === null) return 0;
    const share = Math.min(1, Math.max(0, (now - this.begun) / MORPH_MS));
    if (share < 1) return share * share * (3 - 2 * share);
    this.begun = null;
    this.from = this.points;
    this.reach = farthest(this.points);
    this.cloud.travel(this.points, this.points);
    return 0;
  }

  view(camera: Camera, perspective: boolean): View {
    return viewOf(camera, this.viewport.width / this.viewport.height, perspective, this.reach);
  }

  /** Sort for a view, if it differs from the last one in what the order depends on. */
  sort(view: View, share: number, shown: Uint8Array): void {
    const now = [...view.towards, share, shown, this.points];
    if (now.every((value, k) => value === this.sortedFor[k])) return;
    this.sortedFor = now;
    this.cloud.sort(view, this.points, share, shown);
  }

  /** Where the points are on the screen; computed once a view. */
  project(camera: Camera, perspective: boolean): Projected {
    const last = this.projected;
    if (
      last?.camera === camera &&
      last.perspective === perspective &&
      last.points.viewport === this.viewport
    ) {
      return last.points;
    }
    const points = new Projected(this.points, this.view(camera, perspective), this.viewport);
    this.projected = { points, camera, perspective };
    return points;
  }

  /** The points half-way of an interrupted glide. */
  private current(now: number): Float32Array {
    const share = this.advance(now);
    if (share === 0) return this.points;
    return this.from.map((value, k) => value + (this.points[k] - value) * share);
  }

  dispose(): void {
    this.cloud.dispose();
  }
}

function farthest(points: Float32Array): number {
  let square = 0;
  for (let p = 0; p < points.length; p += 3) {
    const here = points[p] * points[p] + points[p + 1] * points[p + 1] + points[p + 2] * points[p + 2];
    if (here > square) square = here;
  }
  return Math.sqrt(square) * 1.01 + 0.01;
}
