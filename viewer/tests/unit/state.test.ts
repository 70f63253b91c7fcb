import { describe, expect, test } from "vitest";
import type { Filters } from "../../src/filter";
import type { Scene } from "../../src/scene";
import { fromHash, holds, initialState, type State, toHash } from "../../src/state";
import { makeScene } from "../scenes";

const { scene } = makeScene({ count: 50, thumbnails: false, neighbours: false });
const first = initialState(scene);

test.each([
  [null, 0],
  ["none of them", 0],
  [scene.maps[4].id, 4],
])("what is shown first is the map that the scene opens on: %s", (opening, map) => {
  expect(initialState({ ...scene, opening }).maps).toEqual([scene.maps[map].id]);
});

test.each([
  [null, "class"],
  ["none of them", "class"],
  [scene.columns[2].id, scene.columns[2].id],
])("it is coloured by class, or as the scene says: %s", (openingColour, expected) => {
  const { colour } = initialState({ ...scene, openingColour });
  expect(scene.columns.find(({ id }) => id === colour)).toMatchObject(
    expected === "class" ? { role: "class" } : { id: expected },
  );
});

describe("the address", () => {
  test("carries a state there and back", () => {
    const state: State = {
      ...first,
      maps: [scene.maps[2].id, scene.maps[4].id],
      colour: "Xception pca parted",
      filters: { c0: { codes: [1, 3, 65535] }, "Xception pca parted": { low: -0.25, high: 0.5 } },
      selection: Uint32Array.of(0, 3, 4, 49),
      opened: 7,
      panel: "picture",
      flat: true,
      perspective: false,
      pictures: true,
      size: 2,
      opacity: 0.5,
      theme: "dark",
      camera: { azimuth: 12.5, elevation: -30, span: 0.001, target: [1, -2, 3.5] },
    };
    expect(fromHash(toHash(state, scene), first, scene)).toEqual(state);
  });

  test("of other pictures brings back none of them, and of other columns no filter", () => {
    const named = { ...scene, picturesKey: "50-a", columnsKey: "b" };
    const filters: Filters = { c0: { codes: [1] } };
    const selection = Uint32Array.of(3, 4);
    const state: State = {
      ...first,
      maps: [scene.maps[2].id],
      filters,
      selection,
      opened: 7,
      panel: "selection",
    };
    const found = (now: Partial<Scene>) => fromHash(toHash(state, named), first, { ...named, ...now });
    expect(found({})).toEqual(state);
    const none = { selection: first.selection, opened: null };
    expect(found({ picturesKey: "50-c" })).toEqual({ ...state, ...none });
    expect(found({ columnsKey: "c" })).toEqual({ ...state, filters: {} });
  });

  test("carries the first state there and back", () => {
    expect(fromHash(toHash(first, scene), first, scene)).toEqual(first);
  });

  test.each([301, 5000, 100_000])("carries a selection of many pictures: %i", (length) => {
    const scene = { ...makeScene({ count: 1, thumbnails: false, neighbours: false }).scene, count: 100_003 };
    const before = initialState(scene);
    const selection = Uint32Array.from({ length }, (_, k) => k + Math.floor((3 * k) / length));
    const hash = toHash({ ...before, selection }, scene);
    expect(fromHash(hash, before, scene).selection).toEqual(selection);
    expect(hash.length).toBeLessThan(20_000);
  });

  test("leaves out a selection that no browser's address would hold", () => {
    const selection = Uint32Array.from({ length: 5000 }, (_, i) => i);
    const state = { ...first, shown: new Uint8Array(1_000_000).fill(1), selection };
    expect(toHash(state, scene).length).toBeLessThan(500);
  });

  test.each([
    "",
    "#verdict",
    "#view=1",
    "#view=1&map=none&colour=none&camera=1,2&size=99&opacity=-1&picture=50&panel=x",
    "#view=1&selected=zz.-1&show=none=1&show=c0=a.b&show==&camera=NaN,0,0,0,0,0&theme=pink",
    "#view=1&camera=0,91,1,0,0,0",
    "#view=1&camera=0,0,0,0,0,0",
    "#view=1&selected=1.0.1o",
    "#view=1&selected=~____________",
    "#view=1&selected=~%25%25",
  ])("ignores what it does not understand: %s", (hash) => {
    const state = fromHash(hash, first, scene);
    expect({ ...state, selection: null }).toEqual({ ...first, selection: null });
    for (const i of state.selection) expect(i).toBeLessThan(scene.count);
  });
});

describe("a panel that the scene has nothing for", () => {
  const whole = makeScene({ count: 50 }).scene;
  const columns = whole.columns.filter(({ role }) => role !== "silhouette" && role !== "prediction");
  const bare = { ...whole, columns, findings: null };

  test.each(["findings", "silhouettes", "confusion"] as const)("is not there: %s", (panel) => {
    expect(holds(bare, panel)).toBe(false);
    expect(fromHash(`#view=1&panel=${panel}`, initialState(bare), bare).panel).toBe("none");
  });

  test.each(["silhouettes", "confusion"] as const)("is there where there is something: %s", (panel) => {
    expect(holds(whole, panel)).toBe(true);
    expect(fromHash(`#view=1&panel=${panel}`, initialState(whole), whole).panel).toBe(panel);
  });

  test.each(["none", "picture", "selection"] as const)("needs nothing: %s", (panel) => {
    expect(holds(bare, panel)).toBe(true);
  });
});
