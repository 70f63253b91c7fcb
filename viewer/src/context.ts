/** What every part of the page works with. */

import type { Camera } from "./camera";
import type { Dataset } from "./dataset";
import type { History } from "./history";
import type { CategoryColumn, SceneMap } from "./scene";
import type { Stage } from "./stage";
import type { Panel, State } from "./state";
import type { Store } from "./store";
import type { ThemeSwitch } from "./theme";

export interface Context {
  readonly dataset: Dataset;
  readonly store: Store<State>;
  readonly history: History;
  readonly stage: Stage;
  readonly theme: ThemeSwitch;
  /** Select pictures and show them. */
  readonly select: (indices: Uint32Array, panel?: Panel) => void;
  /** Show a picture large, with its neighbours. */
  readonly open: (i: number) => void;
  /** See all points in the part of the stage that nothing covers; perhaps from another side. */
  readonly fit: (side?: Pick<Camera, "azimuth" | "elevation">) => void;
  /** Whether that is what is seen, however it was turned since. */
  readonly fits: () => boolean;
  /** Place a picture from outside on the maps. */
  readonly welcome: (file: File) => void;
  /** Say something to who listens instead of looking. */
  readonly announce: (text: string) => void;
  /** Show a short message. */
  readonly notify: (text: string) => void;
}

/** The map of the first pane. */
export function leadingMap({ dataset, store }: Context): SceneMap {
  return dataset.map(store.state.maps[0]);
}

export function classColumn({ dataset }: Context): CategoryColumn | undefined {
  const column = dataset.columnOf("class");
  return column?.kind === "category" ? column : undefined;
}

export function pictures(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "picture" : "pictures"}`;
}
