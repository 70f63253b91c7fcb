/** What is drawn over the points: pictures, rings, lines to neighbours, the line of the lasso. */

import type { View } from "./camera";
import { h } from "./element";
import type { Polygon } from "./lasso";
import type { Pane } from "./pane";
import { place, type Projected } from "./picking";
import type { Shading } from "./shading";
import type { State } from "./state";
import type { Colours } from "./theme";
import type { ThumbnailSheets } from "./thumbnails";

/** Pixels. */
const GUEST_SIDE = 44;

export class Overlay {
  readonly canvas = h("canvas", { class: "overlay", "aria-hidden": "true" });
  /** Pictures that stand for points, a list a pane. */
  pictures: number[][] = [];
  /** Neighbours of the opened picture. */
  neighbours: ArrayLike<number> = [];
  /** Pictures of the finding that is looked at. */
  found: readonly number[] = [];
  /** Where the picture from outside lies in each pane, and its nearest pictures there. */
  guests: { place: Float32Array | null; nearest: readonly number[] }[] = [];
  /** The line being drawn, in pixels of the stage. */
  line: Polygon = [];
  private readonly context = this.canvas.getContext("2d")!;
  private ratio = 1;

  constructor(
    private readonly shading: Shading,
    private readonly thumbnails: ThumbnailSheets | null,
    private readonly changed: () => void,
  ) {}

  resize(width: number, height: number, ratio: number): void {
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  draw(panes: Pane[], views: View[], moving: boolean, state: State, colours: Colours, side: number): void {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(this.ratio, this.ratio);
    panes.forEach((pane, k) => {
      const { left, top, width, height } = pane.viewport;
      context.save();
      context.beginPath();
      context.rect(left, top, width, height);
      context.clip();
      context.translate(left, top);
      if (!moving) {
        this.drawPictures(pane, views[k], this.pictures[k] ?? [], side, state.selection);
        this.drawMarks(pane, views[k], state, colours);
        this.drawGuest(pane, views[k], this.guests[k], state, colours);
      }
      context.restore();
    });
    this.drawLine(colours);
  }

  /** The picture drawn at a place of pane k, the foremost; -1: none. */
  pictureAt(k: number, points: Projected, x: number, y: number, side: number): number {
    let best = -1;
    for (const i of this.pictures[k] ?? []) {
      const near = Math.abs(points.x[i] - x) <= side / 2 && Math.abs(points.y[i] - y) <= side / 2;
      if (near && (best < 0 || points.depth[i] < points.depth[best])) best = i;
    }
    return best;
  }

  private drawPictures(
    pane: Pane,
    view: View,
    pictures: number[],
    side: number,
    selection: Uint32Array,
  ): void {
    const { context, thumbnails } = this;
    if (!thumbnails || pictures.length === 0) return;
    const selected = new Set(selection);
    const depth = (i: number) =>
      view.towards.reduce((sum, value, axis) => sum + value * pane.points[i * 3 + axis], 0);
    context.imageSmoothingQuality = "high";
    for (const i of [...pictures].sort((a, b) => depth(a) - depth(b))) {
      const at = place(pane.points, i, view, pane.viewport);
      if (!at) continue;
      const [x, y] = [Math.round(at[0] - side / 2), Math.round(at[1] - side / 2)];
      context.globalAlpha = selected.size > 0 && !selected.has(i) ? 0.35 : 1;
      context.fillStyle = this.shading.colour(i);
      context.beginPath();
      context.roundRect(x - 2, y - 2, side + 4, side + 4, 4);
      context.fill();
      if (!thumbnails.draw(context, i, x, y, side))
        void thumbnails.load(i).then(this.changed, () => undefined);
    }
    context.globalAlpha = 1;
  }

  private drawMarks(pane: Pane, view: View, { opened, hover }: State, colours: Colours): void {
    const { context } = this;
    const at = (i: number) => place(pane.points, i, view, pane.viewport);
    const centre = opened === null ? null : at(opened);
    if (centre) {
      context.lineWidth = 1;
      context.strokeStyle = colours.ink;
      context.globalAlpha = 0.45;
      context.beginPath();
      for (let k = 0; k < this.neighbours.length; k++) {
        const end = at(this.neighbours[k]);
        if (!end) continue;
        context.moveTo(...centre);
        context.lineTo(...end);
      }
      context.stroke();
      context.globalAlpha = 1;
      for (let k = 0; k < this.neighbours.length; k++) {
        this.ring(at(this.neighbours[k]), 5, 1.5, colours.ink, this.shading.colour(this.neighbours[k]));
      }
      this.ring(centre, 8, 2.5, colours.ink, opened === null ? "" : this.shading.colour(opened));
    }
    const found = this.found.map(at);
    if (found.length === 2 && found[0] && found[1]) {
      context.lineWidth = 2;
      context.strokeStyle = colours.accent;
      context.beginPath();
      context.moveTo(...found[0]);
      context.lineTo(...found[1]);
      context.stroke();
    }
    found.forEach((place, k) => this.ring(place, 8, 3, colours.accent, this.shading.colour(this.found[k])));
    if (hover !== null) this.ring(at(hover), 7, 2, colours.ink, this.shading.colour(hover));
  }

  /** The picture from outside, and lines to its nearest while no other picture is opened. */
  private drawGuest(
    pane: Pane,
    view: View,
    guest: Overlay["guests"][number] | undefined,
    { guest: picture, opened }: State,
    colours: Colours,
  ): void {
    const { context } = this;
    const centre = guest?.place && place(guest.place, 0, view, pane.viewport);
    if (!guest || !centre || !picture) return;
    const near = opened === null ? guest.nearest : [];
    const ends = near.map((i) => place(pane.points, i, view, pane.viewport));
    context.strokeStyle = colours.accent;
    context.lineWidth = 1.5;
    context.globalAlpha = 0.6;
    context.beginPath();
    for (const end of ends) {
      if (!end) continue;
      context.moveTo(...centre);
      context.lineTo(...end);
    }
    context.stroke();
    context.globalAlpha = 1;
    ends.forEach((end, k) => this.ring(end, 5, 1.5, colours.ink, this.shading.colour(near[k])));
    const { image } = picture;
    const side = GUEST_SIDE;
    const [x, y] = [Math.round(centre[0] - side / 2), Math.round(centre[1] - side / 2)];
    context.fillStyle = colours.accent;
    context.beginPath();
    context.roundRect(x - 3, y - 3, side + 6, side + 6, 6);
    context.fill();
    if (!image.complete || image.naturalWidth === 0) return;
    const cut = Math.min(image.naturalWidth, image.naturalHeight);
    const [left, top] = [(image.naturalWidth - cut) / 2, (image.naturalHeight - cut) / 2];
    context.imageSmoothingQuality = "high";
    context.drawImage(image, left, top, cut, cut, x, y, side, side);
  }

  private ring(
    at: [number, number] | null,
    radius: number,
    width: number,
    stroke: string,
    fill: string,
  ): void {
    if (!at) return;
    const { context } = this;
    context.beginPath();
    context.arc(at[0], at[1], radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.lineWidth = width;
    context.strokeStyle = stroke;
    context.stroke();
  }

  private drawLine(colours: Colours): void {
    const { context, line } = this;
    if (line.length < 2) return;
    context.beginPath();
    line.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.globalAlpha = 0.12;
    context.fillStyle = colours.accent;
    context.fill("evenodd");
    context.globalAlpha = 1;
    context.strokeStyle = colours.accent;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }
}
