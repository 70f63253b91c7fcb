/** A scene with its arrays, each fetched when it is first asked for. */

import type { Counts, DecisionLists } from "./decisions";
import type { Finding } from "./findings";
import { type Frame, frameOf, within } from "./normalise";
import type { CategoryColumn, Column, Neighbours, Role, Scene, SceneMap, TextBlob } from "./scene";
import type { NearestPictures, Source, Told } from "./source";
import { Text } from "./text";
import { ThumbnailSheets } from "./thumbnails";

/** Neighbours shown of a picture. */
const NEIGHBOURS = 12;

export type Values = Uint16Array | Float32Array;

export class Dataset {
  readonly thumbnails: ThumbnailSheets | null;
  private readonly columnValues = new Map<string, Promise<Values>>();
  private readonly loaded = new Map<string, Values>();
  private readonly coordinates = new Map<string, Promise<Float32Array>>();
  private readonly frames = new Map<string, Frame>();
  private text: Promise<Text | null> | null = null;
  private readyText: Text | null = null;
  private found: Promise<readonly Finding[]> | null = null;
  private readyFindings: readonly Finding[] = [];

  constructor(
    readonly scene: Scene,
    private readonly source: Source,
  ) {
    const { thumbnails } = scene;
    this.thumbnails = thumbnails && new ThumbnailSheets(thumbnails, (name) => source.blob(name));
  }

  get count(): number {
    return this.scene.count;
  }

  map(id: string): SceneMap {
    return this.scene.maps.find((map) => map.id === id) ?? this.scene.maps[0];
  }

  column(id: string): Column | undefined {
    return this.scene.columns.find((column) => column.id === id);
  }

  /** The column of a role: a map's own where a map is given. */
  columnOf(role: Role, map?: SceneMap): Column | undefined {
    return this.scene.columns.find(
      (column) => column.role === role && (!map || column.backbone === map.backbone),
    );
  }

  /** A map's points, 3 numbers each, around 0 and of root-mean-square radius 1. */
  points(map: SceneMap): Promise<Float32Array> {
    return once(this.coordinates, map.id, async () => {
      const values = new Float32Array(await this.source.blob(map.blob));
      expectLength(map.blob, values.length, this.count * map.dimensions);
      const frame = frameOf(values, map.dimensions);
      this.frames.set(map.id, frame);
      return within(frame, values, map.dimensions);
    });
  }

  /** Coordinates of another point of a map, where `points` puts those of its own. */
  async placed(map: SceneMap, coordinates: readonly number[]): Promise<Float32Array> {
    await this.points(map);
    return within(this.frames.get(map.id)!, coordinates.slice(0, map.dimensions), map.dimensions);
  }

  /** Whether a picture from outside can be placed on a map. */
  takes(map: SceneMap): boolean {
    return !!this.source.drop && (this.scene.drops ?? []).includes(map.backbone);
  }

  /** Ask of a picture from outside, by the backbone of a map. */
  ask(map: SceneMap, file: Blob): Promise<Told> {
    if (!this.takes(map) || !this.source.drop)
      return Promise.reject(new Error("No picture can be placed on this map."));
    return this.source.drop(map.backbone, file);
  }

  /** Where decisions about pictures go: into a table on disk, into one to download, or nowhere. */
  get decides(): "file" | "download" | null {
    if (this.scene.decisions && this.source.decide) return "file";
    return this.scene.table?.path ? "download" : null;
  }

  /** Write decisions; see `Source`. */
  decide(decisions: DecisionLists): Promise<Counts & { path: string }> {
    if (!this.source.decide) return Promise.reject(new Error("Nothing can be written here."));
    return this.source.decide(decisions);
  }

  /** What a check found; none where nothing was checked. */
  findings(): Promise<readonly Finding[]> {
    this.found ??= this.loadFindings();
    return this.found;
  }

  /** The findings, if they have been fetched. */
  get knownFindings(): readonly Finding[] {
    return this.readyFindings;
  }

  /** A column of the image set that decisions change; null where there is no such column. */
  async tableColumn(name: string): Promise<Text | null> {
    const blob = this.scene.table?.[name];
    return blob ? this.textOf(blob) : null;
  }

  values(column: Column): Promise<Values> {
    return once(this.columnValues, column.id, async () => {
      const buffer = await this.source.blob(column.blob);
      const values = column.kind === "category" ? new Uint16Array(buffer) : new Float32Array(buffer);
      expectLength(column.blob, values.length, this.count);
      this.loaded.set(column.id, values);
      return values;
    });
  }

  /** The values of a column, if they have been fetched. */
  known(id: string): Values | undefined {
    return this.loaded.get(id);
  }

  paths(): Promise<Text | null> {
    this.text ??= this.loadText();
    return this.text;
  }

  /** The file of a picture, or its number where there are no names or not yet. */
  name(i: number): string {
    return this.readyText?.at(i) ?? `picture ${i}`;
  }

  /** The category of a picture, if it is known. */
  category(column: CategoryColumn, i: number): string | undefined {
    const code = this.known(column.id)?.[i];
    return code === undefined ? undefined : column.categories[code];
  }

  /** A value in words: the category, or the number; what the scene says, or a dash, where it is not known. */
  word(column: Column, i: number): string {
    const values = this.known(column.id);
    const value = values?.[i];
    if (value === undefined) return "…";
    if (column.kind === "category") return column.categories[value] ?? column.unknown ?? "–";
    return Number.isNaN(value) ? "–" : formatNumber(value);
  }

  pictureAddress(i: number): string | null {
    return this.scene.pictures ? (this.source.picture?.(i) ?? null) : null;
  }

  /** The metric that the stored neighbours of a map's backbone were found by. */
  metric(map: SceneMap): string | undefined {
    return this.scene.neighbours[map.backbone]?.metric;
  }

  async neighbours(map: SceneMap, i: number): Promise<NearestPictures | null> {
    const stored = this.scene.neighbours[map.backbone] as Neighbours | undefined;
    if (stored) {
      const [indices, distances] = await Promise.all([
        this.neighbourBlob(stored.indices),
        this.neighbourBlob(stored.distances),
      ]);
      const k = Math.min(stored.k, NEIGHBOURS);
      return {
        indices: new Uint32Array(indices, i * stored.k * 4, k),
        distances: new Float32Array(distances, i * stored.k * 4, k),
      };
    }
    if (!this.scene.neighboursOnDemand || !this.source.neighbours) return null;
    return this.source.neighbours(map.backbone, i, NEIGHBOURS);
  }

  private readonly neighbourBlobs = new Map<string, Promise<ArrayBuffer>>();

  private neighbourBlob(name: string): Promise<ArrayBuffer> {
    return once(this.neighbourBlobs, name, () => this.source.blob(name));
  }

  private async loadText(): Promise<Text | null> {
    const { paths } = this.scene;
    if (!paths) return null;
    this.readyText = await this.textOf(paths);
    return this.readyText;
  }

  private async textOf(blob: TextBlob): Promise<Text> {
    const [bytes, offsets] = await Promise.all([
      this.source.blob(blob.bytes),
      this.source.blob(blob.offsets),
    ]);
    expectLength(blob.offsets, offsets.byteLength / 4, this.count + 1);
    return new Text(new Uint8Array(bytes), new Uint32Array(offsets));
  }

  private async loadFindings(): Promise<readonly Finding[]> {
    const { findings } = this.scene;
    if (!findings) return [];
    const bytes = await this.source.blob(findings.blob);
    this.readyFindings = JSON.parse(new TextDecoder().decode(bytes)) as Finding[];
    return this.readyFindings;
  }
}

export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 100000)) return value.toExponential(2);
  return value.toFixed(size < 10 ? 3 : 1).replace("-", "\u2212");
}

/** Do a thing once a key; forget it where it failed, so that it can be tried again. */
function once<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let promise = cache.get(key);
  if (!promise) {
    promise = make();
    promise.catch(() => cache.delete(key));
    cache.set(key, promise);
  }
  return promise;
}

function expectLength(name: string, length: number, expected: number): void {
  if (length !== expected) {
    throw new Error(`"${name}" holds ${length} values where ${expected} are due.`);
  }
}
