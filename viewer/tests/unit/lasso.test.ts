import { describe, expect, test } from "vitest";
import { box, pointsInside, type Polygon } from "../../src/lasso";
import { random } from "../random";

/** Even-odd rule, edge by edge, without any shortcut. */
function bruteForce(x: Float32Array, y: Float32Array, polygon: Polygon, shown: Uint8Array): number[] {
  const found: number[] = [];
  for (let i = 0; i < x.length; i++) {
    let inside = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [x1, y1] = polygon[a];
      const [x2, y2] = polygon[b];
      if (y1 > y[i] !== y2 > y[i] && x[i] < x1 + ((y[i] - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
    }
    if (inside && shown[i]) found.push(i);
  }
  return found;
}

function scatter(n: number, seed: number) {
  const next = random(seed);
  return {
    x: Float32Array.from({ length: n }, () => next() * 800 - 50),
    y: Float32Array.from({ length: n }, () => next() * 600 - 50),
    shown: Uint8Array.from({ length: n }, () => (next() < 0.8 ? 1 : 0)),
  };
}

describe("pointsInside", () => {
  test.each([1, 2, 3, 4, 5, 6])(
    "is the brute-force answer for a wild line that crosses itself (%i)",
    (seed) => {
      const next = random(seed);
      const polygon = Array.from(
        { length: 3 + Math.floor(next() * 150) },
        () => [next() * 700, next() * 500] as const,
      );
      const { x, y, shown } = scatter(4000, seed + 100);
      expect([...pointsInside({ x, y }, polygon, shown)]).toEqual(bruteForce(x, y, polygon, shown));
    },
  );

  test("leaves out filtered points and points behind the eye", () => {
    const x = Float32Array.of(5, 5, NaN, 15);
    const y = Float32Array.of(5, 5, NaN, 5);
    expect([...pointsInside({ x, y }, box(0, 0, 10, 10), Uint8Array.of(1, 0, 1, 1))]).toEqual([0]);
  });

  test("a box drawn in any direction holds the same points", () => {
    const { x, y, shown } = scatter(1000, 3);
    const wanted = pointsInside({ x, y }, box(100, 50, 300, 400), shown);
    expect(wanted.length).toBeGreaterThan(50);
    expect(pointsInside({ x, y }, box(300, 400, 100, 50), shown)).toEqual(wanted);
  });

  test.each([
    [[]],
    [[[1, 1]]],
    [
      [
        [1, 1],
        [5, 5],
      ],
    ],
  ])("a line of fewer than three places holds nothing", (polygon) => {
    const { x, y, shown } = scatter(100, 4);
    expect(pointsInside({ x, y }, polygon as unknown as Polygon, shown)).toHaveLength(0);
  });

  test("horizontal edges and points exactly on them agree with brute force", () => {
    const x = Float32Array.from({ length: 441 }, (_, i) => i % 21);
    const y = Float32Array.from({ length: 441 }, (_, i) => Math.floor(i / 21));
    const shown = new Uint8Array(441).fill(1);
    const polygon: Polygon = [
      [2, 2],
      [18, 2],
      [18, 10],
      [10, 10],
      [10, 18],
      [2, 18],
    ];
    expect([...pointsInside({ x, y }, polygon, shown)]).toEqual(bruteForce(x, y, polygon, shown));
  });
});
