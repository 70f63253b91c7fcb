import { describe, expect, test } from "vitest";
import { contrast, distance, parseHex, seenBy, toLab, type Sight } from "../../src/oklab";
import { categoryColours, inkOn, pointColours, ramp, rangeOf, UNKNOWN_COLOUR } from "../../src/palette";
import type { CategoryColumn, NumberColumn } from "../../src/scene";

function leastDistance(colours: string[], sight: Sight): number {
  const labs = colours.map((hex) => toLab(seenBy(parseHex(hex), sight)));
  let least = Infinity;
  for (let a = 0; a < labs.length; a++)
    for (let b = 0; b < a; b++) least = Math.min(least, distance(labs[a], labs[b]));
  return least;
}

const numbers = (range?: [number, number]): NumberColumn => ({
  id: "n",
  name: "n",
  kind: "number",
  blob: "n",
  ...(range ? { range } : {}),
});

describe("categoryColours", () => {
  // A difference of 0.02 in OKLab is about what one just sees side by side.
  test.each([
    ["normal", 8, 0.1],
    ["protanopia", 8, 0.05],
    ["deuteranopia", 8, 0.05],
    ["normal", 20, 0.06],
    ["protanopia", 20, 0.035],
    ["deuteranopia", 20, 0.035],
    ["normal", 100, 0.02],
    ["protanopia", 100, 0.014],
    ["deuteranopia", 100, 0.014],
  ] as const)("%s sight tells %i classes apart by %f or more", (sight, count, bar) => {
    expect(leastDistance(categoryColours(count), sight)).toBeGreaterThan(bar);
  });

  test("400 classes have 400 colours", () => {
    expect(new Set(categoryColours(400)).size).toBe(400);
  });

  test("more classes do not change the colours of the first ones", () => {
    expect(categoryColours(60).slice(0, 20)).toEqual(categoryColours(20));
  });

  test("generated colours can be seen on white and on black", () => {
    for (const hex of categoryColours(100).slice(12)) {
      expect(contrast(parseHex(hex), [1, 1, 1])).toBeGreaterThan(1.4);
      expect(contrast(parseHex(hex), [0, 0, 0])).toBeGreaterThan(2.5);
    }
  });
});

describe("ramps", () => {
  test("lightness rises evenly from low to high", () => {
    const lightness = ramp(numbers([0, 1])).map((hex) => toLab(parseHex(hex))[0]);
    for (let k = 1; k < 256; k++) expect(lightness[k]).toBeGreaterThan(lightness[k - 1] - 0.004);
    expect(lightness[255] - lightness[0]).toBeGreaterThan(0.4);
  });

  test("signed numbers have two hues that every colour vision tells apart", () => {
    const colours = ramp(numbers([-1, 1]));
    for (const sight of ["normal", "protanopia", "deuteranopia"] as const) {
      expect(leastDistance([colours[0], colours[255]], sight)).toBeGreaterThan(0.2);
    }
  });

  test("the range is the column's own, or that of its finite values", () => {
    expect(rangeOf(numbers([0, 1]), [5])).toEqual([0, 1]);
    expect(rangeOf(numbers(), [3, NaN, -1])).toEqual([-1, 3]);
    expect(rangeOf(numbers(), [2, 2])).toEqual([2, 3]);
    expect(rangeOf(numbers(), [NaN])).toEqual([0, 1]);
  });
});

describe("pointColours", () => {
  const grey = parseInt(
    UNKNOWN_COLOUR.slice(5, 7) + UNKNOWN_COLOUR.slice(3, 5) + UNKNOWN_COLOUR.slice(1, 3),
    16,
  );

  test("unknown categories and numbers are grey", () => {
    const column: CategoryColumn = { id: "c", name: "c", kind: "category", categories: ["a"], blob: "c" };
    expect([...pointColours(column, Uint16Array.of(65535, 0))]).toEqual([grey, 0xb27200]);
    expect(pointColours(numbers([0, 1]), Float32Array.of(NaN))[0]).toBe(grey);
  });

  test("values outside the range get its ends", () => {
    const [low, below, high, above] = pointColours(numbers([0, 1]), Float32Array.of(0, -3, 1, 9));
    expect(below).toBe(low);
    expect(above).toBe(high);
  });
});

test("ink on any colour reads", () => {
  for (const hex of categoryColours(100))
    expect(contrast(parseHex(hex), parseHex(inkOn(hex)))).toBeGreaterThan(4.5);
});
