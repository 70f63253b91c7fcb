/** The scene: what a study hands to the viewer. A manifest in JSON; bytes are named and fetched apart. */

export interface Scene {
  format: 1;
  title: string;
  count: number;
  classes: string[];
  paths: TextBlob | null;
  columns: Column[];
  maps: SceneMap[];
  thumbnails: Thumbnails | null;
  pictures: boolean;
  neighbours: Partial<Record<string, Neighbours>>;
  neighboursOnDemand: boolean;
}

/** Strings end to end: UTF-8 in `bytes`; string i lies from offsets[i] to offsets[i + 1]. */
export interface TextBlob {
  bytes: string;
  offsets: string;
}

export type Column = CategoryColumn | NumberColumn;

interface ColumnHead {
  id: string;
  name: string;
  blob: string;
  backbone?: string;
  /** What is said where there is no value. */
  unknown?: string;
}

/** uint16[n]; UNKNOWN where there is no value. */
export interface CategoryColumn extends ColumnHead {
  kind: "category";
  categories: string[];
}

/** float32[n]; NaN where there is no value. */
export interface NumberColumn extends ColumnHead {
  kind: "number";
  range?: [number, number];
}

export interface SceneMap {
  id: string;
  backbone: string;
  stage: "pretrained" | "tuned";
  method: string;
  name: string;
  dimensions: 2 | 3;
  blob: string;
  pretrained: boolean;
  learned: boolean;
  facts: string;
  silhouetteColumn?: string;
}

export interface Thumbnails {
  size: number;
  columns: number;
  rows: number;
  sheets: string[];
}

export interface Neighbours {
  k: number;
  indices: string;
  distances: string;
  metric: string;
}

/** The code of a category that is not known. */
export const UNKNOWN = 65535;

/** The key of a map's backbone in columns and neighbours: a tuned backbone has its own. */
export function backboneKey(map: SceneMap): string {
  const tuned = map.stage === "tuned" && !map.backbone.endsWith(" tuned");
  return tuned ? `${map.backbone} tuned` : map.backbone;
}

/** Say what is wrong with a manifest, or return it typed. */
export function checkScene(value: unknown): Scene {
  const scene = value as Scene;
  if (typeof value !== "object" || value === null || scene.format !== 1) {
    throw new Error("This is not a scene that this viewer can read (format 1).");
  }
  if (!Number.isInteger(scene.count) || scene.count < 1) {
    throw new Error(`The scene has no pictures (count: ${String(scene.count)}).`);
  }
  if (!Array.isArray(scene.maps) || scene.maps.length === 0) {
    throw new Error("The scene has no map.");
  }
  return scene;
}
