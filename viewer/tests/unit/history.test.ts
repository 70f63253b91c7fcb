import { describe, expect, test } from "vitest";
import { History } from "../../src/history";
import { initialState, type State } from "../../src/state";
import { Store } from "../../src/store";
import { makeScene } from "../scenes";

const { scene } = makeScene({ count: 20, thumbnails: false, neighbours: false });

function made() {
  let now = 0;
  const store = new Store<State>(initialState(scene));
  const history = new History(store, () => now);
  const later = (change: Partial<State>, by = 1000) => {
    now += by;
    store.set(change);
  };
  return { store, history, later };
}

describe("the history", () => {
  test("goes back and forth through choices", () => {
    const { store, history, later } = made();
    const first = store.state;
    later({ selection: Uint32Array.of(1, 2) });
    later({ colour: "c1" });
    expect(history.undo()).toBe(true);
    expect([store.state.colour, store.state.selection]).toEqual([first.colour, Uint32Array.of(1, 2)]);
    expect(history.undo()).toBe(true);
    expect(store.state.selection).toBe(first.selection);
    expect(history.undo()).toBe(false);
    expect(history.redo()).toBe(true);
    expect(history.redo()).toBe(true);
    expect(history.redo()).toBe(false);
    expect([store.state.colour, store.state.selection.length]).toEqual(["c1", 2]);
  });

  test("what is taken back, as it never came, is no step", () => {
    const { store, history, later } = made();
    const { maps } = store.state;
    later({ maps: [scene.maps[1].id] });
    history.takeBack({ maps });
    expect(store.state.maps).toBe(maps);
    later({ colour: "c1" });
    history.undo();
    expect(store.state.maps).toBe(maps);
    history.undo();
    expect(store.state.maps).toBe(maps);
  });

  test("a new choice ends what could be done again", () => {
    const { history, later } = made();
    later({ colour: "c1" });
    history.undo();
    later({ selection: Uint32Array.of(3) });
    expect(history.redo()).toBe(false);
  });

  test("a range that is dragged is one step", () => {
    const { store, history, later } = made();
    for (const high of [0.9, 0.8, 0.7]) later({ filters: { c9: { low: 0, high } } }, 16);
    expect(history.undo()).toBe(true);
    expect(store.state.filters).toEqual({});
    expect(history.canUndo).toBe(false);
  });

  test("each decision is a step, however fast they come, and brings its finding back", () => {
    const { store, history, later } = made();
    later({ finding: 4 });
    later({ decisions: new Map([[1, "keep"]]), finding: 5 }, 10);
    later({ decisions: new Map([[2, "drop"]]), finding: 6 }, 10);
    history.undo();
    expect([store.state.decisions, store.state.finding]).toEqual([new Map([[1, "keep"]]), 5]);
    history.undo();
    expect([store.state.decisions.size, store.state.finding]).toEqual([0, 4]);
  });

  test("where one looks from is no choice", () => {
    const { store, history, later } = made();
    later({ camera: { ...store.state.camera, azimuth: 77 }, opened: 3 });
    expect(history.canUndo).toBe(false);
    later({ colour: "c1" });
    history.undo();
    expect(store.state.camera.azimuth).toBe(77);
  });
});
