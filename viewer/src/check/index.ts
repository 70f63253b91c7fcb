/** The page that `embedlens check` writes: decide on each finding, and save the cleaned table. */

import { Dataset } from "../dataset";
import { changes, type Decisions, fromLists, type DecisionLists } from "../decisions";
import { h } from "../element";
import type { Scene } from "../scene";
import { inlineSource } from "../source";
import { bar } from "./bar";
import { Deciding } from "./deciding";
import { choices, findingOf } from "./tile";

/** Decisions in the browser's own store, where it lets a page have one. */
class Kept {
  constructor(private readonly key: string) {}

  read(): Decisions {
    try {
      const text = localStorage.getItem(this.key);
      return text ? fromLists(JSON.parse(text) as DecisionLists) : new Map();
    } catch {
      return new Map();
    }
  }

  /** False where nothing can be kept. */
  keep(decisions: Decisions): boolean {
    try {
      const lists = changes(new Map(), decisions);
      if (lists) localStorage.setItem(this.key, JSON.stringify(lists));
      else localStorage.removeItem(this.key);
      return true;
    } catch {
      return false;
    }
  }
}

async function start(place: HTMLElement): Promise<void> {
  // Page and script are written together, and the scene has no map: nothing is to be checked.
  const text = document.querySelector("script[data-scene]")?.textContent ?? "";
  const dataset = new Dataset(JSON.parse(text) as Scene, inlineSource(document));
  const classes = dataset.columnOf("class");
  if (classes) await dataset.values(classes);
  const labelOf = (i: number) => (classes ? dataset.word(classes, i) : "");
  const kept = new Kept(`embedlens-check-${place.dataset.key ?? ""}`);
  const deciding = new Deciding(kept.read());
  const list = h(
    "datalist",
    { id: "classes" },
    ...dataset.scene.classes.map((value) => h("option", { value })),
  );
  for (const tile of document.querySelectorAll<HTMLElement>("li[data-picture]")) {
    const finding = findingOf(tile);
    deciding.findings.push(finding);
    tile.append(choices(deciding, finding, labelOf));
  }
  if (deciding.findings.length === 0) return;
  let stays = true;
  deciding.on(() => (stays = kept.keep(deciding.decisions)));
  place.append(
    list,
    bar(deciding, dataset, place.dataset.table ?? "", () => stays),
  );
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (typing || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z")
      return;
    event.preventDefault();
    deciding.undo();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!stays && !deciding.saved && deciding.decisions.size > 0) event.preventDefault();
  });
}

const place = document.getElementById("decisions");
if (place && typeof DecompressionStream !== "undefined")
  start(place).catch((error: unknown) => {
    place.textContent = `Nothing can be decided here: ${(error as Error).message}`;
  });
