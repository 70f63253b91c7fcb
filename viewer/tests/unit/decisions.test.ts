import { describe, expect, test } from "vitest";
import { changes, type Decision, type Decisions, fromLists, withDecision } from "../../src/decisions";
import { Deciding } from "../../src/check/deciding";
import {
  countDecided,
  decideOn,
  type Finding,
  isDecided,
  nextUndecided,
  proposedFor,
} from "../../src/findings";

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

  test("who moves one of a pair keeps the other; who drops one has said nothing of it", () => {
    const moved = decideOn(new Map(), pair(4, 5), [4], { to: "cat" });
    expect(moved).toEqual({
      decisions: new Map<number, Decision>([
        [4, { to: "cat" }],
        [5, "keep"],
      ]),
      takenBack: false,
    });
    expect(decideOn(new Map(), pair(4, 5), [4], "drop").decisions).toEqual(new Map([[4, "drop"]]));
    // What the other has been decided to be stays.
    expect(decideOn(decided, pair(4, 2), [4], { to: "cat" }).decisions.get(2)).toBe("drop");
  });

  test("the same decision again takes it back", () => {
    const again = decideOn(decided, pair(3), [3], { to: "cat" });
    expect([again.takenBack, again.decisions.has(3)]).toEqual([true, false]);
    expect(decideOn(decided, pair(3), [3], { to: "dog" }).decisions.get(3)).toEqual({ to: "dog" });
  });

  test("another class is proposed by the check, or by a copy under another label", () => {
    const labelOf = (i: number) => (i === 5 ? "dog" : "cat");
    expect(proposedFor({ ...pair(4), suggested: "owl" }, 4, labelOf)).toBe("owl");
    expect(proposedFor({ ...pair(4, 5), kind: "two labels" }, 4, labelOf)).toBe("dog");
    expect(proposedFor({ ...pair(4, 5), kind: "two labels" }, 5, labelOf)).toBe("cat");
    expect(proposedFor({ ...pair(4, 6), kind: "two labels" }, 4, labelOf)).toBe("");
    expect(proposedFor(pair(4, 5), 4, labelOf)).toBe("");
  });

  test("the page of a check goes back decision by decision", () => {
    const deciding = new Deciding(decided);
    deciding.findings.push(pair(4, 5), pair(1));
    deciding.decide(pair(4, 5), [4, 5], "keep");
    deciding.noteSaved();
    expect([deciding.decided, deciding.saved]).toEqual([2, true]);
    deciding.undo();
    expect([deciding.decided, deciding.saved, deciding.canUndo]).toEqual([1, false, false]);
    expect(deciding.decisions).toBe(decided);
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
