import { describe, expect, test } from "vitest";
import type { Decision } from "../../src/decisions";
import { Dataset } from "../../src/dataset";
import { cleanedTable, fileName, tableOf, toCsv, toJson } from "../../src/export";
import { memorySource } from "../../src/source";
import { makeScene } from "../scenes";

describe("CSV", () => {
  test("quotes what would break a row", () => {
    const table = {
      header: ["path", "a,b"],
      rows: [
        ['with "quotes"', "line\nbreak"],
        ["comma, here", " space"],
        ["plain", null],
        ["ünï", 1.5],
      ],
    };
    expect(toCsv(table)).toBe(
      'path,"a,b"\r\n"with ""quotes""","line\nbreak"\r\n"comma, here"," space"\r\nplain,\r\nünï,1.5\r\n',
    );
  });
});

test("JSON holds a record a picture, null where nothing is known", () => {
  expect(JSON.parse(toJson({ header: ["path", "class"], rows: [["a", null]] }))).toEqual([
    { path: "a", class: null },
  ]);
});

test("a table has each picture's path and each column's value", async () => {
  const { scene, blobs } = makeScene({ count: 40, thumbnails: false, neighbours: false });
  const dataset = new Dataset(scene, memorySource(scene, Object.fromEntries(blobs)));
  const { header, rows } = await tableOf(dataset, [3, 17]);
  expect(header.slice(0, 4)).toEqual(["picture", "path", "c0", "c1"]);
  expect(rows.map((row) => row[0])).toEqual([3, 17]);
  const [, path, name] = rows[1];
  expect(path).toBe(`${name}/${name}_000017.jpg`);
});

test("the cleaned table has all pictures, with what was decided of them", async () => {
  const { scene, blobs } = makeScene({ count: 5, thumbnails: false, neighbours: false, findings: [] });
  const dataset = new Dataset(scene, memorySource(scene, Object.fromEntries(blobs)));
  const decisions = new Map<number, Decision>([
    [0, "keep"],
    [1, "drop"],
    [3, { to: "new, class" }],
  ]);
  const { header, rows } = await cleanedTable(dataset, decisions);
  expect(header).toEqual(["path", "label", "was", "viewer"]);
  const own = rows.map((row) => row[2]);
  expect(new Set(own).size).toBeGreaterThan(1);
  expect(rows.map((row) => row[0])).toEqual([0, 1, 2, 3, 4].map((i) => `../pictures/${i}.jpg`));
  expect(rows.map((row) => row[1])).toEqual([own[0], "", own[2], "new, class", own[4]]);
  expect(rows.map((row) => row[3])).toEqual(["kept", "set aside", "", "labelled", ""]);
});

test.each([
  ["animals 8", "animals-8-map.png"],
  ["../../etc/passwd", "etc-passwd-map.png"],
  ["***", "embedlens-map.png"],
  ["Tiere ü", "Tiere-ü-map.png"],
])("a file is named after %j", (title, name) => {
  expect(fileName(title, "map.png")).toBe(name);
});
