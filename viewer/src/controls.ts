/** Pointer, fingers and wheel on the stage: turn, move, come nearer, draw a lasso, point at pictures. */

import { type Camera, orbit, pan, zoom } from "./camera";
import { box, type Polygon } from "./lasso";
import { FINGER } from "./picking";
import type { Stage } from "./stage";
import type { Combine, State } from "./state";
import type { Store } from "./store";

/** A press that moves less is a click, in pixels. */
const CLICK = 5;
/** The pointer must rest so long before a picture is looked for. */
const DWELL_MS = 70;
const DEGREES_PER_PIXEL = 0.35;
/** A finger that rests so long opens what is under it. */
const HOLD_MS = 500;
/** Two taps within this time and so many pixels are a double tap. */
const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP = 30;

export interface Hooks {
  hover(i: number, x: number, y: number): void;
  click(i: number): void;
  enclose(polygon: Polygon, pane: number, combine: Combine): void;
}

interface Press {
  x: number;
  y: number;
  pane: number;
  drag: "orbit" | "pan" | "lasso" | "box";
  moved: boolean;
  line: [number, number][];
}

export class Controls {
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private press: Press | null = null;
  private dwell: number | undefined;
  private hold: number | undefined;
  private lastTap: { x: number; y: number; time: number } | null = null;
  private touching = false;

  constructor(
    private readonly stage: Stage,
    private readonly store: Store<State>,
    private readonly hooks: Hooks,
    /** In a page that scrolls, the wheel belongs to the page until the viewer is used. */
    private readonly wheelIsOurs: () => boolean,
  ) {
    const surface = stage.overlay.canvas;
    surface.addEventListener("pointerdown", (event) => this.down(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", (event) => this.up(event));
    surface.addEventListener("pointercancel", (event) => this.cancel(event));
    // A finger that is lifted leaves; the card of what it tapped stays.
    surface.addEventListener("pointerleave", () => !this.touching && this.rest(-1, 0, 0));
    surface.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("dblclick", (event) => !this.touching && this.focus(this.locate(event)));
  }

  /** Give up a line that is being drawn; true if there was one. */
  abandon(): boolean {
    const drawing = this.press?.drag === "lasso" || this.press?.drag === "box";
    if (drawing) this.press = null;
    this.stage.overlay.line = [];
    this.stage.invalidate();
    return drawing;
  }

  private down(event: PointerEvent): void {
    const { x, y } = this.locate(event);
    this.stage.overlay.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x, y });
    this.touching = event.pointerType === "touch";
    clearTimeout(this.dwell);
    clearTimeout(this.hold);
    if (this.pointers.size > 1) {
      this.abandon();
      this.press = null;
      return;
    }
    const { tool, flat } = this.store.state;
    const second = event.button !== 0;
    const turn = flat ? "pan" : "orbit";
    const drag =
      tool === "move" ? (second || event.shiftKey || event.ctrlKey ? "pan" : turn) : second ? turn : tool;
    this.press = { x, y, pane: this.stage.paneAt(x, y), drag, moved: false, line: [[x, y]] };
    if (this.touching && tool === "move") this.hold = window.setTimeout(() => this.held(x, y), HOLD_MS);
  }

  private move(event: PointerEvent): void {
    const { x, y } = this.locate(event);
    const before = this.pointers.get(event.pointerId);
    this.touching = event.pointerType === "touch";
    if (!before) {
      this.point(x, y);
      return;
    }
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, x, y);
    } else if (this.press) {
      this.press.moved ||= Math.hypot(x - this.press.x, y - this.press.y) > CLICK;
      if (this.press.moved) clearTimeout(this.hold);
      if (this.press.moved) this.drag(this.press, x, y, x - before.x, y - before.y);
      else return; // below a click's size, the way is kept for when it becomes a drag
    }
    this.pointers.set(event.pointerId, { x, y });
  }

  private drag(press: Press, x: number, y: number, dx: number, dy: number): void {
    const { camera } = this.store.state;
    if (press.drag === "orbit") {
      this.stage.jump(orbit(camera, dx * DEGREES_PER_PIXEL, dy * DEGREES_PER_PIXEL));
    } else if (press.drag === "pan") {
      this.stage.jump(pan(camera, dx, dy, this.stage.panes[press.pane].viewport));
    } else {
      press.line.push([x, y]);
      this.stage.overlay.line = press.drag === "lasso" ? press.line : box(press.x, press.y, x, y);
      this.stage.invalidate();
    }
    this.hooks.hover(-1, 0, 0);
  }

  private up(event: PointerEvent): void {
    const { x, y } = this.locate(event);
    this.pointers.delete(event.pointerId);
    clearTimeout(this.hold);
    const { press } = this;
    this.press = null;
    if (!press) return;
    if (!press.moved) {
      if (this.touching) this.tap(x, y, event.timeStamp);
      else this.hooks.click(this.stage.pick(x, y));
      return;
    }
    const { line } = this.stage.overlay;
    this.stage.overlay.line = [];
    if (press.drag === "lasso" || press.drag === "box") {
      const combine = event.altKey ? "remove" : event.shiftKey ? "add" : this.store.state.combine;
      this.hooks.enclose(line, press.pane, combine);
    }
    this.stage.invalidate();
  }

  private cancel(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    clearTimeout(this.hold);
    this.abandon();
    this.press = null;
  }

  /** Two fingers: move by their middle, come nearer by their distance. */
  private pinch(id: number, x: number, y: number): void {
    const [a, b] = [...this.pointers.values()];
    const moved = this.pointers.get(id);
    const other = moved === a ? b : a;
    if (!moved || !other) return;
    const { viewport } = this.stage.panes[this.stage.paneAt(other.x, other.y)];
    const factor =
      Math.hypot(x - other.x, y - other.y) / Math.max(1, Math.hypot(moved.x - other.x, moved.y - other.y));
    let camera: Camera = pan(this.store.state.camera, (x - moved.x) / 2, (y - moved.y) / 2, viewport);
    camera = zoom(
      camera,
      factor,
      (x + other.x) / 2 - viewport.left,
      (y + other.y) / 2 - viewport.top,
      viewport,
    );
    this.stage.jump(camera);
  }

  private wheel(event: WheelEvent): void {
    if (!this.wheelIsOurs() && !event.ctrlKey) return;
    event.preventDefault();
    const { x, y } = this.locate(event);
    const { viewport } = this.stage.panes[this.stage.paneAt(x, y)];
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1);
    const factor = Math.exp(Math.max(-200, Math.min(200, -pixels)) * (event.ctrlKey ? 0.008 : 0.0016));
    this.stage.glide((camera) => zoom(camera, factor, x - viewport.left, y - viewport.top, viewport));
    this.hooks.hover(-1, 0, 0);
  }

  /** A finger has rested on a point: open it. */
  private held(x: number, y: number): void {
    const i = this.stage.pick(x, y, FINGER);
    if (!this.press || this.press.moved || i < 0) return;
    this.press = null;
    this.hooks.click(i);
  }

  /** A tap shows what is under the finger; two come nearer to it. */
  private tap(x: number, y: number, time: number): void {
    const last = this.lastTap;
    const double =
      last && time - last.time < DOUBLE_TAP_MS && Math.hypot(x - last.x, y - last.y) < DOUBLE_TAP;
    this.lastTap = double ? null : { x, y, time };
    if (double) this.focus({ x, y });
    else this.rest(this.stage.pick(x, y, FINGER), x, y);
  }

  /** Come nearer to the point at a place, and turn around it; where there is none, to the place. */
  private focus({ x, y }: { x: number; y: number }): void {
    if (this.store.state.tool !== "move") return;
    const { points, viewport } = this.stage.panes[this.stage.paneAt(x, y)];
    const i = this.stage.pick(x, y, this.touching ? FINGER : undefined);
    this.rest(-1, 0, 0);
    if (i < 0) {
      this.stage.glide((camera) => zoom(camera, 2, x - viewport.left, y - viewport.top, viewport));
      return;
    }
    const target = [points[i * 3], points[i * 3 + 1], points[i * 3 + 2]] as const;
    this.stage.glide((camera) => ({ ...camera, target, span: camera.span / 2 }));
  }

  private point(x: number, y: number): void {
    clearTimeout(this.dwell);
    this.dwell = window.setTimeout(() => this.rest(this.stage.pick(x, y), x, y), DWELL_MS);
  }

  private rest(i: number, x: number, y: number): void {
    clearTimeout(this.dwell);
    this.hooks.hover(i, x, y);
  }

  private locate(event: MouseEvent): { x: number; y: number } {
    const bounds = this.stage.overlay.canvas.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  }
}
