/** Five steps through the page, each beside the part that it tells of. */

import { button, h } from "../element";

interface Step {
  /** Finds the part in the page; a step whose part is not there is left out. */
  part: string;
  title: string;
  text: string;
}

const STEPS: Step[] = [
  {
    part: ".stage",
    title: "The map",
    text: "Each point is a picture; alike pictures lie near each other. Drag to turn, wheel or pinch to come nearer, press a point to open its picture with its neighbours.",
  },
  {
    part: ".pane-header",
    title: "Which map",
    text: "Choose the network and the way its features were brought into three dimensions. The line below says how far this map parts the classes and what it keeps.",
  },
  {
    part: ".legend",
    title: "Colours and filters",
    text: "Colour the points by class, split, right or wrong, confidence. Press a name to see it alone; for numbers drag over the histogram.",
  },
  {
    part: ".search",
    title: "Search",
    text: "Type a part of a file or class, or conditions: class:name -split:test confidence<.6",
  },
  {
    part: ".tools",
    title: "Select",
    text: "Draw round points with the lasso or the box. The panel then shows their pictures and saves them as a list. Undo takes any choice back.",
  },
];

export interface Tour {
  element: HTMLElement;
  start(): void;
  /** Give up; true if it was under way. */
  stop(): boolean;
}

export function tour(root: HTMLElement): Tour {
  const card = h("section", { class: "tour", role: "dialog", "aria-labelledby": "tour-title", hidden: true });
  let at = -1;
  const partOf = (step: Step) => root.querySelector<HTMLElement>(step.part);
  /** Also not those that a small screen hides. */
  const there = () => STEPS.filter((step) => (partOf(step)?.getClientRects().length ?? 0) > 0);
  const show = (next: number) => {
    root.querySelectorAll(".toured").forEach((part) => part.classList.remove("toured"));
    const steps = there();
    at = next >= 0 && next < steps.length ? next : -1;
    card.hidden = at < 0;
    if (at < 0) return;
    const step = steps[at];
    const last = at === steps.length - 1;
    const forth = button({
      label: last ? "Done" : "Next",
      text: last ? "Done" : "Next",
      press: () => show(at + 1),
    });
    card.replaceChildren(
      h("h3", { id: "tour-title" }, step.title),
      h("p", {}, step.text),
      h(
        "div",
        { class: "tour-steps" },
        h("span", { class: "count" }, `${at + 1} of ${steps.length}`),
        at > 0 && button({ label: "Back", text: "Back", class: "link", press: () => show(at - 1) }),
        !last && button({ label: "End the tour", text: "End", class: "link", press: () => show(-1) }),
        forth,
      ),
    );
    const part = partOf(step)!;
    part.classList.add("toured");
    place(card, part, root);
    forth.focus();
  };
  const stop = () => {
    const running = at >= 0;
    show(-1);
    return running;
  };
  return { element: card, start: () => show(0), stop };
}

/** Beside the part where there is room: below, to the right, to the left, or over its middle. */
function place(card: HTMLElement, part: HTMLElement, root: HTMLElement): void {
  const whole = root.getBoundingClientRect();
  const { left, right, top, bottom } = part.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const gap = 10;
  const places: [number, number][] = [
    [left, bottom + gap],
    [right + gap, top + gap],
    [left - gap - width, top + gap],
    [(left + right - width) / 2, (top + bottom - height) / 2],
  ];
  const inside = ([x, y]: [number, number]) =>
    x >= whole.left && y >= whole.top && x + width <= whole.right && y + height <= whole.bottom;
  const [x, y] = places.find(inside) ?? places[places.length - 1];
  const within = (value: number, room: number) => Math.max(gap, Math.min(value, room - gap));
  card.style.left = `${within(x - whole.left, whole.width - width)}px`;
  card.style.top = `${within(y - whole.top, whole.height - height)}px`;
}
