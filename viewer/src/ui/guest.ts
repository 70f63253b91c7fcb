/** What is known of a picture that was dropped on the page. */

import { type Context, leadingMap } from "../context";
import { formatNumber } from "../dataset";
import { button, h } from "../element";
import type { Guest } from "../guest";
import type { Told } from "../source";
import { tile } from "./picture";

export function guestContent(context: Context, guest: Guest): HTMLElement[] {
  const map = leadingMap(context);
  const told = guest.told[map.backbone];
  const image = h("img", { class: "large", src: guest.address, alt: guest.file.name });
  image.addEventListener("error", () =>
    image.replaceWith(h("p", { class: "hint" }, "The browser cannot show this picture.")),
  );
  return [
    image,
    h(
      "div",
      { class: "file-line" },
      h("p", { class: "file" }, guest.file.name),
      button({
        label: "Take the picture away",
        text: "Take away",
        class: "link",
        press: () => context.store.set({ guest: null }),
      }),
    ),
    ...(told === undefined
      ? [h("p", { class: "hint", role: "status" }, "Looking at it … the first one takes a while.")]
      : typeof told === "string"
        ? [h("p", { class: "hint", role: "alert" }, `It could not be placed: ${told}`)]
        : answers(context, told)),
  ];
}

function answers(context: Context, told: Told): HTMLElement[] {
  const map = leadingMap(context);
  const nowhere = !told.places[map.id] && "This map cannot place it: look at another map.";
  return [
    h("dl", { class: "facts-list" }, ...told.answers.map(([name, value]) => line(name, value))),
    ...(told.warning ? [h("p", { class: "hint wrong" }, told.warning)] : []),
    ...(nowhere ? [h("p", { class: "hint" }, nowhere)] : []),
    h(
      "div",
      { class: "neighbours" },
      h(
        "h3",
        {},
        `Nearest in the features of ${context.dataset.scene.backbones[map.backbone] ?? map.backbone}`,
      ),
      h(
        "ul",
        { class: "tiles" },
        ...told.indices.map((i, k) => h("li", {}, tile(context, i, formatNumber(told.distances[k])))),
      ),
    ),
  ];
}

function line(name: string, value: string): HTMLElement {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
