import { describe, expect, test } from "vitest";
import { changes, type Decision, type Decisions, fromLists, withDecision } from "../../src/decisions";
import { countDecided, type Finding, isDecided, nextUndecided } from "../../src/findings";

const decided: Decisions = new Map<number, Decision>([
  [1, "keep"],
  [2, "drop"],
  [3, { to: "cat" }],
]);

describe("decisions", () => {
  test("what is told of changes gives the same decisions on the other side", () => {
    const lists = changes(new Map(), decided)!;
    expect(lists).toEqual({ kept: [1], labelled: { cat: [3] }, aside: [2], undecided: [] });
    expect(fromLists(lists)).toEqual(decided);
  });

  test("only what differs is told", () => {
    const next = withDecision(withDecision(decided, [3, 4], { to: "dog" }), [1], null);
    expect(changes(decided, next)).toEqual({
      kept: [],
      labelled: { dog: [3, 4] },
      aside: [],
      undecided: [1],
    });
    expect(changes(decided, withDecision(decided, [3], { to: "cat" }))).toBeNull();
  });
});

describe("findings", () => {
  const pair = (picture: number, other?: number): Finding => ({
    kind: "leak",
    picture,
    ...(other === undefined ? {} : { other }),
    reason: "",
  });

  test.each([
    [pair(1), true],
    [pair(4), false],
    [pair(1, 3), true],
    [pair(1, 4), false], // one of them was looked at, for another reason
    [pair(4, 2), true], // the other is dropped: no pair is left
    [pair(4, 5), false],
  ])("%j is decided: %s", (finding, expected) => {
    expect(isDecided(finding, decided)).toBe(expected);
  });

  test("the next to decide is looked for around the end of the list", () => {
    const all = [pair(4), pair(1), pair(5), pair(2)];
    const order = [0, 1, 2, 3];
    expect(countDecided(all, decided)).toBe(2);
    expect(nextUndecided(all, order, 0, decided)).toBe(2);
    expect(nextUndecided(all, order, 2, decided)).toBe(0);
    expect(nextUndecided(all, [1, 3], 1, decided)).toBe(1);
  });
});
