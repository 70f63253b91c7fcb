/** The notebook: anywidget calls `render` with the model that Python holds. */

import { memorySource } from "./source";
import { Viewer } from "./viewer";

export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

/** Traits: scene (object), blobs (name to bytes), selection (indices, both ways), height (pixels). */
export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const host = document.createElement("div");
  host.style.height = `${Number(model.get("height")) || 600}px`;
  el.append(host);
  const source = memorySource(model.get("scene"), model.get("blobs") as Record<string, ArrayBufferView>);
  const viewer = new Viewer(host, source, { hash: false });
  const fromPython = () => viewer.select(model.get("selection") as number[]);
  void viewer.ready.then(
    () => {
      fromPython();
      viewer.onSelection((selection) => {
        const before = model.get("selection") as number[];
        if (before.length === selection.length && before.every((i, k) => i === selection[k])) return;
        model.set("selection", [...selection]);
        model.save_changes();
      });
    },
    () => undefined,
  );
  model.on("change:selection", fromPython);
  return () => {
    model.off("change:selection", fromPython);
    viewer.dispose();
  };
}
