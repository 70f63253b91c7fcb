import { describe, expect, test } from "vitest";
import { align, orthogonalFactor, procrustes } from "../../src/procrustes";
import { normal, random } from "../random";

type Matrix = number[];

function cloud(n: number, seed: number): Float32Array {
  const gauss = normal(random(seed));
  const points = Float32Array.from({ length: n * 3 }, (_, k) => gauss() * (1 + (k % 3)));
  for (let axis = 0; axis < 3; axis++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += points[i * 3 + axis] / n;
    for (let i = 0; i < n; i++) points[i * 3 + axis] -= mean;
  }
  return points;
}

/** Rotation by a unit quaternion. */
function rotation(seed: number): Matrix {
  const gauss = normal(random(seed));
  const q = [gauss(), gauss(), gauss(), gauss()];
  const length = Math.hypot(...q);
  const [w, x, y, z] = q.map((value) => value / length);
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  ];
}

function apply(matrix: readonly number[], points: Float32Array, scale = 1): Float32Array {
  return align(points, { rotation: matrix, scale });
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, k) => Math.abs(value - b[k])));
}

function residual(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, k) => sum + (value - b[k]) ** 2, 0);
}

describe("procrustes", () => {
  test.each([1, 2, 3, 4, 5])("undoes a known rotation and scale (%i)", (seed) => {
    const points = cloud(200, seed);
    const turned = apply(rotation(seed), points, 2.5);
    const alignment = procrustes(turned, points);
    expect(alignment.scale).toBeCloseTo(1 / 2.5, 6);
    expect(distance(align(turned, alignment), points)).toBeLessThan(1e-5);
  });

  test("undoes a reflection", () => {
    const points = cloud(100, 9);
    const mirrored = apply([-1, 0, 0, 0, 1, 0, 0, 0, 1], apply(rotation(3), points));
    expect(distance(align(mirrored, procrustes(mirrored, points)), points)).toBeLessThan(1e-5);
  });

  test("no rotation lies nearer than the one found", () => {
    const fixed = cloud(60, 1);
    const moving = cloud(60, 2);
    const alignment = procrustes(moving, fixed);
    const best = residual(align(moving, alignment), fixed);
    for (let seed = 0; seed < 400; seed++) {
      const other = { rotation: rotation(seed), scale: alignment.scale };
      expect(residual(align(moving, other), fixed)).toBeGreaterThanOrEqual(best - 1e-3);
      const mirrored = {
        rotation: other.rotation.map((value, k) => (k < 3 ? -value : value)),
        scale: alignment.scale,
      };
      expect(residual(align(moving, mirrored), fixed)).toBeGreaterThanOrEqual(best - 1e-3);
    }
  });

  test("turns a flat map within its plane", () => {
    const flat = cloud(50, 4).map((value, k) => (k % 3 === 2 ? 0 : value));
    const aligned = align(flat, procrustes(flat, cloud(50, 5), true));
    for (let i = 2; i < aligned.length; i += 3) expect(aligned[i]).toBe(0);
  });

  test.each([
    ["all points in one place", new Float32Array(30), cloud(10, 1)],
    ["points on a line", cloud(10, 2).map((value, k) => (k % 3 === 0 ? value : 0)), cloud(10, 3)],
    ["one point", new Float32Array(3), new Float32Array(3)],
  ])("gives a rotation for %s", (_, moving, fixed) => {
    const { rotation: r, scale } = procrustes(moving, fixed);
    expect(Number.isFinite(scale) && scale > 0).toBe(true);
    for (let row = 0; row < 3; row++) {
      for (let other = 0; other < 3; other++) {
        const dot = [0, 1, 2].reduce((sum, k) => sum + r[row * 3 + k] * r[other * 3 + k], 0);
        expect(dot).toBeCloseTo(row === other ? 1 : 0, 9);
      }
    }
  });

  test("an orthogonal matrix is its own orthogonal factor", () => {
    const matrix = rotation(8);
    expect(distance(orthogonalFactor(matrix.map((value) => value * 7)), matrix)).toBeLessThan(1e-12);
  });
});
