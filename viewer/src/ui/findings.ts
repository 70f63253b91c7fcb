/** What the check found, one after another: keep, move to a class, or drop. */

import { classColumn, type Context } from "../context";
import { type Decision, decisionText } from "../decisions";
import { button, h } from "../element";
import {
  countDecided,
  decideOn,
  type Finding,
  isDecided,
  nextUndecided,
  picturesOf,
  proposedFor,
} from "../findings";
import { categoryColours } from "../palette";
import { cleaned } from "./cleaned";
import { labelInput } from "./labelling";
import { swatch } from "./legend";
import { tile } from "./picture";

/** Findings added to the list at a time. */
const PAGE = 60;

export function findingsPanel(context: Context): HTMLElement {
  const { dataset, store, stage } = context;
  const { findings: found } = dataset.scene;
  const element = h("div", { class: "findings" });
  if (!found) return element;
  const progress = progressLine(context);
  const card = h("section", { class: "finding", "aria-label": "The finding that is looked at" });
  const list = h("ol", { class: "finding-list" });
  const more = button({
    label: "Show more findings",
    text: "Show more",
    press: () => addPage(context, list, more),
  });
  const kinds = kindSelect(context);
  const render = () => {
    const { finding, panel } = store.state;
    if (panel !== "findings") {
      stage.overlay.found = [];
      return;
    }
    progress.update();
    const findings = dataset.knownFindings;
    const current = finding === null ? undefined : findings[finding];
    stage.overlay.found = current ? picturesOf(current) : [];
    stage.invalidate();
    const focused = focusedAct(context);
    card.replaceChildren(...(current ? content(context, current) : []));
    if (focused) card.querySelector<HTMLElement>(`[data-act="${focused}"]`)?.focus();
    update(context, list);
  };
  const fill = () => {
    list.replaceChildren();
    addPage(context, list, more);
    render();
  };
  element.append(
    progress.element,
    kinds,
    card,
    ...(dataset.decides ? [cleaned(context)] : [h("p", { class: "hint" }, UNDECIDABLE)]),
    list,
    more,
    h("p", { class: "hint" }, elsewhereText(found.elsewhere)),
  );
  const open = async () => {
    if (store.state.panel !== "findings") return render();
    const classes = classColumn(context);
    await Promise.all([dataset.findings(), dataset.paths(), classes && dataset.values(classes)]);
    if (store.state.finding === null) step(context, null);
    if (list.childElementCount === 0) fill();
    else render();
  };
  store.on(["panel"], () => void open().catch((error: unknown) => context.notify((error as Error).message)));
  store.on(["findingKind"], fill);
  store.on(["decisions", "finding"], render);
  void open();
  return element;
}

/** How many of the findings are decided. */
function progressLine({ store, dataset }: Context): { element: HTMLElement; update: () => void } {
  const bar = h("progress", { "aria-hidden": "true" });
  const told = h("h3", { role: "status" });
  const update = () => {
    const all = dataset.knownFindings.length;
    const decided = countDecided(dataset.knownFindings, store.state.decisions);
    told.textContent = `${decided.toLocaleString("en")} of ${all.toLocaleString("en")} decided`;
    [bar.max, bar.value] = [Math.max(all, 1), decided];
  };
  return { element: h("div", {}, told, bar), update };
}

const UNDECIDABLE =
  "Nothing can be decided here: the pictures lie in an archive, are gone, or have several labels each.";

/** Keys of the panel; the numbers are those on its buttons. */
export function findingKeys(context: Context): Record<string, () => void> {
  const finding = currentOf(context);
  if (!finding) return {};
  const arrows = { ",": () => step(context, -1), ".": () => step(context, 1) };
  if (!context.dataset.decides) return arrows;
  const { picture, other } = finding;
  const to = proposed(context, finding, picture);
  return {
    ...arrows,
    "1": () => decide(context, finding, picturesOf(finding), "keep"),
    "2": () => to && decide(context, finding, [picture], { to }),
    "3": () => decide(context, finding, [picture], "drop"),
    ...(other === undefined ? {} : { "4": () => decide(context, finding, [other], "drop") }),
  };
}

function currentOf({ store, dataset }: Context): Finding | undefined {
  return store.state.finding === null ? undefined : dataset.knownFindings[store.state.finding];
}

/** The places of those that are listed. */
function listed({ store, dataset }: Context): number[] {
  const { findingKind } = store.state;
  const all = [...dataset.knownFindings.keys()];
  return findingKind === null ? all : all.filter((k) => dataset.knownFindings[k].kind === findingKind);
}

/** Look at the next or the one before; null: at the first that is not decided. */
function step(context: Context, by: number | null): void {
  const { store, dataset } = context;
  const order = listed(context);
  if (order.length === 0) return;
  const at = store.state.finding === null ? -1 : order.indexOf(store.state.finding);
  const next =
    by === null
      ? nextUndecided(dataset.knownFindings, order, order[0], store.state.decisions)
      : order[(at + by + order.length) % order.length];
  const first = order[0];
  const undecided = by === null && !isDecided(dataset.knownFindings[first], store.state.decisions);
  store.set({ finding: undecided ? first : next });
}

/** Decide, and go on to the next; what was decided so before is taken back. */
function decide(context: Context, finding: Finding, pictures: number[], decision: Decision): void {
  const { store, dataset } = context;
  const { decisions, takenBack } = decideOn(store.state.decisions, finding, pictures, decision);
  if (takenBack) {
    store.set({ decisions });
    context.announce("Taken back");
    return;
  }
  const at = store.state.finding ?? 0;
  store.set({ decisions, finding: nextUndecided(dataset.knownFindings, listed(context), at, decisions) });
  const done = countDecided(dataset.knownFindings, decisions);
  context.announce(`${decisionText(decision)}; ${done} of ${dataset.knownFindings.length} decided`);
}

/** The class that a picture might belong to; "" where none is proposed. */
function proposed(context: Context, finding: Finding, picture: number): string {
  return proposedFor(finding, picture, (i) => labelOf(context, i));
}

function labelOf(context: Context, picture: number): string {
  const classes = classColumn(context);
  return classes ? context.dataset.word(classes, picture) : "";
}

function content(context: Context, finding: Finding): HTMLElement[] {
  const { dataset, store } = context;
  const { decisions } = store.state;
  const pictures = picturesOf(finding);
  const kept = pictures.every((i) => decisions.get(i) === "keep");
  const keep = button({
    label: pictures.length > 1 ? "Keep both as they are" : "Keep it as it is",
    text: pictures.length > 1 ? "Keep both" : "Keep",
    key: "1",
    press: () => decide(context, finding, pictures, "keep"),
  });
  keep.append(keyHint("1"));
  keep.dataset.act = "keep";
  keep.setAttribute("aria-pressed", `${kept}`);
  const arrow = (text: string, label: string, key: string, by: number) => {
    const made = button({ label, text, key, class: "step", press: () => step(context, by) });
    made.dataset.act = `step${by}`;
    return made;
  };
  return [
    h(
      "div",
      { class: "finding-head" },
      h("h4", {}, dataset.scene.findings?.kinds[finding.kind] ?? finding.kind),
      arrow("‹", "The finding before", ",", -1),
      arrow("›", "The next finding", ".", 1),
    ),
    h("div", { class: "pair" }, ...pictures.map((i, k) => side(context, finding, i, k))),
    h("p", { class: "reason" }, sentence(finding)),
    ...(dataset.decides ? [h("div", { class: "row" }, keep)] : []),
  ];
}

function sentence({ reason, action }: Finding): string {
  const said = reason.charAt(0).toUpperCase() + reason.slice(1);
  return action ? `${said}. To do: ${action}.` : `${said}.`;
}

/** One picture of a finding, with what can be done to it alone. */
function side(context: Context, finding: Finding, i: number, k: number): HTMLElement {
  const { store, dataset } = context;
  const decision = store.state.decisions.get(i);
  const label = labelOf(context, i);
  const to = typeof decision === "object" ? decision.to : proposed(context, finding, i);
  const which = picturesOf(finding).length === 1 ? "it" : k === 0 ? "the first" : "the other";
  const drop = button({
    label: `Drop ${which}: in no study of the table`,
    text: "Drop",
    key: k === 0 ? "3" : "4",
    press: () => decide(context, finding, [i], "drop"),
  });
  drop.append(keyHint(k === 0 ? "3" : "4"));
  drop.dataset.act = `drop${k}`;
  drop.setAttribute("aria-pressed", `${decision === "drop"}`);
  const { field, choices } = labelInput(context, `Move ${which} to`, `finding-classes-${k}`);
  field.value = to;
  const move = h(
    "button",
    {
      type: "submit",
      class: "button",
      title: k === 0 ? "Move it there (2)" : "Move it there",
      "data-act": `move${k}`,
      "aria-pressed": `${typeof decision === "object"}`,
    },
    "Move",
    k === 0 && keyHint("2"),
  );
  const form = h(
    "form",
    {
      class: "row move",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const chosen = field.value.trim();
        if (chosen) decide(context, finding, [i], { to: chosen });
        else field.focus();
      },
    },
    field,
    choices,
    move,
  );
  return h(
    "figure",
    { class: "side" },
    tile(context, i),
    h(
      "figcaption",
      {},
      h("span", { class: "given" }, swatch(classColour(context, i)), label),
      to && typeof decision !== "object" && h("span", { class: "proposed" }, "→ ", h("bdi", {}, to), "?"),
      decision !== undefined && h("span", { class: "decided" }, decisionText(decision)),
      h("span", { class: "path", title: dataset.name(i) }, dataset.name(i)),
    ),
    ...(dataset.decides ? [form, h("div", { class: "row" }, drop)] : []),
  );
}

/** The key that does the same, for who has keys. */
function keyHint(key: string): HTMLElement {
  return h("kbd", { "aria-hidden": "true" }, key);
}

function classColour(context: Context, i: number): string {
  const classes = classColumn(context);
  const code = classes && context.dataset.known(classes.id)?.[i];
  return classes && code !== undefined ? (categoryColours(classes.categories.length)[code] ?? "") : "";
}

function kindSelect({ dataset, store }: Context): HTMLElement {
  const { kinds } = dataset.scene.findings!;
  const select = h("select", {
    "aria-label": "Kind of findings",
    onchange: () => store.set({ findingKind: select.value || null }),
  });
  select.append(
    h("option", { value: "" }, "All findings"),
    ...Object.entries(kinds).map(([kind, title]) => h("option", { value: kind }, title ?? kind)),
  );
  store.on(["findingKind"], () => (select.value = store.state.findingKind ?? ""));
  const column = dataset.columnOf("finding");
  const colour = button({
    label: "Colour the points by what was found",
    text: "Colour by it",
    press: () => store.set({ colour: column?.id ?? "" }),
  });
  const follow = () => colour.setAttribute("aria-pressed", `${store.state.colour === column?.id}`);
  store.on(["colour"], follow);
  follow();
  return h("div", { class: "row kinds" }, select, column && colour);
}

/** Add findings to the list; each goes to itself when pressed. */
function addPage(context: Context, list: HTMLElement, more: HTMLElement): void {
  const { dataset, store } = context;
  const order = listed(context);
  const from = list.childElementCount;
  for (const at of order.slice(from, from + PAGE)) {
    const finding = dataset.knownFindings[at];
    const [label, to] = [labelOf(context, finding.picture), proposed(context, finding, finding.picture)];
    const row = h(
      "button",
      { type: "button", class: "finding-row", "data-at": at, onclick: () => store.set({ finding: at }) },
      ...picturesOf(finding).map((i) =>
        dataset.thumbnails ? dataset.thumbnails.element(i, 36, dataset.name(i)) : null,
      ),
      h("span", { class: "name" }, h("bdi", {}, label), ...(to ? [" → ", h("bdi", {}, to), "?"] : [])),
      h("span", { class: "count" }),
    );
    list.append(h("li", {}, row));
  }
  more.hidden = list.childElementCount >= order.length;
  update(context, list);
}

/** Say in the list which is looked at and what was decided. */
function update({ dataset, store }: Context, list: HTMLElement): void {
  const { finding: current, decisions } = store.state;
  for (const row of list.querySelectorAll<HTMLElement>(".finding-row")) {
    const at = Number(row.dataset.at);
    const finding = dataset.knownFindings[at];
    const decided = isDecided(finding, decisions);
    if (at === current) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    row.classList.toggle("done", decided);
    row.lastElementChild!.textContent = decided ? saidOf(finding, decisions) : "";
  }
}

/** What was decided of a finding's pictures; "kept" is said only where nothing else was. */
function saidOf(finding: Finding, decisions: Context["store"]["state"]["decisions"]): string {
  const said = [...new Set(picturesOf(finding).map((i) => decisionText(decisions.get(i))))];
  return said.find((text) => text !== "kept" && text !== "") ?? said[0];
}

function elsewhereText(elsewhere: Partial<Record<string, number>>): string {
  const parts = Object.entries(elsewhere).map(([title, count]) => `${title}: ${count}`);
  return parts.length > 0
    ? `The check also found what is of no picture of the map. ${parts.join("; ")}.`
    : "";
}

/** The card is made anew; who works it by keyboard must not lose the place. */
function focusedAct({ stage }: Context): string | null {
  const root = stage.element.getRootNode() as ShadowRoot;
  return (root.activeElement as HTMLElement | null)?.dataset.act ?? null;
}
