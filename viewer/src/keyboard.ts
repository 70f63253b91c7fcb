/** Keys: each does what some button does. */

import { orbit, pan, zoom } from "./camera";
import type { Context } from "./context";
import { stepInHistory } from "./history";
import { savePng } from "./png";
import { toggleTheme } from "./ui/header";
import { findingKeys } from "./ui/findings";
import { togglePanel } from "./ui/panel";
import { stepMap, toggleCompare } from "./ui/panes";
import { toggleFlat, togglePerspective } from "./ui/tools";

export interface KeyActions {
  help(): void;
  search(): void;
  escape(): void;
}

const STEP_DEGREES = 12;
const STEP_PIXELS = 60;

export function onKey(context: Context, actions: KeyActions, event: KeyboardEvent): void {
  const target = event.composedPath()[0];
  if (event.defaultPrevented || event.altKey) return;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (event.metaKey || event.ctrlKey) {
    if (stepInHistory(context, event)) event.preventDefault();
    return;
  }
  const onButton = target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ");
  const inDialog = event.composedPath().some((element) => element instanceof HTMLDialogElement);
  if (onButton || inDialog) return;
  const act = keys(context, actions)[event.key.length === 1 ? event.key.toLowerCase() : event.key] as
    (() => void) | undefined;
  const move = act ?? cameraMove(context, event);
  if (!move) return;
  event.preventDefault();
  move();
}

function keys(context: Context, actions: KeyActions): Record<string, () => void> {
  const { store, dataset } = context;
  return {
    v: () => store.set({ tool: "move" }),
    l: () => store.set({ tool: "lasso" }),
    b: () => store.set({ tool: "box" }),
    d: () => toggleFlat(context),
    p: () => togglePerspective(context),
    i: () => dataset.thumbnails && store.set({ pictures: !store.state.pictures }),
    f: () => context.fit(),
    c: () => dataset.scene.maps.length > 1 && toggleCompare(context),
    "[": () => stepMap(context, -1),
    "]": () => stepMap(context, 1),
    o: () => togglePanel(context, "picture"),
    g: () => togglePanel(context, "selection"),
    k: () => togglePanel(context, "silhouettes"),
    x: () => togglePanel(context, "confusion"),
    e: () => togglePanel(context, "findings"),
    ...(store.state.panel === "findings" ? findingKeys(context) : {}),
    t: () => toggleTheme(context),
    s: () => void savePng(context),
    "/": actions.search,
    "?": actions.help,
    Escape: actions.escape,
  };
}

/** Arrows, + and -, and Enter: only where the stage has the focus, so that pages still scroll by them. */
function cameraMove({ stage, store, open }: Context, event: KeyboardEvent): (() => void) | undefined {
  const target = event.composedPath()[0];
  if (target instanceof HTMLElement && target !== stage.element && target !== document.body) return undefined;
  const { viewport } = stage.panes[0] ?? { viewport: { left: 0, top: 0, width: 1, height: 1 } };
  const [middleX, middleY] = [viewport.width / 2, viewport.height / 2];
  const directions: Record<string, [number, number] | undefined> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const direction = directions[event.key];
  if (direction) {
    const [x, y] = direction;
    const moves = event.shiftKey || store.state.flat;
    return () =>
      stage.glide((camera) =>
        moves
          ? pan(camera, -x * STEP_PIXELS, -y * STEP_PIXELS, viewport)
          : orbit(camera, x * STEP_DEGREES, y * STEP_DEGREES),
      );
  }
  const near = (factor: number) => () =>
    stage.glide((camera) => zoom(camera, factor, middleX, middleY, viewport));
  if (event.key === "+" || event.key === "=") return near(1.3);
  if (event.key === "-") return near(1 / 1.3);
  if (event.key !== "Enter") return undefined;
  return () => {
    const i = stage.nearest(viewport.left + middleX, viewport.top + middleY);
    if (i >= 0) open(i);
  };
}
