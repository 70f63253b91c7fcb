/** The strip of tools on the stage. */

import { FLAT, START } from "../camera";
import type { Context } from "../context";
import { button, h, type IconName } from "../element";
import { spanOf } from "../normalise";
import type { Pane } from "../pane";
import type { State, Tool } from "../state";

const TOOLS: { tool: Tool; label: string; icon: IconName; key: string }[] = [
  { tool: "move", label: "Turn and move", icon: "move", key: "V" },
  { tool: "lasso", label: "Lasso: draw round points to select them", icon: "lasso", key: "L" },
  { tool: "box", label: "Box: drag over points to select them", icon: "box", key: "B" },
];

export function tools(context: Context): HTMLElement {
  const { store, dataset } = context;
  const choices = TOOLS.map(({ tool, label, icon, key }) => ({
    element: button({ label, icon, key, press: () => store.set({ tool }) }),
    pressed: (state: State) => state.tool === tool,
  }));
  const flat = button({
    label: "the first two axes, flat",
    text: "2-D",
    key: "D",
    class: "square",
    press: () => toggleFlat(context),
  });
  const perspective = button({
    label: "Perspective",
    icon: "perspective",
    key: "P",
    press: () => togglePerspective(context),
  });
  const switches = [
    { element: flat, pressed: (state: State) => state.flat },
    { element: perspective, pressed: (state: State) => state.perspective && !state.flat },
  ];
  if (dataset.thumbnails) {
    const element = button({
      label: "Pictures in place of points",
      icon: "pictures",
      key: "I",
      press: () => store.set({ pictures: !store.state.pictures }),
    });
    switches.push({ element, pressed: (state) => state.pictures });
  }
  const all = [...choices, ...switches];
  const update = () =>
    all.forEach(({ element, pressed }) => element.setAttribute("aria-pressed", `${pressed(store.state)}`));
  store.on(["tool", "flat", "perspective", "pictures"], update);
  store.on(["flat"], () => (perspective.disabled = store.state.flat));
  perspective.disabled = store.state.flat;
  update();
  return h(
    "div",
    { class: "tools", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" },
    h("div", { class: "group" }, ...choices.map(({ element }) => element)),
    h(
      "div",
      { class: "group" },
      ...switches.map(({ element }) => element),
      button({ label: "Show all", icon: "fit", key: "F", press: () => fit(context) }),
    ),
  );
}

/** See all shown points; in 3-D from where one looks now, in 2-D from above. */
export function fit({ store, stage }: Context): void {
  const pane = stage.panes[0] as Pane | undefined;
  const span = pane ? spanOf(pane.points, pane.viewport) : START.span;
  stage.glide((camera) => ({ ...camera, ...(store.state.flat ? FLAT : {}), target: [0, 0, 0], span }));
}

/** Between the view from above and the one before it. */
export function toggleFlat(context: Context): void {
  const { store, stage } = context;
  const flat = !store.state.flat;
  store.set({ flat });
  const { azimuth, elevation } = START;
  stage.glide((camera) => ({ ...camera, ...(flat ? FLAT : { azimuth, elevation }) }));
  context.announce(flat ? "Flat: the first two axes" : "Three dimensions");
}

export function togglePerspective({ store, announce }: Context): void {
  if (store.state.flat) return;
  store.set({ perspective: !store.state.perspective });
  announce(store.state.perspective ? "Perspective" : "No perspective");
}
