/** Which points lie inside a closed line drawn on the screen. */

/** Projected points: x and y in pixels; NaN where a point is not in front of the camera. */
export interface ScreenPoints {
  x: Float32Array;
  y: Float32Array;
}

export type Polygon = readonly (readonly [number, number])[];

/**
 * Indices of the shown points inside a polygon, by the even-odd rule, exact to the last point.
 *
 * A long line has hundreds of edges and a map a million points. Edges are sorted into bands of one
 * pixel; a point is compared only with those of its band.
 */
export function pointsInside(points: ScreenPoints, polygon: Polygon, shown: Uint8Array): Uint32Array {
  if (polygon.length < 3) return new Uint32Array(0);
  const xs = polygon.map(([x]) => x);
  const ys = polygon.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const bands = edgesByBand(polygon, top, bottom);
  const { x, y } = points;
  const inside = new Uint32Array(x.length);
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    const px = x[i];
    const py = y[i];
    if (!(px >= left && px <= right && py >= top && py <= bottom) || shown[i] === 0) continue;
    const band = Math.floor(py - top);
    if (oddCrossings(bands.edges, bands.starts[band], bands.starts[band + 1], px, py)) inside[count++] = i;
  }
  return inside.slice(0, count);
}

interface Bands {
  /** x1, y1, x2, y2 of each edge, band after band. */
  edges: Float64Array;
  /** Where each band begins in `edges`; the last entry: where the last one ends. */
  starts: Uint32Array;
}

/** The edges that touch each band of one pixel below `top`. */
function edgesByBand(polygon: Polygon, top: number, bottom: number): Bands {
  const bands = Array.from({ length: Math.floor(bottom - top) + 1 }, (): number[] => []);
  polygon.forEach(([x1, y1], k) => {
    const [x2, y2] = polygon[(k + 1) % polygon.length];
    const first = Math.floor(Math.min(y1, y2) - top);
    const last = Math.floor(Math.max(y1, y2) - top);
    for (let band = first; band <= last; band++) bands[band].push(x1, y1, x2, y2);
  });
  const starts = new Uint32Array(bands.length + 1);
  bands.forEach((band, k) => (starts[k + 1] = starts[k] + band.length));
  return { edges: Float64Array.from(bands.flat()), starts };
}

/** Whether a ray from (x, y) to the right crosses an odd number of the edges. */
function oddCrossings(edges: Float64Array, start: number, end: number, x: number, y: number): boolean {
  let odd = false;
  for (let e = start; e < end; e += 4) {
    const y1 = edges[e + 1];
    const y2 = edges[e + 3];
    if (y1 > y === y2 > y) continue;
    if (x < edges[e] + ((y - y1) / (y2 - y1)) * (edges[e + 2] - edges[e])) odd = !odd;
  }
  return odd;
}

export function box(x1: number, y1: number, x2: number, y2: number): Polygon {
  return [
    [x1, y1],
    [x2, y1],
    [x2, y2],
    [x1, y2],
  ];
}
