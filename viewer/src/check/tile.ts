/** The choices under a finding of the page: keep, move to a class, drop. */

import { type Decision, decisionText } from "../decisions";
import { h } from "../element";
import { type Finding, isDecided, picturesOf, proposedFor } from "../findings";
import type { Deciding } from "./deciding";

/** What the page says of a finding in its element. */
export function findingOf({ dataset }: HTMLElement): Finding {
  const { kind = "", picture, other, suggested } = dataset;
  return {
    kind,
    picture: Number(picture),
    reason: "",
    ...(other ? { other: Number(other) } : {}),
    ...(suggested ? { suggested } : {}),
  };
}

export function choices(deciding: Deciding, finding: Finding, labelOf: (i: number) => string): HTMLElement {
  const pictures = picturesOf(finding);
  const both = pictures.length > 1;
  const keep = act(both ? "Keep both" : "Keep", both ? "Keep both as they are" : "Keep it as it is", () =>
    deciding.decide(finding, pictures, "keep"),
  );
  const told = h("p", { class: "told" });
  const sides = pictures.map((i, k) => side(deciding, finding, i, which(both, k), labelOf));
  const element = h(
    "div",
    { class: both ? "choices pair-of" : "choices" },
    ...sides.map((each) => each.element),
    keep,
    told,
  );
  const update = () => {
    const { decisions } = deciding;
    press(
      keep,
      pictures.every((i) => decisions.get(i) === "keep"),
    );
    sides.forEach((each) => each.update());
    const words = pictures.map((i) => decisionText(decisions.get(i)) || "open");
    told.textContent = pictures.some((i) => decisions.has(i)) ? [...new Set(words)].join("; ") : "";
    element.classList.toggle("decided", isDecided(finding, decisions));
  };
  deciding.on(update);
  update();
  return element;
}

function which(both: boolean, k: number): string {
  if (!both) return "it";
  return k === 0 ? "the first" : "the other";
}

/** Moving and dropping one picture. */
function side(
  deciding: Deciding,
  finding: Finding,
  i: number,
  name: string,
  labelOf: (i: number) => string,
): { element: HTMLElement; update: () => void } {
  const decide = (decision: Decision) => deciding.decide(finding, [i], decision);
  const field = h("input", {
    type: "text",
    list: "classes",
    maxlength: 200,
    placeholder: "a class",
    "aria-label": `Move ${name} to`,
    autocomplete: "off",
    value: proposedFor(finding, i, labelOf),
  });
  const move = h("button", { type: "submit", title: `Move ${name} to this class` }, "Move");
  const onsubmit = (event: Event) => {
    event.preventDefault();
    const to = field.value.trim();
    if (to) decide({ to });
    else field.focus();
  };
  const drop = act("Drop", `Drop ${name}: in no study of the table`, () => decide("drop"));
  const update = () => {
    const decision = deciding.decisions.get(i);
    const moved = typeof decision === "object";
    press(move, moved);
    press(drop, decision === "drop");
    if (moved) field.value = decision.to;
  };
  return { element: h("form", { class: "side", onsubmit }, field, move, drop), update };
}

function act(text: string, title: string, onclick: () => void): HTMLButtonElement {
  return h("button", { type: "button", title, onclick }, text);
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute("aria-pressed", `${pressed}`);
}
