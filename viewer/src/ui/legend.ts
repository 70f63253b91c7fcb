/** What the colours mean, how many points have each, and which of them are shown. */

import type { Context } from "../context";
import { button, h } from "../element";
import { countCodes, type Filter, shownPoints, withCategory, withFilter } from "../filter";
import { categoryColours, UNKNOWN_COLOUR } from "../palette";
import { type CategoryColumn, type Column, type Scene, UNKNOWN } from "../scene";
import { where } from "../selection";
import { appearance } from "./appearance";
import { histogram } from "./histogram";

export function legend(context: Context): HTMLElement {
  const { dataset, store } = context;
  const body = h("div", { class: "legend-body" });
  const chips = h("div", { class: "chips" });
  const select = h("select", {
    id: "colour-by",
    title: "What colours the points",
    onchange: () => store.set({ colour: select.value }),
  });
  select.append(...columnGroups(dataset.scene));
  const build = () => {
    select.value = store.state.colour;
    const column = dataset.column(store.state.colour);
    if (!column) return;
    const show = () => {
      if (store.state.colour !== column.id) return;
      body.replaceChildren(
        column.kind === "category" ? categories(context, column) : histogram(context, column),
      );
    };
    // Where it cannot be fetched the page says so, and takes the choice back.
    void dataset.values(column).then(show, () => undefined);
  };
  const update = () => {
    chips.replaceChildren(...filterChips(context));
    if (dataset.column(store.state.colour)?.kind === "category") build();
  };
  store.on(["colour"], build);
  store.on(["shown"], update);
  store.on(["colour", "filters"], () => chips.replaceChildren(...filterChips(context)));
  build();
  update();
  const empty = dataset.scene.columns.length === 0;
  return h(
    "aside",
    { class: "legend", "aria-label": "Colours and filters" },
    !empty && h("label", { class: "field", for: "colour-by" }, "Colour by"),
    !empty && select,
    chips,
    body,
    appearance(context),
  );
}

/** Columns of the pictures themselves, then a group a backbone. */
function columnGroups({ columns, backbones }: Scene): HTMLElement[] {
  const option = ({ id, name }: Column) => h("option", { value: id }, name);
  const keys = [...new Set(columns.map(({ backbone }) => backbone))].filter((key) => key !== undefined);
  return [
    ...columns.filter(({ backbone }) => backbone === undefined).map(option),
    ...keys.map((key) =>
      h(
        "optgroup",
        { label: backbones[key] ?? key },
        ...columns.filter(({ backbone }) => backbone === key).map(option),
      ),
    ),
  ];
}

/** A row a category: press it to see it alone, Shift to see it too. */
function categories(context: Context, column: CategoryColumn): HTMLElement {
  const { dataset, store } = context;
  const values = dataset.known(column.id);
  if (!values) return h("div");
  const others = withFilter(store.state.filters, column.id, undefined);
  const counts = countCodes(column, values, shownPoints(dataset, others));
  const unknown = counts[column.categories.length] > 0;
  const all = [...column.categories.keys(), ...(unknown ? [UNKNOWN] : [])];
  const colours = categoryColours(column.categories.length);
  const filter = store.state.filters[column.id] as Filter | undefined;
  const kept = filter && "codes" in filter ? filter.codes : all;
  const focused = focusedCode(context);
  const list = h("ul", { class: "categories", "aria-label": column.name });
  all.forEach((code, k) => {
    const press = (event: MouseEvent) => {
      const add = event.shiftKey || event.ctrlKey || event.metaKey;
      const next = withCategory(store.state.filters[column.id], code, all, add);
      store.set({ filters: withFilter(store.state.filters, column.id, next) });
    };
    const name = code === UNKNOWN ? unknownName(column) : column.categories[code];
    const row = h(
      "button",
      {
        type: "button",
        class: "category",
        "data-code": code,
        title: `${name}\nPress: show it alone. Shift and press: add it or take it away.`,
        "aria-pressed": `${filter !== undefined && kept.includes(code)}`,
        onclick: press,
      },
      swatch(code === UNKNOWN ? UNKNOWN_COLOUR : colours[code]),
      h("span", { class: "name" }, name),
      h("span", { class: "count" }, counts[k].toLocaleString("en")),
    );
    row.classList.toggle("off", !kept.includes(code));
    list.append(h("li", {}, row));
  });
  if (focused !== null)
    queueMicrotask(() => list.querySelector<HTMLElement>(`[data-code="${focused}"]`)?.focus());
  return list;
}

/** The list is made anew; who works it by keyboard must not lose the place. */
function focusedCode({ stage }: Context): string | null {
  const root = stage.element.getRootNode() as ShadowRoot;
  return (root.activeElement as HTMLElement | null)?.dataset.code ?? null;
}

export function swatch(colour: string): HTMLElement {
  const element = h("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = colour;
  return element;
}

/** What is filtered, each to take away; and how many are shown. */
function filterChips(context: Context): HTMLElement[] {
  const { dataset, store } = context;
  const { filters, shown } = store.state;
  const chips = Object.entries(filters).map(([id, filter]) => {
    const column = dataset.column(id);
    const text = `${column?.name ?? id}: ${column ? filterText(column, filter) : ""}`;
    return button({
      label: `Take away the filter ${text}`,
      text,
      icon: "close",
      class: "chip",
      press: () => store.set({ filters: withFilter(store.state.filters, id, undefined) }),
    });
  });
  if (chips.length === 0) return [];
  let count = 0;
  for (const byte of shown) count += byte;
  const selectShown = button({
    label: "Select the pictures shown",
    text: `Select ${count.toLocaleString("en")} shown`,
    class: "link",
    press: () => context.select(where(store.state.shown, () => true)),
  });
  return [...chips, selectShown];
}

function unknownName(column: Column): string {
  return column.unknown ?? "not known";
}

function filterText(column: Column, filter: Filter): string {
  if ("codes" in filter) {
    const names = filter.codes.map(
      (code) => (column.kind === "category" ? column.categories[code] : undefined) ?? unknownName(column),
    );
    return names.length > 3 ? `${names.length} of them` : names.join(", ");
  }
  return `${filter.low.toPrecision(3)} to ${filter.high.toPrecision(3)}`;
}
