/** Above each pane: which map it shows, and what is to be known of it. */

import type { Context } from "../context";
import { button, h } from "../element";
import type { SceneMap } from "../scene";

export function paneHeaders(context: Context): HTMLElement {
  const { store } = context;
  const element = h("div", { class: "pane-headers" });
  const render = () =>
    element.replaceChildren(...store.state.maps.map((id, k) => paneHeader(context, id, k)));
  store.on(["maps"], render);
  render();
  return element;
}

function paneHeader(context: Context, id: string, k: number): HTMLElement {
  const { dataset, store } = context;
  const map = dataset.map(id);
  const two = store.state.maps.length === 2;
  const select = h("select", {
    class: "map-select",
    "aria-label": two ? `Map, ${k === 0 ? "first" : "second"} pane` : "Map",
    title: "Map ([ and ])",
    onchange: () => {
      store.set({ maps: store.state.maps.map((other, j) => (j === k ? select.value : other)) });
      context.announce(dataset.map(select.value).name);
    },
  });
  select.append(...choices(context, map));
  return h(
    "div",
    { class: "pane-header" },
    h(
      "div",
      { class: "pane-title" },
      select,
      !map.pretrained &&
        h(
          "span",
          { class: "tag warn", title: "The backbone has random weights, not pretrained ones." },
          "random weights",
        ),
      map.learned &&
        h(
          "span",
          { class: "tag", title: "The classes of training pictures were used to make this map." },
          "made with labels",
        ),
      two &&
        k === 1 &&
        button({
          label: "Close this pane",
          icon: "close",
          key: "C",
          class: "ghost",
          press: () => toggleCompare(context),
        }),
    ),
    map.facts && h("p", { class: "facts" }, map.facts),
  );
}

/** The maps, in a group a backbone where backbones are named. */
function choices({ dataset }: Context, current: SceneMap): HTMLElement[] {
  const { maps, backbones } = dataset.scene;
  return [...new Set(maps.map(({ backbone }) => backbone))].flatMap((key) => {
    const options = maps
      .filter(({ backbone }) => backbone === key)
      .map((map) => h("option", { value: map.id, selected: map.id === current.id }, map.name));
    const label = backbones[key];
    return label === undefined ? options : [h("optgroup", { label }, ...options)];
  });
}

/** One pane, or two: the second shows the next map. */
export function toggleCompare({ dataset, store, announce }: Context): void {
  const { maps } = store.state;
  if (maps.length === 2) {
    store.set({ maps: [maps[0]] });
    announce("One map");
    return;
  }
  const all = dataset.scene.maps;
  const here = all.findIndex((map) => map.id === maps[0]);
  // The same method of another backbone says most; else whatever comes next.
  const other =
    all.find((map) => map.id !== maps[0] && map.method === all[here].method) ?? all[(here + 1) % all.length];
  store.set({ maps: [maps[0], other.id] });
  announce(`Two maps: ${all[here].name} and ${other.name}`);
}

/** The map before or after, in the first pane. */
export function stepMap({ dataset, store, announce }: Context, step: number): void {
  const all = dataset.scene.maps;
  const here = all.findIndex((map) => map.id === store.state.maps[0]);
  const next = all[(here + step + all.length) % all.length];
  store.set({ maps: [next.id, ...store.state.maps.slice(1)] });
  announce(next.name);
}
