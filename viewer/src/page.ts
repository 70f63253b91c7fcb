/** The page around the stage, and everything that exists once the scene is known. */

import { AlignedMaps } from "./alignment";
import { type Camera, FLAT, sameView, START } from "./camera";
import { type Context, pictures } from "./context";
import { Controls } from "./controls";
import type { Dataset } from "./dataset";
import { DecisionWriter } from "./decisions";
import { h } from "./element";
import { shownPoints } from "./filter";
import { coveredBy, fitted } from "./fit";
import { arrive, asked, leave, placesOfGuest, toldOf } from "./guest";
import { History } from "./history";
import { onKey } from "./keyboard";
import { pointsInside } from "./lasso";
import { pointColours } from "./palette";
import { difference, union } from "./selection";
import { Shading } from "./shading";
import { Stage } from "./stage";
import { type Combine, fromHash, type Panel, type State, toHash } from "./state";
import { Store } from "./store";
import type { ThemeSwitch } from "./theme";
import { unsaved } from "./ui/cleaned";
import { columnsOfInterest } from "./ui/facts";
import { header } from "./ui/header";
import { helpDialog } from "./ui/help";
import { HoverCard } from "./ui/hovercard";
import { legend } from "./ui/legend";
import { sidePanel } from "./ui/panel";
import { paneHeaders } from "./ui/panes";
import { search, type Search } from "./ui/search";
import { tools } from "./ui/tools";
import { tour, type Tour } from "./ui/tour";

export interface ViewerOptions {
  /** Keep the state in the page's address. Default true. */
  hash?: boolean;
  /** Part of a page that scrolls: the wheel and arrows are the page's until the viewer is used. Default true. */
  embedded?: boolean;
}

const HASH_MS = 250;

export class Page implements Context {
  readonly store: Store<State>;
  readonly history: History;
  readonly stage: Stage;
  private readonly shading: Shading;
  private readonly maps: AlignedMaps;
  private readonly hovercard: HoverCard;
  private readonly live = h("p", { class: "only-heard", "aria-live": "polite" });
  private readonly toast = h("p", { class: "toast", hidden: true, "aria-hidden": "true" });
  private readonly help: HTMLDialogElement;
  private readonly tour: Tour;
  private readonly search: Search;
  private readonly controls: Controls;
  private colours: Uint32Array | null = null;
  private ticket = 0;
  /** The camera that sees all, when it was asked for last. */
  private whole: Camera | null = null;
  private active = false;
  private explained = false;
  /** What is drawn: what is chosen may still be on its way, or never come. */
  private drawn: Pick<State, "maps" | "colour">;
  private hashTimer: number | undefined;
  private toastTimer: number | undefined;

  constructor(
    readonly theme: ThemeSwitch,
    private readonly root: HTMLElement,
    frame: HTMLElement,
    readonly dataset: Dataset,
    state: State,
    private readonly options: ViewerOptions,
    signal: AbortSignal,
  ) {
    this.store = new Store(state);
    this.drawn = state;
    this.history = new History(this.store);
    this.tour = tour(root);
    this.help = helpDialog(() => this.tour.start());
    theme.apply(state.theme);
    this.shading = new Shading(dataset.count);
    this.maps = new AlignedMaps(dataset);
    this.stage = new Stage(this.store, this.shading, dataset.thumbnails, () => theme.colours);
    this.hovercard = new HoverCard(this);
    this.search = search(this);
    this.controls = new Controls(
      this.stage,
      this.store,
      {
        hover: (i, x, y) => this.hovercard.show(i, x, y, this.store.state.maps[this.stage.paneAt(x, y)]),
        click: (i) =>
          i >= 0
            ? this.open(i)
            : this.store.set({
                opened: null,
                panel: state.panel === "picture" ? "none" : this.store.state.panel,
              }),
        enclose: (line, pane, combine) => this.enclose(line, pane, combine),
      },
      () => this.wheelIsOurs(),
    );
    this.compose(frame);
    this.react();
    this.listen(signal);
    this.listenForDrops(signal);
  }

  /** Fetch what the first picture needs, and draw it. */
  async begin(): Promise<void> {
    const { state } = this.store;
    const [points] = await Promise.all([this.maps.points(state.maps), this.recolour(), this.refilter()]);
    this.stage.show(points, false);
    if (state.camera === START || !location.hash.includes("camera=")) this.refit();
    this.stage.resized = () => this.fits() && this.refit();
    this.stage.draw(performance.now());
    this.writeHash();
    void this.dataset.paths().catch((error: unknown) => this.notify((error as Error).message));
    this.loadInterest();
  }

  readonly fit = (side: Partial<Camera> = {}): void => {
    const { flat } = this.store.state;
    this.stage.glide((camera) => {
      this.whole = this.fitting({ ...camera, ...(flat ? FLAT : {}), ...side });
      return this.whole;
    });
  };

  readonly fits = (): boolean => {
    const { camera } = this.store.state;
    const { azimuth, elevation } = camera;
    return this.whole !== null && sameView({ ...this.whole, azimuth, elevation }, camera);
  };

  readonly select = (indices: Uint32Array, panel: Panel = "selection"): void => {
    this.store.set({
      selection: indices,
      ...(this.store.state.panel === "none" || panel !== "silhouettes" ? { panel } : {}),
    });
    this.announce(`${pictures(indices.length)} selected`);
  };

  readonly open = (i: number): void => {
    this.store.set({ opened: i, panel: "picture", hover: null });
    this.hovercard.show(-1, 0, 0, "");
    this.announce(`Picture ${this.dataset.name(i)}`);
  };

  readonly welcome = (file: File): void => {
    this.store.set({ guest: arrive(file), opened: null, panel: "picture", hover: null });
    this.announce(`Looking at ${file.name}`);
  };

  readonly announce = (text: string): void => {
    this.live.textContent = text;
  };

  readonly notify = (text: string): void => {
    this.announce(text);
    this.toast.textContent = text;
    this.toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => (this.toast.hidden = true), 2600);
  };

  /** At once, what `fit` glides to. */
  private refit(): void {
    this.whole = this.fitting(this.store.state.camera);
    this.stage.jump(this.whole);
  }

  private fitting(camera: Camera): Camera {
    const { perspective, flat } = this.store.state;
    const [pane] = this.stage.panes;
    return fitted(
      pane.points,
      camera,
      perspective && !flat,
      pane.viewport,
      coveredBy(this.root, this.stage.element, pane.viewport),
    );
  }

  private compose(frame: HTMLElement): void {
    const { element } = this.stage;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute(
      "aria-label",
      `Map of ${pictures(this.dataset.count)}. Arrows turn it, plus and minus come nearer, Enter opens the picture nearest the middle, question mark lists the keys.`,
    );
    const showLegend = () => this.root.classList.toggle("legend-open");
    const main = h(
      "div",
      { class: "stage" },
      element,
      paneHeaders(this),
      tools(this),
      this.hovercard.element,
      this.toast,
    );
    frame.replaceChildren(
      header(this, this.search.element, { help: () => this.help.showModal(), legend: showLegend }),
      legend(this),
      main,
      sidePanel(this),
      this.live,
      this.help,
      this.tour.element,
    );
  }

  private react(): void {
    const { store } = this;
    store.on(["colour"], () => void this.recolour());
    store.on(["filters"], () => void this.refilter());
    store.on(["shown", "selection"], () => this.shade());
    store.on(["theme"], ({ theme }) => this.theme.apply(theme));
    this.theme.on(() => this.stage.invalidate());
    // Where there is little room the panel lies over the stage, which keeps its size.
    store.on(["panel"], () => queueMicrotask(() => this.fits() && this.refit()));
    store.on(["maps"], () => void this.changeMaps());
    store.on(["maps", "guest"], () => void this.seatGuest());
    store.on(["guest"], ({ guest }, before) => {
      if (before.guest && before.guest.address !== guest?.address) leave(before.guest);
    });
    store.on(["colour"], () => this.loadInterest());
    if (this.dataset.decides === "file") new DecisionWriter(store, this.dataset);
    store.on(["hover"], ({ hover }) =>
      this.stage.overlay.canvas.classList.toggle("pointing", hover !== null),
    );
  }

  /** From now on, the page's address follows the state. */
  private writeHash(): void {
    if (this.options.hash === false) return;
    this.store.on(
      [
        "maps",
        "colour",
        "filters",
        "selection",
        "opened",
        "panel",
        "flat",
        "perspective",
        "pictures",
        "size",
        "opacity",
        "theme",
        "camera",
      ],
      () => {
        clearTimeout(this.hashTimer);
        this.hashTimer = window.setTimeout(
          () => history.replaceState(history.state, "", toHash(this.store.state, this.dataset.scene)),
          HASH_MS,
        );
      },
    );
  }

  private listen(signal: AbortSignal): void {
    const actions = {
      help: () => this.help.showModal(),
      search: () => this.search.focus(),
      escape: () => this.escape(),
    };
    const keys: EventTarget = this.options.embedded === false ? document : this.root;
    keys.addEventListener("keydown", (event) => onKey(this, actions, event as KeyboardEvent), { signal });
    this.activate(false);
    this.root.addEventListener("pointerdown", () => this.activate(true), { signal });
    // The browser took the finger to scroll the page: it was not meant for the map.
    this.root.addEventListener("pointercancel", () => this.activate(false), { signal });
    document.addEventListener(
      "pointerdown",
      (event) => !event.composedPath().includes(this.root) && this.activate(false),
      { signal },
    );
    this.stage.overlay.canvas.addEventListener(
      "pointerdown",
      () => this.stage.element.focus({ preventScroll: true }),
      { signal },
    );
    // Canvases are empty on paper unless they are drawn right before.
    window.addEventListener("beforeprint", () => this.stage.draw(performance.now()), { signal });
    window.addEventListener("beforeunload", (event) => unsaved(this) && event.preventDefault(), { signal });
    if (this.options.hash === false) return;
    window.addEventListener(
      "hashchange",
      () => this.store.set(fromHash(location.hash, this.store.state, this.dataset.scene)),
      { signal },
    );
  }

  private wheelIsOurs(): boolean {
    const ours = this.options.embedded === false || this.active;
    if (!ours && !this.explained) this.notify("Click the map first: then the wheel comes nearer");
    this.explained = true;
    return ours;
  }

  private activate(active: boolean): void {
    this.active = active;
    this.root.classList.toggle("active", active || this.options.embedded === false);
  }

  private escape(): void {
    const { opened, selection, panel } = this.store.state;
    if (this.tour.stop() || this.controls.abandon()) return;
    if (this.root.classList.contains("legend-open")) this.root.classList.remove("legend-open");
    else if (opened !== null) this.store.set({ opened: null, panel: panel === "picture" ? "none" : panel });
    else if (this.store.state.guest) this.store.set({ guest: null });
    else if (selection.length > 0) this.select(new Uint32Array(0), panel);
    else this.store.set({ panel: "none", tool: "move" });
  }

  private enclose(line: readonly (readonly [number, number])[], k: number, combine: Combine): void {
    const { camera, perspective, flat, selection, shown } = this.store.state;
    const pane = this.stage.panes[k];
    const { left, top } = pane.viewport;
    const inside = pointsInside(
      pane.project(camera, perspective && !flat),
      line.map(([x, y]) => [x - left, y - top] as const),
      shown,
    );
    this.select(
      combine === "add"
        ? union(selection, inside)
        : combine === "remove"
          ? difference(selection, inside)
          : inside,
    );
  }

  private async changeMaps(): Promise<void> {
    const ticket = ++this.ticket;
    const { maps } = this.store.state;
    try {
      const points = await this.maps.points(maps);
      if (ticket !== this.ticket) return;
      const whole = this.fits();
      this.stage.show(points, !matchMedia("(prefers-reduced-motion: reduce)").matches);
      this.drawn = { ...this.drawn, maps };
      if (maps.every((id) => this.dataset.map(id).dimensions === 2)) this.store.set({ flat: true });
      if (whole) this.fit();
      this.loadInterest();
    } catch (error) {
      if (ticket !== this.ticket) return;
      this.history.takeBack({ maps: this.drawn.maps });
      this.notify(`The map could not be fetched: ${(error as Error).message}`);
    }
  }

  /** Ask what is not known yet of the picture from outside, and show where it lies. */
  private async seatGuest(): Promise<void> {
    const { guest, maps } = this.store.state;
    const { overlay } = this.stage;
    const current = () => this.store.state.guest === guest && this.store.state.maps === maps;
    guest?.image.addEventListener("load", () => this.stage.invalidate(), { once: true });
    try {
      const places = await placesOfGuest(guest, this.dataset, this.maps, maps);
      if (!current()) return;
      overlay.guests = places.map((place, k) => ({
        place,
        nearest: toldOf(guest, this.dataset, maps[k])?.indices ?? [],
      }));
      this.stage.invalidate();
      if (!guest) return;
      const unasked = maps.find((id) => guest.told[this.dataset.map(id).backbone] === undefined);
      if (unasked === undefined) return;
      const more = await asked(guest, this.dataset, unasked);
      if (this.store.state.guest === guest) this.store.set({ guest: more });
    } catch (error) {
      this.notify(`The picture could not be placed: ${(error as Error).message}`);
    }
  }

  private listenForDrops(signal: AbortSignal): void {
    if (!this.dataset.scene.maps.some((map) => this.dataset.takes(map))) return;
    const { root } = this;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    root.addEventListener(
      "dragover",
      (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        root.classList.add("dropping");
      },
      { signal },
    );
    root.addEventListener(
      "dragleave",
      (event) => {
        if (!root.contains(event.relatedTarget as Node | null)) root.classList.remove("dropping");
      },
      { signal },
    );
    root.addEventListener(
      "drop",
      (event) => {
        root.classList.remove("dropping");
        const [file, ...others] = event.dataTransfer?.files ?? [];
        if (!file) return;
        event.preventDefault();
        this.welcome(file);
        if (others.length > 0) this.notify(`One picture at a time: this is ${file.name}`);
      },
      { signal },
    );
  }

  private async recolour(): Promise<void> {
    const column = this.dataset.column(this.store.state.colour);
    if (!column) return;
    try {
      const values = await this.dataset.values(column);
      if (this.store.state.colour !== column.id) return;
      this.colours = pointColours(column, values);
      this.drawn = { ...this.drawn, colour: column.id };
      this.shade();
    } catch (error) {
      if (this.store.state.colour !== column.id) return;
      this.history.takeBack({ colour: this.drawn.colour });
      this.notify(`The column could not be fetched: ${(error as Error).message}`);
    }
  }

  private async refilter(): Promise<void> {
    const { filters } = this.store.state;
    const columns = Object.keys(filters).map((id) => this.dataset.column(id));
    await Promise.all(columns.map((column) => column && this.dataset.values(column)));
    if (this.store.state.filters !== filters) return;
    this.store.set({ shown: shownPoints(this.dataset, filters) });
  }

  private shade(): void {
    const { shown, selection } = this.store.state;
    this.shading.update(this.colours, shown, selection);
    this.stage.invalidate();
  }

  /** Fetch the columns that the hover card shows. */
  private loadInterest(): void {
    const columns = this.store.state.maps.flatMap((id) => columnsOfInterest(this, this.dataset.map(id)));
    columns.forEach((column) => void this.dataset.values(column).catch(() => undefined));
  }
}
