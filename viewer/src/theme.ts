/** Dark or light, and the colours that canvases need to know. */

import { luminance, type Rgb } from "./oklab";
import type { Theme } from "./state";

export interface Colours {
  stage: string;
  ink: string;
  muted: string;
  accent: string;
  filtered: string;
  line: string;
}

const COLOURS: Record<"light" | "dark", Colours> = {
  light: {
    stage: "#fbfcfd",
    ink: "#1b2129",
    muted: "#5b6572",
    accent: "#1a66b8",
    filtered: "#b9c0c9",
    line: "#dfe4ea",
  },
  dark: {
    stage: "#14171c",
    ink: "#eef1f5",
    muted: "#9ca7b5",
    accent: "#74b1f0",
    filtered: "#545c68",
    line: "#2b323b",
  },
};

/** The one place that knows and sets the theme of a viewer, and tells who draws by it of a change. */
export class ThemeSwitch {
  private wanted: Theme = "auto";
  private shown: "light" | "dark" | null = null;
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly host: HTMLElement,
    private readonly root: HTMLElement,
    signal: AbortSignal,
  ) {
    this.apply("auto");
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => this.apply(this.wanted), { signal });
  }

  get now(): "light" | "dark" {
    return this.shown ?? "light";
  }

  get other(): "light" | "dark" {
    return this.now === "dark" ? "light" : "dark";
  }

  get colours(): Colours {
    return COLOURS[this.now];
  }

  /** "auto" follows the page: its background where it has one, else what the system prefers. */
  apply(theme: Theme): void {
    this.wanted = theme;
    const next = theme === "auto" ? (pageIsDark(this.host) ? "dark" : "light") : theme;
    if (next === this.shown) return;
    this.shown = next;
    this.root.dataset.theme = next;
    this.host.style.colorScheme = next;
    this.listeners.forEach((listener) => listener());
  }

  /** Call a function whenever dark and light have changed. */
  on(listener: () => void): void {
    this.listeners.push(listener);
  }
}

function pageIsDark(host: HTMLElement): boolean {
  for (let element: HTMLElement | null = host; element; element = element.parentElement) {
    const parts = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(
      getComputedStyle(element).backgroundColor,
    );
    if (!parts || parts[4] === "0") continue;
    const rgb: Rgb = [Number(parts[1]) / 255, Number(parts[2]) / 255, Number(parts[3]) / 255];
    return luminance(rgb) < 0.2;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
