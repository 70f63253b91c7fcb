/** The selected pictures: how many of each class, all of them to look at, and ways to take them along. */

import { classColumn, type Context, pictures } from "../context";
import { button, h } from "../element";
import { download, fileName, tableOf, toCsv, toJson } from "../export";
import { countCodesOf } from "../filter";
import { categoryColours } from "../palette";
import { labelling } from "./labelling";
import { swatch } from "./legend";
import { copy, tile } from "./picture";

/** Pictures added at a time. */
const PAGE = 120;

export function gallery(context: Context): HTMLElement {
  const { store } = context;
  const element = h("div", { class: "gallery" });
  // It outlives a selection, with what it said last.
  const labels = labelling(context);
  const render = () => {
    const { selection } = store.state;
    element.replaceChildren(...(selection.length === 0 ? [hint()] : content(context, selection, labels)));
  };
  store.on(["selection", "colour"], render);
  render();
  return element;
}

function hint(): HTMLElement {
  return h(
    "p",
    { class: "hint" },
    "Nothing is selected. Draw a lasso (L) or a box (B), press a bar or a cell under Silhouettes or Confusion, or search (/).",
  );
}

function content(context: Context, selection: Uint32Array, labels: HTMLElement): HTMLElement[] {
  const { store } = context;
  const tiles = h("ul", { class: "tiles" });
  const more = button({ label: "Show more pictures", text: "Show more", press: () => addPage() });
  const addPage = () => {
    const from = tiles.childElementCount;
    tiles.append(...Array.from(selection.subarray(from, from + PAGE), (i) => h("li", {}, tile(context, i))));
    more.hidden = tiles.childElementCount >= selection.length;
  };
  addPage();
  return [
    h(
      "div",
      { class: "selection-head" },
      h("h3", {}, `${pictures(selection.length)} selected`),
      button({
        label: "Clear the selection",
        text: "Clear",
        key: "Escape",
        class: "link",
        press: () => store.set({ selection: new Uint32Array(0) }),
      }),
    ),
    classCounts(context, selection),
    h(
      "div",
      { class: "row" },
      button({
        label: "Save the selection as CSV",
        text: "CSV",
        icon: "save",
        press: () => void save(context, "csv"),
      }),
      button({
        label: "Save the selection as JSON",
        text: "JSON",
        icon: "save",
        press: () => void save(context, "json"),
      }),
      button({
        label: "Copy the paths of the selection",
        text: "Copy paths",
        press: () => void copy(context, store.state.selection),
      }),
    ),
    ...(context.dataset.decides ? [labels] : []),
    tiles,
    more,
  ];
}

function classCounts(context: Context, selection: Uint32Array): HTMLElement {
  const column = classColumn(context);
  const values = column && context.dataset.known(column.id);
  if (!column || !values) return h("div");
  const counts = countCodesOf(column, values, selection);
  const colours = categoryColours(column.categories.length);
  const present = [...column.categories.keys()]
    .filter((code) => counts[code] > 0)
    .sort((a, b) => counts[b] - counts[a]);
  const bar = h("div", { class: "share-bar", "aria-hidden": "true" });
  for (const code of present) {
    const part = h("span");
    part.style.flexGrow = `${counts[code]}`;
    part.style.background = colours[code];
    bar.append(part);
  }
  const items = present
    .slice(0, 12)
    .map((code) =>
      h(
        "li",
        {},
        swatch(colours[code]),
        `${column.categories[code]} `,
        h("b", {}, counts[code].toLocaleString("en")),
      ),
    );
  if (present.length > 12) items.push(h("li", {}, `and ${present.length - 12} more classes`));
  return h(
    "div",
    {},
    bar,
    h("ul", { class: "class-counts", "aria-label": "Classes in the selection" }, ...items),
  );
}

async function save({ dataset, store, notify }: Context, kind: "csv" | "json"): Promise<void> {
  try {
    const table = await tableOf(dataset, store.state.selection);
    const content =
      kind === "csv"
        ? new Blob([toCsv(table)], { type: "text/csv" })
        : new Blob([toJson(table)], { type: "application/json" });
    download(fileName(dataset.scene.title, `selection.${kind}`), content);
  } catch (error) {
    notify(`Not saved: ${(error as Error).message}`);
  }
}
