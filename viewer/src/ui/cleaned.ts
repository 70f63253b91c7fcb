/** What became of the decisions: the table that holds them, or the button that saves it. */

import type { Context } from "../context";
import { countsOf, type Counts, type Decisions } from "../decisions";
import { button, h } from "../element";
import { cleanedTable, download, toCsv } from "../export";

export function cleaned(context: Context): HTMLElement {
  const { store, dataset } = context;
  const told = h("p", { class: "hint", role: "status" });
  const save = button({
    label: "Save the cleaned table: all pictures with their labels, without those that are dropped",
    text: "Save the cleaned table",
    icon: "save",
    press: () => void saveTable(context).then((done) => done && update()),
  });
  const update = () => {
    const { decisions, written } = store.state;
    save.disabled = decisions.size === 0;
    told.textContent =
      dataset.decides === "file"
        ? written && ("problem" in written ? `Not written: ${written.problem}` : fileText(written))
        : downloadText(decisions, saved.get(context) === decisions);
  };
  store.on(["decisions", "written"], update);
  update();
  return h("div", { class: "cleaned" }, dataset.decides === "download" && save, told);
}

/** The decisions that were saved last. */
const saved = new WeakMap<Context, Decisions>();

/** Whether decisions would be lost with the page. */
export function unsaved(context: Context): boolean {
  const { decisions } = context.store.state;
  return context.dataset.decides === "download" && decisions.size > 0 && saved.get(context) !== decisions;
}

async function saveTable(context: Context): Promise<boolean> {
  const { dataset, store, notify } = context;
  const { decisions } = store.state;
  try {
    const table = await cleanedTable(dataset, decisions);
    download("labels.csv", new Blob([toCsv(table)], { type: "text/csv" }));
    saved.set(context, decisions);
    return true;
  } catch (error) {
    notify(`Not saved: ${(error as Error).message}`);
    return false;
  }
}

function countsText({ kept, labelled, aside }: Counts): string {
  const number = (count: number) => count.toLocaleString("en");
  return `${number(kept)} kept, ${number(labelled)} with another label, ${number(aside)} dropped`;
}

function fileText({ path, ...counts }: Counts & { path: string }): string {
  return `${countsText(counts)} in ${path}. Your own files are as they were. Make a study of it: embedlens study ${quoted(path)} --out NEW-FOLDER`;
}

/** A path as a shell takes it: double quotes do for Windows too, but leave some letters their meaning elsewhere. */
export function quoted(path: string): string {
  return /["$`!]/.test(path) ? `'${path.replaceAll("'", "'\\''")}'` : `"${path}"`;
}

function downloadText(decisions: Decisions, isSaved: boolean): string {
  if (decisions.size === 0) return "";
  const where = isSaved
    ? "Put labels.csv into the study's folder: its paths count from there, and embedlens view and embedlens study read it."
    : "They are lost with this page unless you save them.";
  return `${countsText(countsOf(decisions))}. ${where}`;
}
