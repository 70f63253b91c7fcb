/** The panel at the side: one of five things at a time. */

import type { Context } from "../context";
import { button, h, type IconName } from "../element";
import { holds, type Panel } from "../state";
import { confusionPanel, READABLE } from "./confusion";
import { findingsPanel } from "./findings";
import { gallery } from "./gallery";
import { picturePanel } from "./picture";
import { silhouettesPanel } from "./silhouettes";

const TABS: {
  panel: Exclude<Panel, "none">;
  label: string;
  icon: IconName;
  key: string;
  build: (context: Context) => HTMLElement;
}[] = [
  { panel: "picture", label: "Picture", icon: "pictures", key: "O", build: picturePanel },
  { panel: "selection", label: "Selection", icon: "selection", key: "G", build: gallery },
  { panel: "findings", label: "Findings", icon: "findings", key: "E", build: findingsPanel },
  { panel: "silhouettes", label: "Silhouettes", icon: "silhouettes", key: "K", build: silhouettesPanel },
  { panel: "confusion", label: "Confusion", icon: "confusion", key: "X", build: confusionPanel },
];

export function sidePanel(context: Context): HTMLElement {
  const { store } = context;
  const tabs = TABS.filter(({ panel }) => holds(context.dataset.scene, panel));
  const parts = tabs.map(({ panel, label, icon, key, build }) => {
    const tab = button({
      label,
      icon,
      text: label,
      key,
      class: "tab",
      press: () => togglePanel(context, panel),
    });
    tab.id = `tab-${panel}`;
    tab.setAttribute("aria-controls", `panel-${panel}`);
    const body = h(
      "div",
      { id: `panel-${panel}`, class: "panel-body", role: "region", "aria-labelledby": tab.id, tabindex: -1 },
      build(context),
    );
    return { panel, tab, body };
  });
  const badge = h("span", { class: "badge", "aria-hidden": "true" });
  const selectionTab = parts[1].tab;
  selectionTab.append(" ", badge);
  const close = button({
    label: "Close the panel",
    icon: "close",
    class: "ghost close",
    press: () => store.set({ panel: "none" }),
  });
  const element = h(
    "aside",
    { class: tabs.length > 4 ? "panel five" : "panel", "aria-label": "Details" },
    h("div", { class: "tabs" }, ...parts.map(({ tab }) => tab), close),
    ...parts.map(({ body }) => body),
  );
  // A matrix of many classes needs room.
  element.style.setProperty(
    "--wide",
    `${Math.min(context.dataset.scene.classes.length, READABLE) * 29 + 130}px`,
  );
  const update = () => {
    for (const { panel, tab, body } of parts) {
      const open = store.state.panel === panel;
      tab.setAttribute("aria-expanded", `${open}`);
      body.hidden = !open;
    }
    const count = store.state.selection.length;
    badge.textContent = count > 0 ? compact(count) : "";
    selectionTab.setAttribute("aria-label", `Selection ${badge.textContent}`.trim());
    element.classList.toggle("closed", store.state.panel === "none");
    element.classList.toggle("wide", store.state.panel === "confusion");
    close.hidden = store.state.panel === "none";
  };
  store.on(["panel", "selection"], update);
  update();
  return element;
}

export function togglePanel({ store, dataset }: Context, panel: Panel): void {
  if (!holds(dataset.scene, panel)) return;
  store.set({ panel: store.state.panel === panel ? "none" : panel });
}

function compact(count: number): string {
  return count < 10_000 ? `${count}` : `${Math.round(count / 1000).toLocaleString("en")}k`;
}
