/** The silhouette plot as a drawing: drag over it to select points. */

import type { Context } from "../context";
import { formatNumber } from "../dataset";
import { button, h } from "../element";
import { type Knife, KnifeLayout } from "../knife";
import { categoryColours } from "../palette";

const AXIS = 22;
const RIGHT = 10;
const LEFT = 130;

export class KnifePlot {
  private readonly canvas = h("canvas", { role: "img", "aria-label": "Silhouettes by class" });
  private readonly labels = h("div", { class: "blade-labels" });
  readonly element = h("div", { class: "knife-plot" }, this.canvas, this.labels);
  private layout: KnifeLayout | null = null;
  private values: ArrayLike<number> = [];
  private brush: [number, number] | null = null;
  /** A byte a point; null: none is selected. */
  private selected: Uint8Array | null = null;

  constructor(private readonly context: Context) {
    context.store.on(["selection"], ({ selection }) => {
      this.selected = selection.length > 0 ? new Uint8Array(context.dataset.count) : null;
      for (let k = 0; k < selection.length; k++) this.selected![selection[k]] = 1;
    });
    context.store.on(["selection", "hover"], () => this.paint());
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.brush = [event.offsetY, event.offsetY];
    });
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", () => this.release());
    this.canvas.addEventListener("pointerleave", () => context.store.set({ hover: null }));
    context.theme.on(() => this.paint());
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  show(knife: Knife, values: ArrayLike<number>, names: readonly string[]): void {
    this.values = values;
    this.layout = new KnifeLayout(knife, Math.max(260, this.context.stage.element.clientHeight - 210));
    this.canvas.style.height = `${this.layout.height + AXIS}px`;
    const { layout } = this;
    const labels = knife.blades.map(({ code, start, end, mean }, k) => {
      const { top, height } = layout.span(k);
      const members = knife.order.slice(start, end).sort();
      const label = button({
        label: `${names[code]} ${formatNumber(mean)}: select these pictures`,
        class: "blade",
        press: () => this.context.select(members, "silhouettes"),
      });
      label.append(h("span", {}, names[code]), " ", h("span", { class: "count" }, formatNumber(mean)));
      label.style.top = `${top + height / 2}px`;
      return label;
    });
    this.labels.replaceChildren(...labels);
    this.paint();
  }

  private move(event: PointerEvent): void {
    const { layout, brush } = this;
    if (!layout) return;
    if (brush) brush[1] = event.offsetY;
    const i = layout.knife.order[Math.floor(layout.rankAt(event.offsetY))];
    this.context.store.set({ hover: i ?? null });
    this.paint();
  }

  private release(): void {
    const { layout, brush } = this;
    this.brush = null;
    if (!layout || !brush) return;
    if (Math.abs(brush[1] - brush[0]) < 3) {
      const i = layout.knife.order[Math.floor(layout.rankAt(brush[0]))];
      if (i !== undefined) this.context.open(i);
    } else {
      this.context.select(layout.between(...brush), "silhouettes");
    }
    this.paint();
  }

  private paint(): void {
    const { layout, canvas } = this;
    const width = this.element.clientWidth;
    if (!layout || width === 0) return;
    const ratio = Math.min(window.devicePixelRatio, 2);
    canvas.width = width * ratio;
    canvas.height = (layout.height + AXIS) * ratio;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    const { least, mean, blades, order } = layout.knife;
    const from = Math.floor(least * 5) / 5;
    const x = (value: number) => LEFT + ((value - from) / (1 - from)) * (width - LEFT - RIGHT);
    this.paintAxis(context, x, from, mean);
    const colours = categoryColours(this.context.dataset.scene.classes.length);
    const { selected } = this;
    blades.forEach(({ code, start, end }, k) => {
      const { top, height } = layout.span(k);
      context.fillStyle = colours[code];
      for (let row = 0; row < height; row++) {
        const first = start + Math.floor((row / height) * (end - start));
        const last = Math.max(first + 1, start + Math.floor(((row + 1) / height) * (end - start)));
        const value = this.values[order[first]];
        let any = selected === null;
        for (let rank = first; rank < last && !any; rank++) any = selected![order[rank]] === 1;
        context.globalAlpha = any ? 1 : 0.3;
        context.fillRect(Math.min(x(0), x(value)), top + row, Math.max(1, Math.abs(x(value) - x(0))), 1);
      }
    });
    context.globalAlpha = 1;
    this.paintMarks(context, width);
  }

  private paintAxis(
    context: CanvasRenderingContext2D,
    x: (value: number) => number,
    from: number,
    mean: number,
  ): void {
    const { line, muted, ink } = this.context.theme.colours;
    const height = this.layout?.height ?? 0;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    for (let tick = Math.ceil(from * 2) / 2; tick <= 1; tick += 0.5) {
      context.fillStyle = line;
      context.fillRect(x(tick), 0, 1, height);
      context.fillStyle = muted;
      context.fillText(tick.toFixed(1).replace("-", "\u2212"), x(tick), height + 15);
    }
    if (Number.isNaN(mean)) return;
    context.strokeStyle = ink;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x(mean), 0);
    context.lineTo(x(mean), height);
    context.stroke();
    context.setLineDash([]);
  }

  private paintMarks(context: CanvasRenderingContext2D, width: number): void {
    const { accent, ink } = this.context.theme.colours;
    const { hover } = this.context.store.state;
    const rank = hover === null ? -1 : (this.layout?.knife.order.indexOf(hover) ?? -1);
    if (rank >= 0 && this.layout) {
      context.fillStyle = ink;
      context.fillRect(LEFT, this.layout.heightOf(rank) - 0.75, width - LEFT - RIGHT, 1.5);
    }
    if (!this.brush) return;
    const [a, b] = this.brush;
    context.fillStyle = accent;
    context.globalAlpha = 0.25;
    context.fillRect(0, Math.min(a, b), width, Math.abs(b - a));
    context.globalAlpha = 1;
  }
}
