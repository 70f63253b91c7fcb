import { describe, expect, test } from "vitest";
import { blend, type Camera, orbit, pan, START, viewOf, type Viewport, zoom } from "../../src/camera";
import { type Covered, fitted, NOTHING_COVERED } from "../../src/fit";
import { place, Projected } from "../../src/picking";
import { normal, random } from "../random";

const viewport: Viewport = { left: 0, top: 0, width: 900, height: 600 };
const camera: Camera = { azimuth: 40, elevation: 20, target: [0.2, -0.1, 0.3], span: 3 };
const view = (c: Camera, perspective = true) => viewOf(c, viewport.width / viewport.height, perspective, 10);
const at = (point: number[], c: Camera, perspective = true) =>
  place(Float32Array.from(point), 0, view(c, perspective), viewport)!;

describe("the camera", () => {
  test.each([true, false])("shows its target in the middle (perspective: %s)", (perspective) => {
    const [x, y] = at([...camera.target], camera, perspective);
    expect(x).toBeCloseTo(450, 3);
    expect(y).toBeCloseTo(300, 3);
  });

  test.each([true, false])("spans the shorter side (perspective: %s)", (perspective) => {
    const { up, right } = view(camera, perspective);
    const top = camera.target.map((value, k) => value + (up[k] * camera.span) / 2);
    expect(at(top, camera, perspective)[1]).toBeCloseTo(0, 3);
    const tall: Viewport = { left: 0, top: 0, width: 300, height: 800 };
    const side = camera.target.map((value, k) => value + (right[k] * camera.span) / 2);
    expect(
      place(Float32Array.from(side), 0, viewOf(camera, 300 / 800, perspective, 10), tall)![0],
    ).toBeCloseTo(300, 3);
  });

  test.each([1.3, 1000, 0.5])("keeps what lies under the pointer when it comes nearer by %f", (factor) => {
    const { right, up } = view(camera);
    const unit = camera.span / 600;
    const point = camera.target.map((value, k) => value + (250 * right[k] - 120 * up[k]) * unit);
    const [x, y] = at(point, camera);
    const nearer = zoom(camera, factor, x, y, viewport);
    const [x2, y2] = at(point, nearer);
    expect(Math.hypot(x2 - x, y2 - y)).toBeLessThan(0.2);
  });

  test("moves what it shows by the pixels asked for", () => {
    const [x, y] = at([...camera.target], pan(camera, 70, -30, viewport));
    expect(x).toBeCloseTo(520, 2);
    expect(y).toBeCloseTo(270, 2);
  });

  test("never turns over the poles", () => {
    expect(orbit(camera, 0, 500).elevation).toBe(90);
    expect(orbit(camera, 0, -500).elevation).toBe(-90);
    expect(orbit(camera, 500, 0).azimuth).toBeCloseTo(260);
  });

  test("looks from above with the first axis to the right and the second upwards", () => {
    const above: Camera = { azimuth: 270, elevation: 90, target: [0, 0, 0], span: 2 };
    expect(at([0.5, 0, 0], above, false)[0]).toBeCloseTo(600, 3);
    expect(at([0, 0.5, 0], above, false)[1]).toBeCloseTo(150, 3);
  });

  test("blends from one to another the short way round", () => {
    const from = { ...camera, azimuth: 350 };
    expect(blend(from, { ...camera, azimuth: 10 }, 0.5).azimuth).toBeCloseTo(0);
    const end = blend(from, camera, 1);
    expect(end.azimuth).toBeCloseTo(camera.azimuth, 9);
    expect(end.span).toBeCloseTo(camera.span, 9);
    expect(end.target).toEqual(camera.target);
  });
});

describe("picking", () => {
  const gauss = normal(random(5));
  const points = Float32Array.from({ length: 900 }, gauss);
  const projected = new Projected(points, view(camera), viewport);
  const shown = Uint8Array.from({ length: 300 }, (_, i) => (i % 5 === 0 ? 0 : 1));

  test("projects all points as each by itself", () => {
    for (let i = 0; i < 300; i++) {
      if (Number.isNaN(projected.x[i])) continue;
      const [x, y] = place(points, i, view(camera), viewport)!;
      expect(projected.x[i]).toBeCloseTo(x, 2);
      expect(projected.y[i]).toBeCloseTo(y, 2);
    }
  });

  test("finds the shown point that a search of all finds", () => {
    const next = random(2);
    for (let trial = 0; trial < 300; trial++) {
      const [x, y] = [next() * 900, next() * 600];
      let best = -1;
      let least = 14;
      for (let i = 0; i < 300; i++) {
        const distance = Math.hypot(projected.x[i] - x, projected.y[i] - y);
        if (shown[i] && distance <= least) [best, least] = [i, distance];
      }
      expect(projected.pick(x, y, shown, 0)).toBe(best);
    }
  });

  test("of discs that cover each other the foremost is picked", () => {
    const { towards } = view(camera, false);
    const stack = Float32Array.from(
      [-0.5, 0.9, 0.2].flatMap((step) => camera.target.map((value, k) => value + towards[k] * step)),
    );
    const column = new Projected(stack, view(camera, false), viewport);
    expect(column.pick(451, 300, Uint8Array.of(1, 1, 1), 4)).toBe(1);
    expect(column.pick(451, 300, Uint8Array.of(1, 0, 1), 4)).toBe(2);
  });
});

describe("what is shown first", () => {
  const gauss = normal(random(3));
  const clouds: Record<string, Float32Array> = {
    "a ball": Float32Array.from({ length: 3000 }, gauss),
    "a rod": Float32Array.from({ length: 3000 }, (_, k) => gauss() * (k % 3 === 2 ? 3 : 0.1)),
    "a disc": Float32Array.from({ length: 3000 }, (_, k) => gauss() * (k % 3 === 2 ? 0.02 : 2)),
    "one aside": Float32Array.from({ length: 3000 }, (_, k) => gauss() + (k < 600 ? 5 : 0)),
    "one point": Float32Array.of(0, 0, 0),
  };
  const sizes: [number, number][] = [
    [390, 640],
    [640, 640],
    [1200, 700],
    [2400, 500],
  ];
  const covers: Covered[] = [NOTHING_COVERED, { left: 50, right: 0, top: 40, bottom: 60 }];
  const cases = Object.keys(clouds).flatMap((name) =>
    sizes.flatMap(([width, height]) => covers.map((covered) => ({ name, width, height, covered }))),
  );

  test.each(cases)("$name is free on $width x $height, however turned ($covered.left)", (given) => {
    const { name, width, height, covered } = given;
    const [points, viewport] = [clouds[name], { left: 0, top: 0, width, height }];
    const whole = fitted(points, START, true, viewport, covered);
    let used = 0;
    for (let azimuth = 0; azimuth < 360; azimuth += 15) {
      const turned = { ...whole, azimuth };
      // The covered part is at the same side of the screen from wherever one looks.
      const again =
        azimuth % 90 === 0 ? fitted(points, { ...START, azimuth }, true, viewport, covered) : null;
      const camera = covered === NOTHING_COVERED ? turned : again;
      if (!camera) continue;
      const { x, y } = new Projected(points, viewOf(camera, width / height, true, 40), viewport);
      expect(Math.min(...x)).toBeGreaterThan(covered.left);
      expect(Math.max(...x)).toBeLessThan(width - covered.right);
      expect(Math.min(...y)).toBeGreaterThan(covered.top);
      expect(Math.max(...y)).toBeLessThan(height - covered.bottom);
      const [free, freeHigh] = [width - covered.left - covered.right, height - covered.top - covered.bottom];
      used = Math.max(
        used,
        (Math.max(...x) - Math.min(...x)) / free,
        (Math.max(...y) - Math.min(...y)) / freeHigh,
      );
    }
    // It is not small for want of care.
    if (name !== "one point") expect(used).toBeGreaterThan(0.6);
  });

  test("of a point very far from all others the rest does not become a dot", () => {
    const points = Float32Array.from([...clouds["a ball"], 500, 0, 0]);
    const viewport = { left: 0, top: 0, width: 900, height: 600 };
    expect(fitted(points, START, true, viewport, NOTHING_COVERED).span).toBeLessThan(20);
  });

  test("flat, the sides are those of the points", () => {
    const points = Float32Array.of(-3, -1, 0, 5, 2, 0);
    const viewport = { left: 0, top: 0, width: 400, height: 800 };
    const covered = { left: 100, right: 0, top: 0, bottom: 0 };
    const whole = fitted(points, { ...START, azimuth: 270, elevation: 90 }, false, viewport, covered);
    const { x } = new Projected(points, viewOf(whole, 0.5, false, 10), viewport);
    expect(x[0]).toBeCloseTo(108, 1);
    expect(x[1]).toBeCloseTo(392, 1);
  });
});
