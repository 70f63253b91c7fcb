/** The stage: one WebGL canvas for all panes, a canvas over it, and frames only when something changed. */

import { Color, LinearSRGBColorSpace, Scene as ThreeScene, WebGLRenderer } from "three";
import { blend, type Camera, sameView } from "./camera";
import { h } from "./element";
import { Overlay } from "./overlay";
import { Pane } from "./pane";
import { PICK_RADIUS } from "./picking";
import { choosePictures } from "./sprites";
import { type Look, NO_CAMERA } from "./points";
import type { Shading } from "./shading";
import type { State } from "./state";
import type { Store } from "./store";
import type { Colours } from "./theme";
import type { ThumbnailSheets } from "./thumbnails";

/** The time in which a glide of the camera does 63% of its way. */
const GLIDE_MS = 70;
/** Pictures are chosen anew when the view has rested so long. */
const REST_MS = 140;
/** Side of a picture that stands for a point, at size 1. */
const PICTURE_SIDE = 44;

export class Stage {
  readonly element: HTMLElement;
  readonly panes: Pane[] = [];
  readonly statistics = { frames: 0, points: 0, script: 0 };
  private readonly canvas = h("canvas", { class: "gl", "aria-hidden": "true" });
  private readonly renderer: WebGLRenderer;
  readonly overlay: Overlay;
  private readonly scene = new ThreeScene();
  private goal: Camera | null = null;
  private requested = 0;
  private lastFrame = 0;
  private restTimer: number | undefined;
  private chosenFor: unknown[] = [];
  private readonly observer: ResizeObserver;
  /** Called after the stage got another size. */
  resized: () => void = () => undefined;

  constructor(
    private readonly store: Store<State>,
    readonly shading: Shading,
    private readonly thumbnails: ThumbnailSheets | null,
    private readonly colours: () => Colours,
  ) {
    this.overlay = new Overlay(shading, thumbnails, () => this.invalidate());
    this.element = h("div", { class: "canvases" }, this.canvas, this.overlay.canvas);
    this.renderer = new WebGLRenderer({
      canvas: this.canvas,
      antialias: false,
      powerPreference: "high-performance",
    });
    // Colours go to the screen as they are given.
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.renderer.info.autoReset = false;
    this.scene.matrixWorldAutoUpdate = false;
    this.canvas.addEventListener("webglcontextrestored", () => this.invalidate());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    store.on(
      [
        "camera",
        "perspective",
        "flat",
        "shown",
        "selection",
        "colour",
        "opened",
        "hover",
        "pictures",
        "size",
        "opacity",
      ],
      () => this.invalidate(),
    );
  }

  /** Show as many panes as there are sets of points. */
  show(maps: Float32Array[], animated: boolean): void {
    while (this.panes.length > maps.length) this.panes.pop()?.dispose();
    maps.forEach((points, k) => {
      const pane = this.panes[k] as Pane | undefined;
      if (pane) pane.show(points, animated);
      else this.panes.push(new Pane(points, this.shading.attribute));
    });
    this.resize();
  }

  /** Let the camera glide; each call aims from where the glide would have ended. */
  glide(next: (from: Camera) => Camera): void {
    const from = this.goal ?? this.store.state.camera;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.store.set({ camera: next(from) });
    else this.goal = next(from);
    this.invalidate();
  }

  /** Set the camera at once, and end a glide. */
  jump(camera: Camera): void {
    this.goal = null;
    this.store.set({ camera });
  }

  invalidate(): void {
    if (this.requested === 0) this.requested = requestAnimationFrame((now) => this.frame(now));
  }

  /** Which pane lies at a place of the stage. */
  paneAt(x: number, y: number): number {
    const at = this.panes.findIndex(({ viewport: v }) => x < v.left + v.width && y < v.top + v.height);
    return Math.max(0, at);
  }

  /** The picture at a place of the stage, or -1. */
  pick(x: number, y: number, reach = PICK_RADIUS): number {
    const pane = this.panes[this.paneAt(x, y)];
    if (!pane || pane.moving) return -1;
    const { camera, perspective, flat, pictures } = this.store.state;
    const [px, py] = [x - pane.viewport.left, y - pane.viewport.top];
    const points = pane.project(camera, perspective && !flat);
    if (pictures && this.thumbnails) {
      const picture = this.overlay.pictureAt(this.panes.indexOf(pane), points, px, py, this.pictureSide);
      if (picture >= 0) return picture;
    }
    return points.pick(px, py, this.shown, this.look().size / 2 / this.ratio, reach);
  }

  /** The shown picture nearest to a place of the stage, however far; -1: none. */
  nearest(x: number, y: number): number {
    const pane = this.panes[this.paneAt(x, y)];
    const { camera, perspective, flat, shown } = this.store.state;
    const points = pane.project(camera, perspective && !flat);
    const [px, py] = [x - pane.viewport.left, y - pane.viewport.top];
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < shown.length; i++) {
      const distance = (points.x[i] - px) ** 2 + (points.y[i] - py) ** 2;
      if (shown[i] && distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  /** Draw now, into the canvases, whether or not a frame is due. */
  draw(now: number): boolean {
    const begun = performance.now();
    const { camera, perspective, flat } = this.store.state;
    const views = this.panes.map((pane) => pane.view(camera, perspective && !flat));
    const shares = this.panes.map((pane) => pane.advance(now));
    const look = this.look();
    this.renderer.info.reset();
    this.renderer.setScissorTest(true);
    this.panes.forEach((pane, k) => {
      const { left, top, width, height } = pane.viewport;
      const bottom = this.element.clientHeight - top - height;
      this.renderer.setViewport(left, bottom, width, height);
      this.renderer.setScissor(left, bottom, width, height);
      this.renderer.setClearColor(new Color().setStyle(look.background, "srgb-linear"), 1);
      this.renderer.clear();
      pane.sort(views[k], shares[k], this.shown);
      pane.cloud.aim(views[k], camera, shares[k], look);
      this.scene.children = [pane.cloud.object];
      this.renderer.render(this.scene, NO_CAMERA);
    });
    const moving = this.panes.some((pane) => pane.moving);
    this.choose(moving);
    this.overlay.draw(this.panes, views, moving, this.store.state, this.colours(), this.pictureSide);
    this.statistics.frames++;
    this.statistics.points = this.renderer.info.render.points;
    this.statistics.script = performance.now() - begun;
    return moving;
  }

  /** Both canvases as one picture. */
  snapshot(): HTMLCanvasElement {
    this.draw(performance.now());
    const picture = h("canvas");
    picture.width = this.canvas.width;
    picture.height = this.canvas.height;
    const context = picture.getContext("2d");
    context?.drawImage(this.canvas, 0, 0);
    context?.drawImage(this.overlay.canvas, 0, 0, picture.width, picture.height);
    return picture;
  }

  dispose(): void {
    cancelAnimationFrame(this.requested);
    this.requested = -1;
    clearTimeout(this.restTimer);
    this.observer.disconnect();
    this.panes.forEach((pane) => pane.dispose());
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  private get shown(): Uint8Array {
    return this.store.state.shown;
  }

  private get ratio(): number {
    return Math.min(window.devicePixelRatio || 1, 2);
  }

  private get pictureSide(): number {
    return Math.round(PICTURE_SIDE * Math.sqrt(this.store.state.size));
  }

  private look(): Look {
    const { size, opacity, selection, pictures } = this.store.state;
    const count = this.shading.attribute.count;
    const diameter = Math.min(9, Math.max(2, 26 / count ** (1 / 6)));
    const { stage, filtered } = this.colours();
    return {
      size: diameter * size * this.ratio,
      opacity: pictures ? opacity * 0.6 : opacity,
      background: stage,
      grey: filtered,
      selecting: selection.length > 0,
    };
  }

  private frame(now: number): void {
    this.requested = 0;
    if (this.goal) {
      const { camera } = this.store.state;
      const elapsed = Math.min(50, now - this.lastFrame || 16);
      const next = blend(camera, this.goal, 1 - Math.exp(-elapsed / GLIDE_MS));
      const arrived = sameView(next, this.goal);
      const goal = this.goal;
      this.store.set({ camera: arrived ? goal : next });
      if (arrived) this.goal = null;
    }
    this.lastFrame = now;
    const moving = this.draw(now);
    if (moving || this.goal) this.invalidate();
  }

  /** Choose which pictures stand for points: at once the first time, then when the view rests. */
  private choose(moving: boolean): void {
    const { pictures, camera, perspective, flat } = this.store.state;
    if (!pictures || !this.thumbnails) {
      this.overlay.pictures = [];
      this.chosenFor = [];
      return;
    }
    const key = [
      camera,
      perspective,
      flat,
      this.shown,
      this.pictureSide,
      ...this.panes.flatMap((p) => [p.points, p.viewport]),
    ];
    if (
      moving ||
      (key.length === this.chosenFor.length && key.every((value, k) => value === this.chosenFor[k]))
    )
      return;
    const choose = () => {
      this.chosenFor = key;
      this.overlay.pictures = this.panes.map((pane, k) =>
        choosePictures(
          pane.project(camera, perspective && !flat),
          this.shown,
          this.overlay.pictures[k] ?? [],
          this.pictureSide,
        ),
      );
      this.overlay.pictures.flat().forEach(
        (i) =>
          void this.thumbnails?.load(i).then(
            () => this.invalidate(),
            () => undefined,
          ),
      );
    };
    clearTimeout(this.restTimer);
    if (this.chosenFor.length === 0) choose();
    else this.restTimer = window.setTimeout(() => (choose(), this.invalidate()), REST_MS);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0 || height === 0) return;
    this.renderer.setPixelRatio(this.ratio);
    this.renderer.setSize(width, height, false);
    this.overlay.resize(width, height, this.ratio);
    const stacked = width < height;
    const n = this.panes.length;
    this.panes.forEach((pane, k) => {
      pane.viewport = stacked
        ? { left: 0, top: Math.round((k * height) / n), width, height: Math.round(height / n) }
        : { left: Math.round((k * width) / n), top: 0, width: Math.round(width / n), height };
    });
    this.element.parentElement?.classList.toggle("stacked", stacked);
    this.resized();
    // At once: a canvas that was resized is empty until it is drawn.
    if (n > 0) this.draw(performance.now());
    this.invalidate();
  }
}
