import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { quoted } from "../../src/ui/cleaned";

test.each(["/a b/labels.csv", "/it's/$HOME/`ls`.csv", '/"x"/!y', "/plain.csv"])(
  "a shell takes %j as one word",
  (path) => {
    expect(execFileSync("bash", ["-c", `printf %s ${quoted(path)}`]).toString()).toBe(path);
  },
);

test("a path of Windows stands in double quotes", () => {
  expect(quoted("C:\\my pictures\\labels.csv")).toBe('"C:\\my pictures\\labels.csv"');
});
