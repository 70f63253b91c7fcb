/** The line at the top: what is shown, search, and what one does with the whole view. */

import type { Context } from "../context";
import { pictures } from "../context";
import { button, h } from "../element";
import { stepInHistory } from "../history";
import { savePng } from "../png";
import { toggleCompare } from "./panes";

export interface HeaderActions {
  help(): void;
  legend(): void;
}

export function header(context: Context, searchElement: HTMLElement, actions: HeaderActions): HTMLElement {
  const { dataset, store, theme } = context;
  const { title, count, maps } = dataset.scene;
  const compare = button({
    label: "two maps side by side",
    icon: "compare",
    text: "Compare",
    key: "C",
    press: () => toggleCompare(context),
  });
  const themeButton = button({
    label: "Dark or light",
    icon: "moon",
    key: "T",
    press: () => toggleTheme(context),
  });
  const undo = button({
    label: "Undo the last choice: map, colour, filter, selection or decision",
    icon: "undo",
    key: "Control+Z",
    press: () => stepInHistory(context, { key: "z", shiftKey: false }),
  });
  const update = () => {
    undo.disabled = !context.history.canUndo;
    compare.setAttribute("aria-pressed", `${store.state.maps.length === 2}`);
    themeButton.setAttribute("aria-pressed", `${theme.now === "dark"}`);
  };
  store.on(["maps", "colour", "filters", "selection", "decisions"], update);
  theme.on(update);
  update();
  return h(
    "header",
    { class: "bar" },
    button({ label: "Colours and filters", icon: "legend", class: "legend-button", press: actions.legend }),
    h("h2", { class: "title", title }, title),
    h("span", { class: "total" }, pictures(count)),
    searchElement,
    h(
      "div",
      { class: "actions" },
      undo,
      maps.length > 1 && compare,
      maps.some((map) => dataset.takes(map)) && guestButton(context),
      button({
        label: "Save a picture of the map (PNG)",
        icon: "save",
        key: "S",
        press: () => void savePng(context),
      }),
      themeButton,
      button({ label: "Keys and gestures", icon: "help", key: "?", press: actions.help }),
    ),
  );
}

/** Who cannot drop a file chooses it. */
function guestButton({ welcome }: Context): HTMLElement {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: () => {
      const file = input.files?.[0];
      if (file) welcome(file);
      input.value = "";
    },
  });
  const choose = button({
    label: "Place a picture of yours on the map: choose it, or drop it on the page",
    icon: "guest",
    press: () => input.click(),
  });
  return h("span", {}, choose, input);
}

export function toggleTheme({ store, theme }: Context): void {
  store.set({ theme: theme.other });
}
