/** Keys and gestures, in a dialog. */

import { button, h } from "../element";

const GROUPS: [string, [string, string][]][] = [
  ["Look", [
    ["Drag", "turn (in 2-D: move)"],
    ["Right drag, Shift drag", "move"],
    ["Wheel, pinch, + and −", "come nearer, go away"],
    ["Double click, double tap", "come nearer to a point and turn around it"],
    ["Two fingers", "move and come nearer"],
    ["Arrows", "turn; with Shift: move"],
    ["F", "show all"],
    ["D", "2-D or 3-D"],
    ["P", "perspective"],
    ["I", "pictures in place of points"],
  ]],
  ["Choose", [
    ["Point, click", "see a picture; open it"],
    ["Tap, long press", "see a picture; open it"],
    ["Enter", "open the picture nearest the middle"],
    ["L, B, V", "lasso, box, turn and move"],
    ["Shift, Alt while drawing", "add to, take from the selection"],
    ["/", "search: a part of a file or class, or conditions as class:name -split:test confidence<.6"],
    ["Ctrl Z, Ctrl Shift Z", "undo, do again"],
    ["Drop a picture", "place it on the map (embedlens view)"],
    ["Esc", "give up, close, clear"],
  ]],
  ["Maps and panels", [
    ["[ and ]", "map before, map after"],
    ["C", "two maps side by side"],
    ["O, G, E, K, X", "picture, selection, findings, silhouettes, confusion"],
    ["1, 2, 3, 4", "in the findings: keep, move, drop, drop the other"],
    [", and .", "in the findings: before, after"],
    ["T", "dark or light"],
    ["S", "save a PNG"],
    ["?", "this help"],
  ]],
]; // prettier-ignore

export function helpDialog(tour: () => void): HTMLDialogElement {
  const dialog = h("dialog", {
    class: "help",
    "aria-labelledby": "help-title",
    onclick: (event: MouseEvent) => event.target === dialog && dialog.close(),
  });
  dialog.append(
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id: "help-title" }, "Keys and gestures"),
      button({
        label: "Show me round, in five steps",
        text: "Show me round",
        press: () => (dialog.close(), tour()),
      }),
      button({ label: "Close", icon: "close", class: "ghost", press: () => dialog.close() }),
    ),
    h(
      "div",
      { class: "columns" },
      ...GROUPS.map(([title, lines]) =>
        h(
          "section",
          {},
          h("h3", {}, title),
          h("dl", {}, ...lines.flatMap(([keys, what]) => [h("dt", {}, keys), h("dd", {}, what)])),
        ),
      ),
    ),
  );
  return dialog;
}
