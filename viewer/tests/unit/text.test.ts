import { describe, expect, test } from "vitest";
import { Text } from "../../src/text";

function text(...strings: string[]): Text {
  const parts = strings.map((value) => Buffer.from(value));
  const offsets = Uint32Array.from([
    0,
    ...parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0)),
  ]);
  return new Text(new Uint8Array(Buffer.concat(parts)), offsets);
}

describe("Text", () => {
  const names = text("cat/Ünïcode 1.jpg", "", "dog/😀\n.jpg", "CAT/b.jpg", "<b>.png");

  test("gives each string back", () => {
    expect(names.length).toBe(5);
    expect([0, 1, 2, 3, 4].map((i) => names.at(i))).toEqual([
      "cat/Ünïcode 1.jpg",
      "",
      "dog/😀\n.jpg",
      "CAT/b.jpg",
      "<b>.png",
    ]);
  });

  test.each([
    ["cat", [0, 3]],
    ["CAT/", [0, 3]],
    ["ünï", []],
    ["Ünï", [0]],
    ["😀", [2]],
    [".jpg", [0, 2, 3]],
    ["nothing", []],
    ["", []],
    ["<B>", [4]],
  ])("finds %j", (part, where) => {
    expect(names.search(part)).toEqual(where);
  });

  test("does not find across two strings", () => {
    expect(text("ab", "cd").search("bc")).toEqual([]);
  });
});
