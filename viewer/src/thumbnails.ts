/** Thumbnails, many to a sheet. A sheet is fetched and decoded when one of its pictures is needed. */

import type { Thumbnails } from "./scene";

export class ThumbnailSheets {
  private readonly bitmaps = new Map<number, ImageBitmap>();
  private readonly pending = new Map<number, Promise<ImageBitmap>>();

  constructor(
    readonly layout: Thumbnails,
    private readonly fetchBlob: (name: string) => Promise<ArrayBuffer>,
  ) {}

  get size(): number {
    return this.layout.size;
  }

  /** Draw picture i into a square; false, and a promise by `load`, where its sheet is not here yet. */
  draw(context: CanvasRenderingContext2D, i: number, x: number, y: number, side: number): boolean {
    const { size, columns, rows } = this.layout;
    const bitmap = this.bitmaps.get(Math.floor(i / (columns * rows)));
    if (!bitmap) return false;
    const cell = i % (columns * rows);
    const left = (cell % columns) * size;
    const top = Math.floor(cell / columns) * size;
    context.drawImage(bitmap, left, top, size, size, x, y, side, side);
    return true;
  }

  /** Fetch the sheet of picture i. */
  load(i: number): Promise<ImageBitmap> {
    const sheet = Math.floor(i / (this.layout.columns * this.layout.rows));
    let promise = this.pending.get(sheet);
    if (!promise) {
      promise = this.decode(sheet);
      promise.catch(() => this.pending.delete(sheet));
      this.pending.set(sheet, promise);
    }
    return promise;
  }

  /** A canvas that shows picture i as soon as its sheet is here. */
  element(i: number, side: number, label: string): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.className = "thumbnail";
    canvas.width = canvas.height = Math.round(side * Math.min(window.devicePixelRatio, 2));
    canvas.style.width = canvas.style.height = `${side}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    const context = canvas.getContext("2d");
    if (!context) return canvas;
    context.imageSmoothingQuality = "high";
    const paint = () => this.draw(context, i, 0, 0, canvas.width);
    if (!paint()) void this.load(i).then(paint, () => canvas.classList.add("missing"));
    return canvas;
  }

  private async decode(sheet: number): Promise<ImageBitmap> {
    const bytes = await this.fetchBlob(this.layout.sheets[sheet]);
    const bitmap = await createImageBitmap(new Blob([bytes]));
    this.bitmaps.set(sheet, bitmap);
    return bitmap;
  }
}
