/** Size and opacity of the points. */

import type { Context } from "../context";
import { h } from "../element";
import { OPACITIES, SIZES } from "../state";

export function appearance({ store }: Context): HTMLElement {
  const size = slider("Size", Math.log2(SIZES.least), Math.log2(SIZES.most), (value) =>
    store.set({ size: 2 ** value }),
  );
  const opacity = slider("Opacity", OPACITIES.least, OPACITIES.most, (value) =>
    store.set({ opacity: value }),
  );
  const update = () => {
    size.value = `${Math.log2(store.state.size)}`;
    opacity.value = `${store.state.opacity}`;
  };
  store.on(["size", "opacity"], update);
  update();
  return h("div", { class: "appearance" }, h("label", {}, "Size", size), h("label", {}, "Opacity", opacity));
}

function slider(label: string, min: number, max: number, change: (value: number) => void): HTMLInputElement {
  const input = h("input", {
    type: "range",
    min,
    max,
    step: 0.01,
    "aria-label": label,
    oninput: () => change(Number(input.value)),
  });
  return input;
}
