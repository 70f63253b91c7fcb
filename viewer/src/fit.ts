/** A camera that sees all points in the part of a viewport that nothing covers. */

import { axes, type Camera, distanceOf, pan, type Vector, type Viewport } from "./camera";

/** What is covered along the sides of a viewport, in pixels. */
export interface Covered {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export const NOTHING_COVERED: Covered = { left: 0, right: 0, top: 0, bottom: 0 };

/** Room for the discs of points at the rim, in pixels. */
const MARGIN = 8;
/** With less left of a side, what covers it counts for nothing. */
const LEAST_ROOM = 90;
/** Points farther than so many times the radius of nearly all would make a dot of the others. */
const STRAY = 2;
const LAYERS = 48;
const ANGLES = 32;

/** A circle that a point runs along when the points are turned: its radius, and its height. */
type Ring = readonly [number, number];

/**
 * The camera that looks as another one does, at all points: from there as long as it is flat, and however
 * it is turned about the third axis else. Points that lie very far from nearly all others are left out.
 */
export function fitted(
  points: Float32Array,
  camera: Camera,
  perspective: boolean,
  viewport: Viewport,
  covered: Covered,
): Camera {
  const reach = STRAY * nearlyAll(points);
  const centre = middleOf(points, reach);
  const free = freePart(viewport, covered);
  const inside =
    Math.abs(camera.elevation) > 89.99
      ? insideFlat(points, centre, reach, camera, free)
      : insideTurned(ringsOf(points, centre, reach), camera, perspective, free);
  const span = leastSpan(inside, reach);
  const [dx, dy] = [(free.left + free.right) / 2, (free.top + free.bottom) / 2];
  return pan({ ...camera, target: centre, span }, dx, dy, viewport);
}

/** What lies over the sides of the first pane: its tools, what is written over it, a panel. */
export function coveredBy(root: ParentNode, stage: HTMLElement, viewport: Viewport): Covered {
  const { left: stageLeft, top: stageTop } = stage.getBoundingClientRect();
  const boxOf = (part: string) => root.querySelector(part)?.getBoundingClientRect();
  const [left, top] = [stageLeft + viewport.left, stageTop + viewport.top];
  const [right, bottom] = [left + viewport.width, top + viewport.height];
  const panel = boxOf(".panel");
  const over = panel && panel.left > left && panel.left < right && panel.top < bottom;
  return {
    left: Math.max(0, (boxOf(".tools")?.right ?? left) - left),
    right: over ? right - panel.left : 0,
    top: Math.max(0, (boxOf(".pane-title")?.bottom ?? top) - top),
    bottom: Math.max(0, bottom - (boxOf(".pane-header .facts")?.top ?? bottom)),
  };
}

/** The free part, seen from the middle of the viewport, right and down. */
interface Free extends Covered {
  /** The shorter side of the viewport, along which a camera spans. */
  shorter: number;
}

function freePart({ width, height }: Viewport, { left, right, top, bottom }: Covered): Free {
  const wide = width - left - right >= LEAST_ROOM;
  const high = height - top - bottom >= LEAST_ROOM;
  return {
    left: -width / 2 + MARGIN + (wide ? left : 0),
    right: width / 2 - MARGIN - (wide ? right : 0),
    top: -height / 2 + MARGIN + (high ? top : 0),
    bottom: height / 2 - MARGIN - (high ? bottom : 0),
    shorter: Math.min(width, height),
  };
}

type Inside = (span: number) => boolean;

function leastSpan(inside: Inside, reach: number): number {
  let [low, high] = [reach * 1e-3, reach * 60];
  for (let k = 0; k < 40; k++) {
    const middle = Math.sqrt(low * high);
    if (inside(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether points seen from above or below lie in the free part. There is no perspective then. */
function insideFlat(points: Float32Array, centre: Vector, reach: number, camera: Camera, free: Free): Inside {
  const { right, up } = axes(camera);
  let [x, y] = [0, 0];
  for (let p = 0; p < points.length; p += 3) {
    if (Math.hypot(points[p], points[p + 1], points[p + 2]) > reach) continue;
    const [a, b] = [points[p] - centre[0], points[p + 1] - centre[1]];
    x = Math.max(x, Math.abs(a * right[0] + b * right[1]));
    y = Math.max(y, Math.abs(a * up[0] + b * up[1]));
  }
  return (span) =>
    (2 * x * free.shorter) / span <= free.right - free.left &&
    (2 * y * free.shorter) / span <= free.bottom - free.top;
}

function insideTurned(rings: Ring[], { elevation }: Camera, perspective: boolean, free: Free): Inside {
  const angle = (elevation * Math.PI) / 180;
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const turns = Array.from({ length: ANGLES }, (_, k) => (2 * Math.PI * k) / ANGLES);
  const [middleX, middleY] = [(free.left + free.right) / 2, (free.top + free.bottom) / 2];
  return (span) => {
    const distance = distanceOf(span);
    const scale = free.shorter / span;
    for (const [radius, height] of rings) {
      for (const turn of turns) {
        const across = radius * Math.sin(turn);
        const along = radius * Math.cos(turn);
        const depth = distance - (along * cosine + height * sine);
        if (perspective && depth < 0.05 * distance) return false;
        const nearer = perspective ? distance / depth : 1;
        const x = (middleX + across * scale) * nearer;
        const y = (middleY - (height * cosine - along * sine) * scale) * nearer;
        if (x < free.left || x > free.right || y < free.top || y > free.bottom) return false;
      }
    }
    return true;
  };
}

/** The outermost circles of the points, in layers from bottom to top. */
function ringsOf(points: Float32Array, centre: Vector, reach: number): Ring[] {
  const radii = new Float64Array(LAYERS);
  const lows = new Float64Array(LAYERS).fill(Infinity);
  const highs = new Float64Array(LAYERS).fill(-Infinity);
  for (let p = 0; p < points.length; p += 3) {
    if (Math.hypot(points[p], points[p + 1], points[p + 2]) > reach) continue;
    const height = points[p + 2] - centre[2];
    const layer = Math.min(LAYERS - 1, Math.max(0, Math.floor(((height / reach + 1) / 2) * LAYERS)));
    radii[layer] = Math.max(radii[layer], Math.hypot(points[p] - centre[0], points[p + 1] - centre[1]));
    lows[layer] = Math.min(lows[layer], height);
    highs[layer] = Math.max(highs[layer], height);
  }
  return [...radii].flatMap((radius, k): Ring[] =>
    lows[k] <= highs[k]
      ? [
          [radius, lows[k]],
          [radius, highs[k]],
        ]
      : [],
  );
}

function middleOf(points: Float32Array, reach: number): Vector {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let p = 0; p < points.length; p += 3) {
    if (Math.hypot(points[p], points[p + 1], points[p + 2]) > reach) continue;
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis], points[p + axis]);
      high[axis] = Math.max(high[axis], points[p + axis]);
    }
  }
  const [x, y, z] = low.map((value, axis) => (value <= high[axis] ? (value + high[axis]) / 2 : 0));
  return [x, y, z];
}

/** The radius about 0 that holds 99.5% of the points, from at most 20,000 of them. */
function nearlyAll(points: Float32Array): number {
  const n = points.length / 3;
  const step = Math.max(1, Math.floor(n / 20_000));
  const radii: number[] = [];
  for (let i = 0; i < n; i += step) {
    radii.push(Math.hypot(points[i * 3], points[i * 3 + 1], points[i * 3 + 2]));
  }
  radii.sort((a, b) => a - b);
  return radii[Math.min(radii.length - 1, Math.floor(radii.length * 0.995))] || 1;
}
