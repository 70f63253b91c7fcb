/** The card beside the pointer: the picture, its file, and what is known of it. */

import type { Context } from "../context";
import { h } from "../element";
import { facts } from "./facts";

const GAP = 16;

export class HoverCard {
  readonly element = h("div", { class: "hovercard", hidden: true, "aria-hidden": "true" });

  constructor(private readonly context: Context) {}

  /** Show picture i beside (x, y) of the stage; -1 hides the card. */
  show(i: number, x: number, y: number, mapId: string): void {
    const { dataset, store, stage } = this.context;
    store.set({ hover: i < 0 ? null : i });
    this.element.hidden = i < 0;
    if (i < 0) return;
    const lines = facts(this.context, dataset.map(mapId), i)
      .filter(({ value }) => value !== "–")
      .map(({ name, value, wrong }) =>
        h("div", {}, h("dt", {}, name), h("dd", { class: wrong ? "wrong" : "" }, value)),
      );
    this.element.replaceChildren(
      ...(dataset.thumbnails
        ? [dataset.thumbnails.element(i, Math.max(96, dataset.thumbnails.size), dataset.name(i))]
        : []),
      h("div", { class: "text" }, h("p", { class: "file" }, dataset.name(i)), h("dl", {}, ...lines)),
    );
    const { clientWidth, clientHeight } = stage.element;
    const { offsetWidth, offsetHeight } = this.element;
    const left = x + GAP + offsetWidth > clientWidth ? x - GAP - offsetWidth : x + GAP;
    const top = Math.min(y + GAP, clientHeight - offsetHeight - 8);
    this.element.style.left = `${Math.max(8, left)}px`;
    this.element.style.top = `${Math.max(8, top)}px`;
  }
}
