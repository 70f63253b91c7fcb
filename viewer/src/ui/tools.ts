/** The strip of tools on the stage. */

import { FLAT, START } from "../camera";
import type { Context } from "../context";
import { button, h, type IconName } from "../element";
import type { Combine, State, Tool } from "../state";

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
  const combining = combineButtons(context);
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
    combining,
    h(
      "div",
      { class: "group" },
      ...switches.map(({ element }) => element),
      button({ label: "Show all", icon: "fit", key: "F", press: () => context.fit() }),
    ),
  );
}

/** Whether what is enclosed is added or taken away: for who has no Shift and no Alt. */
function combineButtons({ store }: Context): HTMLElement {
  const make = (combine: Combine, label: string, text: string) => ({
    combine,
    element: button({
      label,
      text,
      class: "square",
      press: () => store.set({ combine: store.state.combine === combine ? "replace" : combine }),
    }),
  });
  const both = [
    make("add", "Add what is enclosed to the selection (Shift while drawing)", "+"),
    make("remove", "Take what is enclosed from the selection (Alt while drawing)", "−"),
  ];
  const group = h("div", { class: "group" }, ...both.map(({ element }) => element));
  const update = () => {
    group.hidden = store.state.tool === "move";
    both.forEach(({ combine, element }) =>
      element.setAttribute("aria-pressed", `${store.state.combine === combine}`),
    );
  };
  store.on(["tool", "combine"], update);
  update();
  return group;
}

/** Between the view from above and the one before it. */
export function toggleFlat(context: Context): void {
  const { store, stage } = context;
  const whole = context.fits();
  const flat = !store.state.flat;
  store.set({ flat });
  const { azimuth, elevation } = flat ? FLAT : START;
  if (whole) context.fit({ azimuth, elevation });
  else stage.glide((camera) => ({ ...camera, azimuth, elevation }));
  context.announce(flat ? "Flat: the first two axes" : "Three dimensions");
}

export function togglePerspective({ store, announce }: Context): void {
  if (store.state.flat) return;
  store.set({ perspective: !store.state.perspective });
  announce(store.state.perspective ? "Perspective" : "No perspective");
}
