import { describe, expect, test } from "vitest";
import { Dataset } from "../../src/dataset";
import { columnNamed, findPictures, hasConditions, parseQuery, QueryError } from "../../src/query";
import type { CategoryColumn, NumberColumn } from "../../src/scene";
import { makeScene } from "../scenes";

const made = makeScene({ count: 400, thumbnails: false, neighbours: false });
const { scene } = made;
const dataset = new Dataset(scene, {
  scene: () => Promise.resolve(scene),
  blob: (name: string) => {
    const bytes = made.blobs.get(name)!;
    return Promise.resolve(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
    );
  },
});
const everything = new Uint8Array(scene.count).fill(1);
const find = async (text: string, shown = everything) =>
  Array.from(await findPictures(parseQuery(text), dataset, scene.maps[0], shown));
const columnsOf = async () => ({
  classes: scene.columns[0] as CategoryColumn,
  codes: await dataset.values(scene.columns[0]),
  splits: await dataset.values(scene.columns[1]),
});
const indices = (wanted: (i: number) => boolean) => [...everything.keys()].filter(wanted);

describe("a query", () => {
  test.each([
    ["rose", [[false, null, ":", "rose"]]],
    ["-rose", [[true, null, ":", "rose"]]],
    ["class:rose", [[false, "class", ":", "rose"]]],
    ["class=rose", [[false, "class", ":", "rose"]]],
    ['class:"red rose" -split:test', [[false, "class", ":", "red rose"], [true, "split", ":", "test"]]],
    ['"own class near">=.8', [[false, "own class near", ">=", ".8"]]],
    ["confidence<.6", [[false, "confidence", "<", ".6"]]],
    ["confidence:0.2..0.6", [[false, "confidence", ":", "0.2..0.6"]]],
    ["silhouette<-0.5", [[false, "silhouette", "<", "-0.5"]]],
    ['"two words', [[false, null, ":", "two words"]]],
    ["class: rose", [[false, "class", ":", "rose"]]],
    ["confidence < .6 split:test", [[false, "confidence", "<", ".6"], [false, "split", ":", "test"]]],
    ["class!=rose", [[true, "class", ":", "rose"]]],
    ["-class!=rose", [[false, "class", ":", "rose"]]],
    ["a-b.jpg", [[false, null, ":", "a-b.jpg"]]],
    ["   ", []],
  ])("%j is taken apart", (text, terms) => {
    expect(
      parseQuery(text).map(({ negated, field, relation, value }) => [negated, field, relation, value]),
    ).toEqual(terms);
  }); // prettier-ignore

  test.each([
    ["cat", false],
    ["my cat.jpg", false],
    ["-cat", true],
    ["class:cat", true],
  ])("%j has conditions: %s", (text, has) => {
    expect(hasConditions(parseQuery(text))).toBe(has);
  });

  test("all conditions hold for what is found, and only for that", async () => {
    const { classes, codes, splits } = await columnsOf();
    const dog = classes.categories.indexOf("dog");
    expect(await find("class:DOG split:test")).toEqual(indices((i) => codes[i] === dog && splits[i] === 2));
    expect(await find("class:dog -split:test")).toEqual(indices((i) => codes[i] === dog && splits[i] !== 2));
    const cat = classes.categories.indexOf("cat");
    expect(await find("class:dog,cat")).toEqual(indices((i) => codes[i] === dog || codes[i] === cat));
    expect((await find("class:dog class:cat")).length).toBe(0);
  });

  test("a part of a class stands for all that hold it", async () => {
    const { classes, codes } = await columnsOf();
    const holding = classes.categories.map((name) => name.includes("ee") || name.includes("eo"));
    expect(await find("class:ee,eo")).toEqual(indices((i) => holding[codes[i]]));
  });

  test("numbers are compared as they are stored, and what has none is never found", async () => {
    const column = scene.columns.find((each): each is NumberColumn => each.kind === "number")!;
    const values = await dataset.values(column);
    const field = `"${column.name}"`;
    const some = values[5];
    expect(await find(`${field}<=${some}`)).toEqual(indices((i) => values[i] <= some));
    expect(await find(`${field}<${some}`)).toEqual(indices((i) => values[i] < some));
    expect(await find(`${field}:${some}`)).toContain(5);
    expect(await find(`-${field}>${some}`)).toEqual(indices((i) => !(values[i] > some)));
  });

  test("words are looked for in files and classes; only shown pictures are found", async () => {
    const { classes, codes } = await columnsOf();
    const dog = classes.categories.indexOf("dog");
    expect(await find("dog 0001")).toEqual((await find("file:0001")).filter((i) => codes[i] === dog));
    const odd = everything.map((_, i) => i % 2);
    expect((await find("class:dog", odd)).every((i) => i % 2 === 1)).toBe(true);
  });

  test.each([
    ["colour:red", /No column is called “colour”\. There are file, class, split/],
    [
      "class:unicorn",
      /No class is called “unicorn”\. There are cat, cheetah, dog, fox, leopard, lion and 2 more/,
    ],
    ["class<cat", /class has no order; write class:cat/],
  ])("%j is refused in words", async (text, message) => {
    await expect(find(text)).rejects.toThrow(QueryError);
    await expect(find(text)).rejects.toThrow(message);
  });

  test("a number that is none is refused", async () => {
    const column = scene.columns.find((each) => each.kind === "number")!;
    for (const value of ["low", "1..2..3", "1..x"])
      await expect(find(`"${column.name}":${value}`)).rejects.toThrow(/is no number/);
  });
});

describe("a column of names that are awkward", () => {
  const categories = [
    "a, b",
    "a",
    "b",
    "Cat",
    "cat",
    "catfish",
    "2020-01-31",
    "2020-02-01T09:30",
    "2021-01-01",
  ];
  const column: CategoryColumn = { id: "it", name: "it", blob: "it", kind: "category", categories };
  const awkward = new Dataset(
    { ...scene, count: categories.length, columns: [column] },
    {
      scene: () => Promise.resolve(scene),
      blob: () => Promise.resolve(Uint16Array.from(categories.keys()).buffer),
    },
  );
  const names = async (text: string) => {
    const all = new Uint8Array(categories.length).fill(1);
    const found = await findPictures(parseQuery(text), awkward, scene.maps[0], all);
    return Array.from(found, (i) => categories[i]);
  };

  test.each([
    ['it:"a, b"', ["a, b"]],
    ["it:a,b", ["a", "b"]],
    ["it:cat", ["Cat", "cat"]],
    ["it:catf", ["catfish"]],
    ["it<2020-02", ["2020-01-31"]],
    ["it<=2020-02", ["2020-01-31", "2020-02-01T09:30"]],
    ["it>2020-02", ["2021-01-01"]],
    ["it>=2020-02-01", ["2020-02-01T09:30", "2021-01-01"]],
  ])("%j finds %j", async (text, wanted) => {
    expect(await names(text)).toEqual(wanted);
  });

  test("are in order only among dates", async () => {
    await expect(names("it<cat")).rejects.toThrow(/“cat” is no date; it takes it<2020-01-31/);
    await expect(find("class<dog")).rejects.toThrow(/class has no order/);
  });
});

describe("a field", () => {
  const number = (id: string, name: string, backbone?: string): NumberColumn => ({
    ...{ id, name, shortName: name.split(" of ")[0], blob: id, kind: "number" },
    ...(backbone ? { backbone } : {}),
  });
  const columns = [
    number("a", "confidence of A", "A"),
    number("b", "confidence of B", "B"),
    number("sb:1", "silhouette of B, all", "B"),
    number("sb:2", "silhouette of B, this map", "B"),
    number("age", "age"),
    number("aged", "aged well"),
  ];
  const map = { ...scene.maps[0], backbone: "B", silhouetteColumn: "sb:2" };

  test.each([
    ["confidence", "b"],
    ["conf", "b"],
    ["Confidence of A", "a"],
    ["silhouette", "sb:2"],
    ["age", "age"],
    ["aged", "aged"],
  ])("%j is the column %j", (field, id) => {
    expect(columnNamed(field, columns, map).id).toBe(id);
  });
});
