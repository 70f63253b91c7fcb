/** The scene: what a study hands to the viewer. A manifest in JSON; bytes are named and fetched apart. */

import type { DecisionLists } from "./decisions";

export const FORMAT = 2;

export interface Scene {
  format: typeof FORMAT;
  title: string;
  count: number;
  /** Other keys: other pictures, in another order; other columns or categories. */
  picturesKey?: string;
  columnsKey?: string;
  classes: string[];
  paths: TextBlob | null;
  /** What each backbone is called, by the key that columns, maps and neighbours have. */
  backbones: Partial<Record<string, string>>;
  columns: Column[];
  maps: SceneMap[];
  /** The map shown first; null: the first. */
  opening: string | null;
  /** The column that it is coloured by first; null, or not said: the class. */
  openingColour?: string | null;
  thumbnails: Thumbnails | null;
  pictures: boolean;
  neighbours: Partial<Record<string, Neighbours>>;
  neighboursOnDemand: boolean;
  /** Backbones that place a picture from outside; none where nothing is there to ask. */
  drops?: string[];
  /** What was decided before, where decisions are written. */
  decisions?: DecisionLists;
  /** Columns of the image set that decisions change, beside the labels: path; split and group if given. */
  table?: Partial<Record<string, TextBlob>>;
  findings?: CheckFindings | null;
}

/** Strings end to end: UTF-8 in `bytes`; string i lies from offsets[i] to offsets[i + 1]. */
export interface TextBlob {
  bytes: string;
  offsets: string;
}

export type Column = CategoryColumn | NumberColumn;

/** What the viewer knows a column as, whatever it is called. */
export type Role =
  "class" | "split" | "prediction" | "correctness" | "confidence" | "silhouette" | "purity" | "finding";

interface ColumnHead {
  id: string;
  name: string;
  blob: string;
  backbone?: string;
  /** None for a column that a user gave. */
  role?: Role;
  /** The name where the map shown says the rest. */
  shortName?: string;
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

/** What a check found: JSON, a list of findings. */
export interface CheckFindings {
  blob: string;
  /** Titles of the kinds that there are. */
  kinds: Partial<Record<string, string>>;
  /** How many are of no picture of the scene, by the title of their kind. */
  elsewhere: Partial<Record<string, number>>;
}

export interface Neighbours {
  k: number;
  indices: string;
  distances: string;
  metric: string;
}

/** The code of a category that is not known. */
export const UNKNOWN = 65535;

/** Say what is wrong with a manifest, or return it typed. */
export function checkScene(value: unknown): Scene {
  const scene = value as Scene;
  if (typeof value !== "object" || value === null || scene.format !== FORMAT) {
    throw new Error(`This is not a scene that this viewer can read (format ${FORMAT}).`);
  }
  if (!Number.isInteger(scene.count) || scene.count < 1) {
    throw new Error(`The scene has no pictures (count: ${String(scene.count)}).`);
  }
  if (!Array.isArray(scene.maps) || scene.maps.length === 0) {
    throw new Error("The scene has no map.");
  }
  return scene;
}
