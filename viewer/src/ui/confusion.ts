/** The confusion matrix beside the map: press a cell to select its pictures. */

import { classColumn, type Context, leadingMap, pictures } from "../context";
import { type Confusion, confusionOf, mistakes } from "../confusion";
import { h } from "../element";
import type { CategoryColumn } from "../scene";
import { where } from "../selection";

/** A matrix of more classes cannot be read as numbers; it is drawn. */
export const READABLE = 20;
const LISTED = 60;

export function confusionPanel(context: Context): HTMLElement {
  const { dataset, store } = context;
  const columns = dataset.scene.columns.filter(
    (c): c is CategoryColumn => c.kind === "category" && c.role === "prediction",
  );
  const classes = classColumn(context);
  if (columns.length === 0 || !classes) return h("p", { class: "hint" }, "This scene holds no predictions.");
  const select = h("select", { "aria-label": "Predictions of", onchange: () => void render().catch(fail) });
  select.append(...columns.map(({ id, name }) => h("option", { value: id }, name)));
  const follow = () => {
    const own = dataset.columnOf("prediction", leadingMap(context));
    if (own) select.value = own.id;
  };
  const body = h("div");
  const render = async () => {
    const column = columns.find(({ id }) => id === select.value);
    if (!column || store.state.panel !== "confusion") return;
    const [truth, predicted] = await Promise.all([dataset.values(classes), dataset.values(column)]);
    const toClass = column.categories.map((name) => classes.categories.indexOf(name));
    const confusion = confusionOf(truth, predicted, toClass, classes.categories.length, store.state.shown);
    const pick = (row: number, guess: number) =>
      context.select(
        where(store.state.shown, (i) => truth[i] === row && toClass[predicted[i]] === guess),
        "confusion",
      );
    body.replaceChildren(...content(confusion, classes.categories, pick));
  };
  // Nothing of another network may stay under the name of one that does not come.
  const fail = (error: unknown) => body.replaceChildren(h("p", { class: "hint" }, (error as Error).message));
  store.on(["maps"], () => (follow(), void render().catch(fail)));
  store.on(["shown", "panel"], () => void render().catch(fail));
  follow();
  void render().catch(fail);
  return h("div", { class: "confusion" }, select, body);
}

type Pick = (truth: number, guess: number) => void;

function content(confusion: Confusion, names: readonly string[], pick: Pick): HTMLElement[] {
  const { total, right, classes } = confusion;
  if (total === 0) return [h("p", { class: "hint" }, "None of the pictures shown has a prediction.")];
  const share = `${((100 * right) / total).toFixed(1)}%`;
  const summary = h(
    "p",
    { class: "hint" },
    `${share} of ${pictures(total)} right. Press a cell to select its pictures.`,
  );
  const list = mistakeList(confusion, names, pick);
  return [
    summary,
    classes <= READABLE ? matrix(confusion, names, pick) : heatMap(confusion, names, pick),
    list,
  ];
}

function matrix({ classes, counts }: Confusion, names: readonly string[], pick: Pick): HTMLElement {
  const codes = [...Array(classes).keys()];
  const head = h(
    "tr",
    {},
    h("td", { class: "corner" }, "true \\ predicted"),
    ...codes.map((code) => h("th", { scope: "col" }, h("span", {}, names[code]))),
  );
  const rows = codes.map((truth) => {
    const sum = codes.reduce((total, guess) => total + counts[truth * classes + guess], 0);
    const cells = codes.map((guess) => {
      const count = counts[truth * classes + guess];
      if (count === 0) return h("td", { class: "none" }, "·");
      const label = `${pictures(count)} of ${names[truth]} predicted as ${names[guess]}`;
      const cell = h(
        "button",
        { type: "button", title: label, "aria-label": label, onclick: () => pick(truth, guess) },
        `${count}`,
      );
      cell.classList.add(truth === guess ? "right" : "wrong");
      cell.style.setProperty("--share", `${Math.round(15 + 75 * Math.sqrt(count / sum))}%`);
      return h("td", {}, cell);
    });
    return h("tr", {}, h("th", { scope: "row" }, names[truth]), ...cells);
  });
  const table = h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Confusion matrix" }, table);
}

/** A dot a cell; the list below says the same in words, and takes the keyboard. */
function heatMap({ classes, counts }: Confusion, names: readonly string[], pick: Pick): HTMLElement {
  const canvas = h("canvas", {
    class: "heat",
    width: classes,
    height: classes,
    role: "img",
    "aria-label": "Confusion matrix: rows the true class, columns the predicted one",
  });
  const context = canvas.getContext("2d");
  const cellAt = (event: MouseEvent) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const at = (share: number) => Math.min(classes - 1, Math.max(0, Math.floor(share * classes)));
    const [truth, guess] = [at((event.clientY - top) / height), at((event.clientX - left) / width)];
    return { truth, guess, count: counts[truth * classes + guess] };
  };
  for (let truth = 0; context && truth < classes; truth++) {
    const row = counts.subarray(truth * classes, (truth + 1) * classes);
    const sum = row.reduce((total, count) => total + count, 0);
    row.forEach((count, guess) => {
      context.fillStyle = truth === guess ? "#1a76c8" : "#d55e00";
      context.globalAlpha = count > 0 ? 0.25 + 0.75 * Math.sqrt(count / sum) : 0;
      context.fillRect(guess, truth, 1, 1);
    });
  }
  canvas.addEventListener("pointermove", (event) => {
    const { truth, guess, count } = cellAt(event);
    canvas.title = `${pictures(count)} of ${names[truth]} predicted as ${names[guess]}`;
  });
  canvas.addEventListener("click", (event) => {
    const { truth, guess, count } = cellAt(event);
    if (count > 0) pick(truth, guess);
  });
  return canvas;
}

function mistakeList(confusion: Confusion, names: readonly string[], pick: Pick): HTMLElement {
  const pairs = mistakes(confusion);
  if (pairs.length === 0) return h("p", { class: "hint" }, "No mistakes.");
  const items = pairs
    .slice(0, LISTED)
    .map(({ truth, guess, count }) =>
      h(
        "li",
        {},
        h(
          "button",
          { type: "button", class: "mistake", onclick: () => pick(truth, guess) },
          h("span", {}, `${names[truth]} taken for ${names[guess]}`),
          h("span", { class: "count" }, `${count}`),
        ),
      ),
    );
  return h("div", {}, h("h3", {}, "Most frequent mistakes"), h("ul", { class: "mistakes" }, ...items));
}
