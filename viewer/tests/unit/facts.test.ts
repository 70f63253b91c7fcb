import { expect, test } from "vitest";
import type { Context } from "../../src/context";
import { Dataset } from "../../src/dataset";
import { type Column, UNKNOWN } from "../../src/scene";
import { memorySource } from "../../src/source";
import { initialState } from "../../src/state";
import { Store } from "../../src/store";
import { facts } from "../../src/ui/facts";
import { makeScene } from "../scenes";

/** A scene of three pictures, of class a, a and none, all said to be b. */
async function made(colour: string) {
  const { scene, blobs } = makeScene({ count: 3, thumbnails: false, neighbours: false });
  const [map] = scene.maps;
  const [classes, prediction] = (["class", "prediction"] as const).map((role) =>
    scene.columns.find((column) => column.role === role)!,
  );
  const codes = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
  blobs.set(classes.blob, codes(0, 1, UNKNOWN)).set(prediction.blob, codes(1, 1, 1));
  const given: Column = { id: "predicted:x", name: "predicted:x", kind: "number", blob: "given" };
  blobs.set("given", new Uint8Array(new Float32Array([1, 2, 3]).buffer));
  const whole = { ...scene, columns: [...scene.columns, given] };
  const dataset = new Dataset(whole, memorySource(whole, Object.fromEntries(blobs)));
  await Promise.all(whole.columns.map((column) => dataset.values(column)));
  const store = new Store({ ...initialState(whole), colour });
  return (i: number) => facts({ dataset, store } as unknown as Context, map, i);
}

test("a prediction is wrong where both it and the class are known, and differ", async () => {
  const of = await made("c0");
  expect([0, 1, 2].map((i) => of(i).find(({ name }) => name === "predicted")?.wrong)).toEqual([
    true,
    false,
    false,
  ]);
});

test("a given column has its own name, whatever that resembles", async () => {
  const of = await made("predicted:x");
  expect(of(0).at(-1)).toEqual({ name: "predicted:x", value: "1.000", wrong: false });
});

test("a column of another backbone is told by its whole name", async () => {
  const of = await made("MobileNetV2 sure");
  expect(of(0).map(({ name }) => name)).toEqual([
    "class",
    "predicted",
    "confidence",
    "silhouette",
    "confidence of MobileNetV2",
  ]);
});
