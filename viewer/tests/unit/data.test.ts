import { describe, expect, test } from "vitest";
import { confusionOf, mistakes } from "../../src/confusion";
import { Dataset } from "../../src/dataset";
import { countCodes, shownPoints, withCategory } from "../../src/filter";
import { KnifeLayout, knifeOf } from "../../src/knife";
import { normalise } from "../../src/normalise";
import { DepthOrder } from "../../src/order";
import { checkScene, FORMAT, UNKNOWN } from "../../src/scene";
import { difference, union, where } from "../../src/selection";
import { memorySource } from "../../src/source";
import { normal, random } from "../random";
import { makeScene } from "../scenes";

describe("normalise", () => {
  test("large and far coordinates come to the centre with their detail", () => {
    const gauss = normal(random(1));
    const near = Float64Array.from({ length: 600 }, gauss);
    const far = Float32Array.from(near, (value) => 1e5 + value * 1000);
    const points = normalise(far, 3);
    const rms = Math.sqrt(points.reduce((sum, value) => sum + value * value, 0) / 200);
    expect(rms).toBeCloseTo(1, 5);
    expect(Math.abs(points.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-3);
  });

  test("what is not a number goes to the centre and spoils nothing", () => {
    const points = normalise(Float32Array.of(1, 1, NaN, 5, 3, 3, Infinity, 0), 2);
    expect([...points.slice(3, 6), ...points.slice(9)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(points[0]).toBeCloseTo(-Math.SQRT1_2);
    expect(points.every(Number.isFinite)).toBe(true);
  });

  test("points all in one place stay finite", () => {
    expect([...normalise(Float32Array.of(7, 7, 7, 7, 7, 7), 3)]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("depth order", () => {
  test("goes from back to front, filtered points first", () => {
    const gauss = normal(random(3));
    const points = Float32Array.from({ length: 3000 }, gauss);
    const shown = Uint8Array.from({ length: 1000 }, (_, i) => i % 3 && 1);
    const order = new Uint32Array(1000);
    new DepthOrder(1000).sort(order, points, points, 0, [0, 0, 1], shown);
    expect(new Set(order).size).toBe(1000);
    const key = (i: number) => shown[i] * 1000 + points[i * 3 + 2];
    for (let k = 1; k < 1000; k++) expect(key(order[k])).toBeGreaterThan(key(order[k - 1]) - 0.01);
  });
});

describe("filters", () => {
  const { scene, blobs } = makeScene({ count: 300, thumbnails: false, neighbours: false });
  const dataset = new Dataset(scene, memorySource(scene, Object.fromEntries(blobs)));

  test("a point is shown if all filters let it pass", async () => {
    const classes = await dataset.values(dataset.columnOf("class")!);
    const silhouettes = await dataset.values(dataset.column("Xception pca parted")!);
    const shown = shownPoints(dataset, {
      c0: { codes: [0, 2] },
      "Xception pca parted": { low: 0.5, high: 1 },
    });
    const wanted = Array.from(classes, (code, i) =>
      (code === 0 || code === 2) && silhouettes[i] >= 0.5 && silhouettes[i] <= 1 ? 1 : 0,
    );
    expect([...shown]).toEqual(wanted);
    expect(wanted).toContain(1);
  });

  test("where nothing is known there is a dash, or what the scene says", async () => {
    const column = dataset.column("Xception says")!;
    const values = await dataset.values(column);
    const i = values.indexOf(UNKNOWN);
    expect(i).toBeGreaterThanOrEqual(0);
    expect(dataset.word(column, i)).toBe("–");
    expect(dataset.word({ ...column, unknown: "no label" }, i)).toBe("no label");
  });

  test("a category is isolated, joined, and let go", () => {
    const all = [0, 1, 2];
    expect(withCategory(undefined, 1, all, false)).toEqual({ codes: [1] });
    expect(withCategory({ codes: [1] }, 1, all, false)).toBeUndefined();
    expect(withCategory({ codes: [1] }, 0, all, true)).toEqual({ codes: [0, 1] });
    expect(withCategory({ codes: [0, 1] }, 2, all, true)).toBeUndefined();
    expect(withCategory(undefined, 2, all, true)).toEqual({ codes: [0, 1] });
  });

  test("unknown values are counted last", () => {
    const column = { id: "c", name: "c", kind: "category", categories: ["a", "b"], blob: "c" } as const;
    expect(
      countCodes(
        { ...column, categories: ["a", "b"] },
        Uint16Array.of(0, 1, 1, 65535),
        Uint8Array.of(1, 1, 0, 1),
      ),
    ).toEqual([1, 1, 1]);
  });
});

describe("silhouette plot", () => {
  const values = Float32Array.of(0.5, -0.2, 0.9, NaN, 0.1, 0.3);
  const codes = Uint16Array.of(0, 1, 0, 0, 1, 65535);
  const knife = knifeOf(values, codes, 3, Uint8Array.of(1, 1, 1, 1, 1, 1));

  test("orders each class from high to low, and leaves out what is not known", () => {
    expect([...knife.order]).toEqual([2, 0, 4, 1]);
    expect(knife.blades.map(({ code, start, end }) => [code, start, end])).toEqual([
      [0, 0, 2],
      [1, 2, 4],
    ]);
    expect(knife.mean).toBeCloseTo(0.325, 6);
    expect(knife.least).toBeCloseTo(-0.2, 6);
  });

  test("sorts many points as a comparison would", () => {
    const gauss = normal(random(6));
    const many = Float32Array.from({ length: 5000 }, (_, i) => (i % 7 === 0 ? 0 : gauss()));
    const { order } = knifeOf(many, new Uint16Array(5000), 1, new Uint8Array(5000).fill(1));
    const wanted = [...many.keys()].sort((a, b) => many[b] - many[a]);
    expect(Array.from(order, (i) => many[i])).toEqual(wanted.map((i) => many[i]));
    expect(new Set(order).size).toBe(5000);
  });

  test("knows the height of a rank and the rank at a height", () => {
    const layout = new KnifeLayout(knife, 200);
    for (let rank = 0; rank < 4; rank++) expect(Math.floor(layout.rankAt(layout.heightOf(rank)))).toBe(rank);
  });

  test("a brush selects the points of its bars", () => {
    const layout = new KnifeLayout(knife, 200);
    const { top, height } = layout.span(1);
    expect([...layout.between(top + 1, top + height / 2 - 1)]).toEqual([4]);
    expect([...layout.between(layout.height, 0)]).toEqual([0, 1, 2, 4]);
    expect([...layout.between(top - 1, top - 4)]).toEqual([]);
  });
});

test("the confusion matrix counts what is shown and known", () => {
  const confusion = confusionOf(
    [0, 0, 1, 1, 2],
    [0, 1, 1, 65535, 0],
    [0, 1, 2],
    3,
    Uint8Array.of(1, 1, 1, 1, 0),
  );
  expect([...confusion.counts]).toEqual([1, 1, 0, 0, 1, 0, 0, 0, 0]);
  expect([confusion.total, confusion.right]).toEqual([3, 2]);
  expect(mistakes(confusion)).toEqual([{ truth: 0, guess: 1, count: 1 }]);
});

test("selections are joined, cut and found", () => {
  expect([...union(Uint32Array.of(1, 10), Uint32Array.of(2, 10))]).toEqual([1, 2, 10]);
  expect([...difference(Uint32Array.of(1, 2, 10), Uint32Array.of(2))]).toEqual([1, 10]);
  expect([...where(Uint8Array.of(1, 0, 1), (i) => i < 2)]).toEqual([0]);
});

test.each([
  [null],
  [{ format: FORMAT - 1 }],
  [{ format: FORMAT, count: 0 }],
  [{ format: FORMAT, count: 3, maps: [] }],
])("a bad manifest is refused: %j", (value) => {
  expect(() => checkScene(value)).toThrow();
});

test("a blob of the wrong length is named", async () => {
  const { scene, blobs } = makeScene({ count: 20, thumbnails: false, neighbours: false });
  blobs.set("class", new Uint8Array(10));
  const dataset = new Dataset(scene, memorySource(scene, Object.fromEntries(blobs)));
  await expect(dataset.values(dataset.columnOf("class")!)).rejects.toThrow(
    '"class" holds 5 values where 20 are due',
  );
});
