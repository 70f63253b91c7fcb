/** The stage as a PNG file, with the names of its maps and the legend. */

import type { Context } from "./context";
import { download, fileName } from "./export";
import { categoryColours } from "./palette";

const LEGEND_ROWS = 30;

export async function savePng(context: Context): Promise<void> {
  const picture = picturePng(context);
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (!blob) {
    context.notify("The browser could not make the picture");
    return;
  }
  download(fileName(context.dataset.scene.title, "map.png"), blob);
  context.notify("Picture saved");
}

export function picturePng(context: Context): HTMLCanvasElement {
  const { dataset, store, stage, theme } = context;
  const map = stage.snapshot();
  const unit = map.width / Math.max(1, stage.element.clientWidth);
  const column = dataset.column(store.state.colour);
  const names = column?.kind === "category" ? column.categories.slice(0, LEGEND_ROWS) : [];
  const picture = document.createElement("canvas");
  const margin = names.length > 0 ? 190 * unit : 0;
  picture.width = map.width + margin;
  picture.height = map.height;
  const pen = picture.getContext("2d");
  if (!pen) return picture;
  pen.fillStyle = theme.colours.stage;
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.drawImage(map, 0, 0);
  pen.scale(unit, unit);
  pen.fillStyle = theme.colours.ink;
  pen.font = "600 14px system-ui, sans-serif";
  stage.panes.forEach(({ viewport }, k) =>
    pen.fillText(dataset.map(store.state.maps[k]).name, viewport.left + 14, viewport.top + 24),
  );
  const colours = categoryColours(names.length);
  pen.font = "13px system-ui, sans-serif";
  const left = map.width / unit + 8;
  if (column && names.length > 0) pen.fillText(column.name, left, 24, 176);
  names.forEach((name, code) => {
    const y = 46 + code * 20;
    pen.fillStyle = colours[code];
    pen.beginPath();
    pen.arc(left + 6, y - 4, 5.5, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = theme.colours.ink;
    pen.fillText(name, left + 20, y, 156);
  });
  return picture;
}
