/** All that the viewer shows, as one value; and the part of it that a web address can carry. */

import type { Camera } from "./camera";
import { FLAT, START } from "./camera";
import { type Decisions, fromLists, type Written } from "./decisions";
import type { Filter, Filters } from "./filter";
import type { Guest } from "./guest";
import type { Column, Scene } from "./scene";

export type Tool = "move" | "lasso" | "box";
/** What becomes of the selection when points are enclosed. */
export type Combine = "replace" | "add" | "remove";
export type Theme = "auto" | "light" | "dark";
const PANELS = ["selection", "picture", "findings", "silhouettes", "confusion"] as const;
export type Panel = "none" | (typeof PANELS)[number];

/** Whether a scene has what a panel shows. */
export function holds(scene: Scene, panel: Panel): boolean {
  const has = (role: Column["role"]) => scene.columns.some((column) => column.role === role);
  if (panel === "findings") return Boolean(scene.findings);
  if (panel === "silhouettes") return has("silhouette");
  return panel !== "confusion" || has("prediction");
}

export interface State {
  /** Ids of the maps shown: one, or two side by side. */
  maps: readonly string[];
  /** Id of the column that colours the points; "" where the scene has none. */
  colour: string;
  filters: Filters;
  /** A byte a point: 1 shown, 0 filtered. Follows from the filters. */
  shown: Uint8Array;
  /** Selected pictures, in rising order. */
  selection: Uint32Array;
  /** What was decided of pictures. */
  decisions: Decisions;
  /** What became of the table of decisions. */
  written: Written | null;
  /** The finding that is looked at, by its place in the list. */
  finding: number | null;
  /** The kind of findings that is listed; null: all. */
  findingKind: string | null;
  /** A picture from outside of the scene. */
  guest: Guest | null;
  /** The picture that is shown large. */
  opened: number | null;
  hover: number | null;
  tool: Tool;
  combine: Combine;
  panel: Panel;
  flat: boolean;
  perspective: boolean;
  /** Pictures stand for points where there is room. */
  pictures: boolean;
  /** Times the size that suits the number of points. */
  size: number;
  opacity: number;
  theme: Theme;
  camera: Camera;
}

export const SIZES = { least: 0.25, most: 4 } as const;
export const OPACITIES = { least: 0.05, most: 1 } as const;

/** What is shown first. */
export function initialState(scene: Scene): State {
  const map = scene.maps.find(({ id }) => id === scene.opening) ?? scene.maps[0];
  const flat = map.dimensions === 2;
  const byClass = scene.columns.find((column) => column.role === "class");
  const chosen = scene.columns.find(({ id }) => id === scene.openingColour);
  return {
    maps: [map.id],
    colour: (chosen ?? byClass ?? scene.columns[0])?.id ?? "",
    filters: {},
    shown: new Uint8Array(scene.count).fill(1),
    selection: new Uint32Array(0),
    decisions: scene.decisions ? fromLists(scene.decisions) : new Map(),
    written: null,
    finding: null,
    findingKind: null,
    guest: null,
    opened: null,
    hover: null,
    tool: "move",
    combine: "replace",
    panel: "none",
    flat,
    perspective: true,
    pictures: false,
    size: 1,
    opacity: scene.count > 100_000 ? 1 : 0.9,
    theme: "auto",
    camera: flat ? { ...START, ...FLAT } : START,
  };
}

/** Longer lists are written as a bit a picture. */
const LISTED_IN_HASH = 300;
/** In larger scenes a long selection is left out: not all browsers take addresses of more than 80 kB. */
const BITS_IN_HASH = 400_000;
const BITS = "~";
const PREFIX = "#view=1";

export function toHash(state: State, scene: Scene): string {
  const { camera } = state;
  const round = (value: number) => `${Number(value.toPrecision(6))}`;
  const query = new URLSearchParams();
  state.maps.forEach((id) => query.append("map", id));
  if (state.colour) query.set("colour", state.colour);
  for (const [id, filter] of Object.entries(state.filters))
    query.append("show", `${id}=${filterText(filter)}`);
  if (query.has("show")) query.set("columns", columnsOf(scene));
  query.set("of", picturesOf(scene));
  const selected = selectionText(state.selection, state.shown.length);
  if (selected) query.set("selected", selected);
  if (state.opened !== null) query.set("picture", `${state.opened}`);
  if (state.panel !== "none") query.set("panel", state.panel);
  if (state.flat) query.set("flat", "1");
  if (!state.perspective) query.set("perspective", "0");
  if (state.pictures) query.set("pictures", "1");
  query.set("size", round(state.size));
  query.set("opacity", round(state.opacity));
  if (state.theme !== "auto") query.set("theme", state.theme);
  query.set("camera", [camera.azimuth, camera.elevation, camera.span, ...camera.target].map(round).join(","));
  return `${PREFIX}&${query.toString()}`;
}

const picturesOf = (scene: Scene) => scene.picturesKey ?? `${scene.count}`;
const columnsOf = (scene: Scene) => scene.columnsKey ?? "";

/** The state an address asks for; what it asks wrongly is as it was in `state`. */
export function fromHash(hash: string, state: State, scene: Scene): State {
  if (!hash.startsWith(PREFIX)) return state;
  const query = new URLSearchParams(hash.slice(PREFIX.length));
  const known = (id: string) => scene.maps.some((map) => map.id === id);
  const maps = query.getAll("map").filter(known).slice(0, 2);
  const colour = query.get("colour") ?? "";
  // Pictures and categories are named by their places: of a study of others they are others.
  const same = [picturesOf(scene), null].includes(query.get("of"));
  const filtered = [columnsOf(scene), null].includes(query.get("columns"));
  const opened = same ? wholeNumber(query.get("picture"), scene.count) : null;
  const panel = oneOf<Panel>(query.get("panel"), PANELS) ?? "none";
  return {
    ...state,
    maps: maps.length > 0 ? maps : state.maps,
    colour: scene.columns.some((column) => column.id === colour) ? colour : state.colour,
    filters: parseFilters(filtered ? query.getAll("show") : [], scene),
    selection: parseSelection(same ? query.get("selected") : null, scene.count),
    opened,
    panel: (panel === "picture" && opened === null) || !holds(scene, panel) ? "none" : panel,
    flat: query.has("flat") ? query.get("flat") === "1" : state.flat && maps.length === 0,
    perspective: query.get("perspective") !== "0",
    pictures: query.get("pictures") === "1",
    size: within(query.get("size"), SIZES) ?? state.size,
    opacity: within(query.get("opacity"), OPACITIES) ?? state.opacity,
    theme: oneOf<Theme>(query.get("theme"), ["light", "dark"]) ?? "auto",
    camera: parseCamera(query.get("camera")) ?? state.camera,
  };
}

function filterText(filter: Filter): string {
  return "codes" in filter ? filter.codes.join(".") : `${filter.low}~${filter.high}`;
}

function parseFilters(texts: string[], scene: Scene): Filters {
  const filters: Record<string, Filter> = {};
  for (const text of texts) {
    const cut = text.lastIndexOf("=");
    const id = text.slice(0, cut);
    const value = text.slice(cut + 1);
    const column = scene.columns.find((other) => other.id === id);
    if (!column || value === "") continue;
    if (column.kind === "number") {
      const [low, high] = value.split("~").map(Number);
      if (low <= high) filters[id] = { low, high };
    } else {
      const codes = value.split(".").map(Number);
      if (codes.every((code) => Number.isInteger(code) && code >= 0 && code <= 65535))
        filters[id] = { codes };
    }
  }
  return filters;
}

/** Steps from one picture to the next; of many pictures, a bit each. "" where there are too many. */
function selectionText(selection: Uint32Array, count: number): string {
  if (selection.length <= LISTED_IN_HASH) {
    return differences(selection)
      .map((step) => step.toString(36))
      .join(".");
  }
  if (count > BITS_IN_HASH) return "";
  const bytes = new Uint8Array(Math.ceil(count / 8));
  for (const i of selection) bytes[i >> 3] |= 1 << (i & 7);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return BITS + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function selectionOfBits(text: string, count: number): Uint32Array {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return new Uint32Array(0);
  }
  const indices: number[] = [];
  for (let i = 0; i < Math.min(count, bytes.length * 8); i++) {
    if (bytes.charCodeAt(i >> 3) & (1 << (i & 7))) indices.push(i);
  }
  return Uint32Array.from(indices);
}

function differences(indices: Uint32Array): number[] {
  return Array.from(indices, (value, k) => (k === 0 ? value : value - indices[k - 1]));
}

function parseSelection(text: string | null, count: number): Uint32Array {
  if (text?.startsWith(BITS)) return selectionOfBits(text.slice(BITS.length), count);
  const indices: number[] = [];
  let at = 0;
  for (const step of text ? text.split(".") : []) {
    const value = parseInt(step, 36);
    at += value;
    if (!Number.isInteger(value) || value < 0 || at >= count) return new Uint32Array(0);
    if (indices.length === 0 || value > 0) indices.push(at);
  }
  return Uint32Array.from(indices);
}

function parseCamera(text: string | null): Camera | null {
  const [azimuth, elevation, span, x, y, z, ...rest] = text?.split(",").map(Number) ?? [];
  const all = [azimuth, elevation, span, x, y, z];
  if (!all.every(Number.isFinite) || rest.length > 0 || span <= 0 || Math.abs(elevation) > 90) return null;
  return { azimuth, elevation, span, target: [x, y, z] };
}

function within(text: string | null, { least, most }: { least: number; most: number }): number | null {
  const value = Number(text);
  return text !== null && value >= least && value <= most ? value : null;
}

function wholeNumber(text: string | null, below: number): number | null {
  const value = Number(text);
  return text && Number.isInteger(value) && value >= 0 && value < below ? value : null;
}

function oneOf<T extends string>(text: string | null, values: readonly T[]): T | null {
  return values.find((value) => value === text) ?? null;
}
