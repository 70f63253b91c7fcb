import { describe, expect, test } from "vitest";
import { fromHash, initialState, type State, toHash } from "../../src/state";
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
    expect(fromHash(toHash(state), first, scene)).toEqual(state);
  });

  test("carries the first state there and back", () => {
    expect(fromHash(toHash(first), first, scene)).toEqual(first);
  });

  test("leaves out a selection that is too large for it", () => {
    const state = { ...first, selection: Uint32Array.from({ length: 5000 }, (_, i) => i) };
    expect(toHash(state).length).toBeLessThan(500);
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
  ])("ignores what it does not understand: %s", (hash) => {
    const state = fromHash(hash, first, scene);
    expect({ ...state, selection: null }).toEqual({ ...first, selection: null });
    for (const i of state.selection) expect(i).toBeLessThan(scene.count);
  });
});
