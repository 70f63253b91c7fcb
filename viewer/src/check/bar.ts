/** The bar of the page: how much is decided, the way back, and the table. */

import type { Dataset } from "../dataset";
import { countsOf } from "../decisions";
import { h } from "../element";
import { cleanedTable, download, toCsv } from "../export";
import type { Deciding } from "./deciding";

const WHAT_FOR =
  "Keep, move or drop what was found: a table of all pictures comes of it, and your files stay.";

export function bar(deciding: Deciding, dataset: Dataset, table: string, stays: () => boolean): HTMLElement {
  const count = h("strong", { role: "status" });
  const progress = h("progress", { "aria-hidden": "true", max: deciding.findings.length });
  const undo = h(
    "button",
    { type: "button", title: "Take the last decision back (Ctrl-Z)", onclick: () => deciding.undo() },
    "Undo",
  );
  const save = h(
    "button",
    { type: "button", class: "save", onclick: () => void write() },
    "Download labels.csv",
  );
  const told = h("p", { class: "note" });
  const write = async () => {
    const cleaned = await cleanedTable(dataset, deciding.decisions);
    download("labels.csv", new Blob([toCsv(cleaned)], { type: "text/csv" }));
    deciding.noteSaved();
  };
  const update = () => {
    const number = (value: number) => value.toLocaleString("en");
    count.textContent = `${number(deciding.decided)} of ${number(deciding.findings.length)} decided`;
    progress.value = deciding.decided;
    undo.disabled = !deciding.canUndo;
    save.disabled = deciding.decisions.size === 0;
    const { kept, labelled, aside } = countsOf(deciding.decisions);
    const counts = `${number(kept)} kept, ${number(labelled)} moved, ${number(aside)} dropped`;
    told.textContent =
      deciding.decisions.size === 0 ? WHAT_FOR : `${counts}. ${whereText(deciding.saved, stays(), table)}`;
  };
  deciding.on(update);
  update();
  return h("div", { class: "bar-of" }, h("div", { class: "row" }, count, progress, undo, save), told);
}

function whereText(saved: boolean, stays: boolean, table: string): string {
  if (saved)
    return `Put labels.csv into the folder of this page, as its paths count from there: embedlens study ${table} --out NEW-FOLDER`;
  return stays
    ? "This browser keeps them for this page."
    : "They are lost with this page unless you download them.";
}
