/**
 * Procrustes: turn one map so that it lies as well as it can on another.
 *
 * The rotation (or reflection) R minimises the sum of |R x_i - y_i|^2 over the points: with the
 * singular values of sum(y_i x_i^T) = U S V^T, R = U V^T (Schönemann, 1966). The scale brings both to the
 * same root-mean-square size; the least-squares scale would shrink a map that agrees little.
 */

/** 3 x 3, rows first. */
export type Matrix3 = readonly number[];

export interface Alignment {
  rotation: Matrix3;
  scale: number;
}

/** Align `moving` with `fixed`, both 3 numbers a point and centred; `planar` turns about the third axis only. */
export function procrustes(moving: Float32Array, fixed: Float32Array, planar = false): Alignment {
  const product = new Array<number>(9).fill(0);
  let movingSize = 0;
  let fixedSize = 0;
  for (let p = 0; p < moving.length; p += 3) {
    for (let row = 0; row < 3; row++) {
      const y = fixed[p + row];
      fixedSize += y * y;
      movingSize += moving[p + row] * moving[p + row];
      for (let column = 0; column < 3; column++) product[row * 3 + column] += y * moving[p + column];
    }
  }
  if (planar) [2, 5, 6, 7].forEach((at) => (product[at] = 0));
  if (planar) product[8] = 1;
  const scale = movingSize > 0 && fixedSize > 0 ? Math.sqrt(fixedSize / movingSize) : 1;
  return { rotation: orthogonalFactor(product), scale };
}

export function align(points: Float32Array, { rotation: r, scale }: Alignment): Float32Array {
  const aligned = new Float32Array(points.length);
  for (let p = 0; p < points.length; p += 3) {
    const x = points[p] * scale;
    const y = points[p + 1] * scale;
    const z = points[p + 2] * scale;
    aligned[p] = r[0] * x + r[1] * y + r[2] * z;
    aligned[p + 1] = r[3] * x + r[4] * y + r[5] * z;
    aligned[p + 2] = r[6] * x + r[7] * y + r[8] * z;
  }
  return aligned;
}

/** U V^T of M = U S V^T, by one-sided Jacobi rotations (Hestenes, 1958). */
export function orthogonalFactor(matrix: Matrix3): Matrix3 {
  const columns = [0, 1, 2].map((c) => [matrix[c], matrix[3 + c], matrix[6 + c]]);
  const v = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]; // columns of V
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (const [i, j] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ])
      off = Math.max(off, rotatePair(columns, v, i, j));
    if (off < 1e-15) break;
  }
  const u = orthonormal(columns);
  return [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) => u.reduce((sum, axis, k) => sum + axis[row] * v[k][column], 0)),
  );
}

/** Make columns i and j orthogonal; return how far they were from it. */
function rotatePair(columns: number[][], v: number[][], i: number, j: number): number {
  const alpha = dot(columns[i], columns[i]);
  const beta = dot(columns[j], columns[j]);
  const gamma = dot(columns[i], columns[j]);
  const size = Math.sqrt(alpha * beta);
  if (size === 0 || gamma === 0) return 0;
  const zeta = (beta - alpha) / (2 * gamma);
  const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = cosine * tangent;
  for (const basis of [columns, v]) {
    for (let k = 0; k < 3; k++) {
      const a = basis[i][k];
      const b = basis[j][k];
      basis[i][k] = cosine * a - sine * b;
      basis[j][k] = sine * a + cosine * b;
    }
  }
  return Math.abs(gamma) / size;
}

/** Orthogonal columns to unit length; those of (nearly) no length become what completes the frame. */
function orthonormal(columns: number[][]): number[][] {
  const lengths = columns.map((column) => Math.sqrt(dot(column, column)));
  const largest = Math.max(...lengths);
  const order = [0, 1, 2].sort((a, b) => lengths[b] - lengths[a]);
  const u: number[][] = [[], [], []];
  const done: number[][] = [];
  for (const k of order) {
    const usable = lengths[k] > largest * 1e-12 && lengths[k] > 0;
    u[k] = usable ? columns[k].map((value) => value / lengths[k]) : perpendicular(done);
    done.push(u[k]);
  }
  return u;
}

function perpendicular(done: number[][]): number[] {
  if (done.length === 2) {
    const [a, b] = done;
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  }
  const axes = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  if (done.length === 0) return axes[0];
  const [a] = done;
  const axis = axes.reduce((best, next) => (Math.abs(dot(next, a)) < Math.abs(dot(best, a)) ? next : best));
  const along = dot(axis, a);
  const rest = axis.map((value, k) => value - along * a[k]);
  const length = Math.sqrt(dot(rest, rest));
  return rest.map((value) => value / length);
}

function dot(a: number[], b: number[]): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
