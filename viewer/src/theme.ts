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

export class ThemeSwitch {
  now: "light" | "dark" = "light";

  constructor(
    private readonly host: HTMLElement,
    private readonly root: HTMLElement,
  ) {}

  get colours(): Colours {
    return COLOURS[this.now];
  }

  /** "auto" follows the page: its background where it has one, else what the system prefers. */
  apply(theme: Theme): void {
    this.now = theme === "auto" ? (pageIsDark(this.host) ? "dark" : "light") : theme;
    this.root.dataset.theme = this.now;
    this.host.style.colorScheme = this.now;
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
