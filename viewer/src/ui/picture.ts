/** One picture, large, with its nearest neighbours in the full feature space. */

import { type Context, leadingMap } from "../context";
import { formatNumber } from "../dataset";
import { button, h } from "../element";
import type { NearestPictures } from "../source";
import { facts } from "./facts";
import { guestContent } from "./guest";

export function picturePanel(context: Context): HTMLElement {
  const { store, stage } = context;
  const element = h("div", { class: "picture" });
  const render = () => {
    const { opened, guest } = store.state;
    stage.overlay.neighbours = [];
    element.replaceChildren(
      ...(opened !== null
        ? content(context, opened)
        : guest
          ? guestContent(context, guest)
          : [h("p", { class: "hint" }, hint(context))]),
    );
  };
  store.on(["opened", "maps", "guest"], render);
  render();
  return element;
}

function hint({ dataset }: Context): string {
  const click = "Click a point to see its picture and its nearest neighbours.";
  const drop = "Drop a picture of yours on the page to see where it belongs; it stays on this machine.";
  return dataset.scene.maps.some((map) => dataset.takes(map)) ? `${click} ${drop}` : click;
}

function content(context: Context, i: number): HTMLElement[] {
  const { dataset } = context;
  const map = leadingMap(context);
  const list = h("dl", { class: "facts-list" });
  const fill = () => {
    const lines = facts(context, map, i).map(({ name, value, wrong }) =>
      h("div", {}, h("dt", {}, name), h("dd", { class: wrong ? "wrong" : "" }, value)),
    );
    list.replaceChildren(...lines);
  };
  fill();
  void Promise.all(
    dataset.scene.columns
      .filter((c) => !c.backbone || c.backbone === map.backbone)
      .map((c) => dataset.values(c)),
  ).then(fill, () => undefined);
  const name = h("p", { class: "file" }, dataset.name(i));
  void dataset.paths().then(() => (name.textContent = dataset.name(i)));
  const neighbours = h("div", { class: "neighbours" });
  void fillNeighbours(context, i, neighbours);
  return [
    large(context, i),
    h(
      "div",
      { class: "file-line" },
      name,
      button({
        label: "Copy the path",
        text: "Copy path",
        class: "link",
        press: () => void copy(context, [i]),
      }),
    ),
    list,
    neighbours,
  ];
}

function large({ dataset }: Context, i: number): HTMLElement {
  const address = dataset.pictureAddress(i);
  if (address) {
    const image = h("img", { class: "large", src: address, alt: dataset.name(i), decoding: "async" });
    image.addEventListener("error", () => image.replaceWith(fallback(dataset, i)));
    return image;
  }
  return fallback(dataset, i);
}

function fallback(dataset: Context["dataset"], i: number): HTMLElement {
  const thumbnail = dataset.thumbnails?.element(
    i,
    Math.min(256, dataset.thumbnails.size * 2),
    dataset.name(i),
  );
  thumbnail?.classList.add("large");
  return thumbnail ?? h("p", { class: "hint" }, "This scene comes without pictures.");
}

async function fillNeighbours(context: Context, i: number, element: HTMLElement): Promise<void> {
  const { dataset, store, stage } = context;
  const map = leadingMap(context);
  const metric = dataset.metric(map);
  const backbone = dataset.scene.backbones[map.backbone];
  let nearest: NearestPictures | null = null;
  try {
    nearest = await dataset.neighbours(map, i);
  } catch (error) {
    element.replaceChildren(
      h("p", { class: "hint" }, `The neighbours could not be fetched: ${(error as Error).message}`),
    );
  }
  if (!nearest || store.state.opened !== i) return;
  const { indices, distances } = nearest;
  stage.overlay.neighbours = indices;
  stage.invalidate();
  element.replaceChildren(
    h("h3", {}, backbone ? `Nearest in the features of ${backbone}` : "Nearest in the features"),
    h("p", { class: "hint" }, `With the distance in the full feature space${metric ? ` (${metric})` : ""}.`),
    h(
      "ul",
      { class: "tiles" },
      ...Array.from(indices, (j, k) => h("li", {}, tile(context, j, formatNumber(distances[k])))),
    ),
  );
}

/** A small picture that opens when pressed; its colour is that of its point. */
export function tile(context: Context, i: number, caption?: string): HTMLElement {
  const { dataset, stage, store } = context;
  const classes = dataset.columnOf("class");
  const label = `${dataset.name(i)}${classes ? `, ${dataset.word(classes, i)}` : ""}`;
  const element = h(
    "button",
    {
      type: "button",
      class: "tile",
      title: label,
      "aria-label": caption ? `${label}, ${caption}` : label,
      onclick: () => context.open(i),
      onpointerenter: () => store.set({ hover: i }),
      onpointerleave: () => store.set({ hover: null }),
      onfocus: () => store.set({ hover: i }),
      onblur: () => store.set({ hover: null }),
    },
    dataset.thumbnails
      ? dataset.thumbnails.element(i, 72, label)
      : h("span", { class: "no-picture" }, dataset.name(i)),
    caption && h("span", { class: "caption" }, caption),
  );
  element.style.setProperty("--point", stage.shading.colour(i));
  return element;
}

/** Put the paths of pictures on the clipboard, a line each. */
export async function copy({ dataset, notify }: Context, indices: ArrayLike<number>): Promise<void> {
  await dataset.paths();
  const text = Array.from(indices, (i) => dataset.name(i)).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    notify(indices.length === 1 ? "Path copied" : `${indices.length.toLocaleString("en")} paths copied`);
  } catch {
    notify("The browser did not allow copying");
  }
}
