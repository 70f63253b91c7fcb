/** The panel of silhouettes: which map's or backbone's, their mean, and the plot. */

import { classColumn, type Context, leadingMap } from "../context";
import { formatNumber } from "../dataset";
import { button, h } from "../element";
import { knifeOf } from "../knife";
import type { NumberColumn } from "../scene";
import { where } from "../selection";
import { KnifePlot } from "./knifeplot";

export function silhouettesPanel(context: Context): HTMLElement {
  const { dataset, store } = context;
  const columns = dataset.scene.columns.filter(
    (c): c is NumberColumn => c.kind === "number" && c.role === "silhouette",
  );
  const classes = classColumn(context);
  if (columns.length === 0 || !classes) return h("p", { class: "hint" }, "This scene holds no silhouettes.");
  const select = h("select", { "aria-label": "Silhouettes of", onchange: () => void render().catch(fail) });
  select.append(...columns.map(({ id, name }) => h("option", { value: id }, name)));
  const follow = () => {
    const own = leadingMap(context).silhouetteColumn;
    if (own && columns.some(({ id }) => id === own)) select.value = own;
  };
  const summary = h("p", { class: "hint" });
  const plot = new KnifePlot(context);
  const below = button({
    label: "Select the pictures with a silhouette below 0",
    text: "Select below 0",
    press: () => {
      const values = dataset.known(select.value);
      if (values)
        context.select(
          where(store.state.shown, (i) => values[i] < 0),
          "silhouettes",
        );
    },
  });
  const element = h(
    "div",
    { class: "knife" },
    select,
    summary,
    h("div", { class: "row" }, below),
    plot.element,
  );
  const render = async () => {
    const column = columns.find(({ id }) => id === select.value);
    if (!column || store.state.panel !== "silhouettes") return;
    const [values, codes] = await Promise.all([dataset.values(column), dataset.values(classes)]);
    const knife = knifeOf(values as Float32Array, codes, classes.categories.length, store.state.shown);
    summary.textContent = `Mean ${formatNumber(knife.mean)} of ${knife.order.length.toLocaleString("en")}. Drag over the bars to select points.`;
    plot.element.hidden = false;
    plot.show(knife, values as Float32Array, classes.categories);
  };
  // Nothing of another map may stay under the name of one that does not come.
  const fail = (error: unknown) => {
    plot.element.hidden = true;
    summary.textContent = (error as Error).message;
  };
  store.on(["maps"], () => (follow(), void render().catch(fail)));
  store.on(["shown", "panel"], () => void render().catch(fail));
  follow();
  void render().catch(fail);
  return element;
}
