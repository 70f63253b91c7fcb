import { expect, test } from "vitest";
import { numbersWithin } from "../../src/ui/histogram";

test.each([
  [1990, 2019, 1990, "1990"],
  [20230105, 20231224, 20230105, "20230105"],
  [0, 1, 0.51239, "0.512"],
  [-1, 1, -0.25, "-0.25"],
  [0, 1e-6, 2.5e-7, "2.5e-7"],
  [3, 3, 3, "3"],
])("in a range of %d to %d, %d is %s", (low, high, value, text) => {
  expect(numbersWithin(low, high)(value)).toBe(text);
});
