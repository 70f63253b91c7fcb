/** Elements in one line. Strings become text, never HTML. */

type Handler = (event: never) => void;
type Attribute = string | number | boolean | null | undefined | Handler;
type Child = Node | string | null | undefined | false;

/** `on...` attributes take functions; true sets a bare attribute; false, null and undefined set none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Attribute> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, `${value}`);
  }
  element.append(...children.filter((child): child is Node | string => !!child || child === ""));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Strokes in a box of 20 x 20. */
const ICONS = {
  move: "M10 2v16M2 10h16M10 2l-2.5 2.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  lasso:
    "M6.5 13.2C4 12.3 2.5 10.7 2.5 8.7C2.5 5.5 5.9 3 10 3s7.5 2.5 7.5 5.7s-3.4 5.7-7.5 5.7c-.7 0-1.3 0-1.9-.2M6.4 15.6a1.7 1.7 0 1 0 0-3.3a1.7 1.7 0 0 0 0 3.3c.1 1-.4 2-1.9 2.4",
  perspective: "M4 6.5l12-3v13l-12-3zM10 5v10M4 10h12",
  box: "M3.5 3.5h13v13h-13z",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M8 8h4v4H8z",
  pictures: "M3 4h14v12H3zM3 13.5l4-4 3.5 3.5 2.5-2.5 4 4M12.7 7.7h.01",
  guest: "M3 4h14v12H3zM10 7v6M7 10h6",
  compare: "M3 4h5.5v12H3zM11.5 4H17v12h-5.5z",
  undo: "M7 4L3.5 7.5L7 11M4 7.5h8a4.3 4.3 0 0 1 0 8.6H8",
  search: "M8.7 14a5.3 5.3 0 1 0 0-10.6a5.3 5.3 0 0 0 0 10.6zM12.6 12.6L17 17",
  save: "M10 3v9.5M6 9l4 4 4-4M3.5 16.5h13",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7a3.5 3.5 0 0 0 0 7zM10 1.8v1.7M10 16.5v1.7M1.8 10h1.7M16.5 10h1.7M4.2 4.2l1.2 1.2M14.6 14.6l1.2 1.2M15.8 4.2l-1.2 1.2M5.4 14.6l-1.2 1.2",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  close: "M5 5l10 10M15 5L5 15",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M10 14.6h.01",
  legend: "M3.5 5.5h.01M7 5.5h9.5M3.5 10h.01M7 10h9.5M3.5 14.5h.01M7 14.5h9.5",
  selection: "M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z",
  findings: "M10 3.2L17.5 16.5h-15zM10 8.2v3.6M10 14.2h.01",
  silhouettes: "M3 4h11M3 7h8M3 10h4M3 13h13M3 16h6",
  confusion: "M3 3h14v14H3zM3 7.7h14M3 12.3h14M7.7 3v14M12.3 3v14",
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export interface ButtonOptions {
  label: string;
  icon?: IconName;
  text?: string;
  key?: string;
  class?: string;
  press: () => void;
}

/** A button that says in words what it does, whether or not it shows them. */
export function button({
  label,
  icon: name,
  text,
  key,
  class: extra,
  press,
}: ButtonOptions): HTMLButtonElement {
  // Who speaks to the computer says what is written on the button: its name must hold that.
  const spoken = text && !label.includes(text) ? `${text}: ${label}` : label;
  return h(
    "button",
    {
      type: "button",
      class: ["button", !text && "square", extra].filter(Boolean).join(" "),
      title: key ? `${label} (${key})` : label,
      "aria-label": spoken,
      "aria-keyshortcuts": key,
      onclick: press,
    },
    name && icon(name),
    text,
  );
}
