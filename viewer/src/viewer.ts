/** The viewer in an element: loads a scene, and is what the page outside can talk to. */

import { Dataset } from "./dataset";
import { h } from "./element";
import { Page, type ViewerOptions } from "./page";
import type { Scene } from "./scene";
import type { Source } from "./source";
import { fromHash, initialState, type State } from "./state";
import { css } from "./styles";
import { ThemeSwitch } from "./theme";

export class Viewer {
  /** Settled when the first map is drawn. */
  readonly ready: Promise<void>;
  private readonly frame = h("div", { class: "frame" });
  private readonly root = h("div", { class: "viewer" }, this.frame);
  private readonly abort = new AbortController();
  private readonly theme: ThemeSwitch;
  private parts: Page | null = null;
  private readonly listeners: ((selection: Uint32Array) => void)[] = [];

  constructor(
    host: HTMLElement,
    source: Source,
    private readonly options: ViewerOptions = {},
  ) {
    const shadow = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [sheet];
    shadow.replaceChildren(this.root);
    this.theme = new ThemeSwitch(host, this.root, this.abort.signal);
    this.frame.append(h("p", { class: "loading", role: "status" }, "Loading …"));
    this.ready = this.start(source);
    this.ready.catch((error: unknown) => this.fail(error));
  }

  get state(): State | null {
    return this.parts?.store.state ?? null;
  }

  get selection(): number[] {
    return [...(this.state?.selection ?? [])];
  }

  /** Select pictures by their indices; those that the scene has not are left out. */
  select(indices: ArrayLike<number>): void {
    if (!this.parts) return;
    const { count } = this.parts.dataset;
    const inside = Uint32Array.from(
      new Set(Array.from(indices).filter((i) => Number.isInteger(i) && i >= 0 && i < count)),
    );
    this.parts.store.set({ selection: inside.sort() });
  }

  onSelection(listener: (selection: Uint32Array) => void): void {
    this.listeners.push(listener);
  }

  /** Change the state. */
  set(change: Partial<State>): void {
    this.parts?.store.set(change);
  }

  /** Of the last frame: points drawn, milliseconds of script; and how many frames there were. */
  get statistics(): { frames: number; points: number; script: number } {
    return { ...(this.parts?.stage.statistics ?? { frames: 0, points: 0, script: 0 }) };
  }

  /** Where the points are on the screen: for tests. */
  inspect() {
    const { parts } = this;
    if (!parts) throw new Error("The viewer is not ready.");
    const { camera, perspective, flat } = parts.store.state;
    return {
      moving: parts.stage.panes.some((pane) => pane.moving),
      panes: parts.stage.panes.map((pane, k) => ({
        guest: parts.stage.overlay.guests[k]?.place ?? null,
        pictures: parts.stage.overlay.pictures[k] ?? [],
        points: pane.points,
        viewport: pane.viewport,
        screen: pane.project(camera, perspective && !flat),
      })),
    };
  }

  dispose(): void {
    this.abort.abort();
    this.parts?.stage.dispose();
    this.root.remove();
  }

  private async start(source: Source): Promise<void> {
    const scene = await source.scene();
    const dataset = new Dataset(scene, source);
    this.parts = new Page(
      this.theme,
      this.root,
      this.frame,
      dataset,
      this.firstState(scene),
      this.options,
      this.abort.signal,
    );
    this.parts.store.on(["selection"], ({ selection }) =>
      this.listeners.forEach((listener) => listener(selection)),
    );
    await this.parts.begin();
  }

  private firstState(scene: Scene): State {
    const state = initialState(scene);
    return this.options.hash === false ? state : fromHash(location.hash, state, scene);
  }

  private fail(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.frame.replaceChildren(
      h("p", { class: "failed", role: "alert" }, `The viewer cannot show this: ${text}`),
    );
  }
}
