/** Scenes made up for tests and measurements: clusters of points, and thumbnails that tell their number. */

import { deflateSync } from "node:zlib";
import { type Finding, picturesOf } from "../src/findings";
import { type Column, FORMAT, type Scene, type SceneMap, UNKNOWN } from "../src/scene";
import { normal, random } from "./random";

export interface MadeScene {
  scene: Scene;
  blobs: Map<string, Uint8Array>;
}

const NAMES = ["cat", "cheetah", "dog", "fox", "leopard", "lion", "tiger", "wolf"];
const SPLITS = ["train", "validation", "test"];
const K = 8;

export interface Wishes {
  count: number;
  classes?: number;
  thumbnails?: boolean;
  neighbours?: boolean;
  /** What a check found; the column that colours by it is "finding". */
  findings?: Finding[];
}

export function makeScene({
  count,
  classes: k = 8,
  thumbnails = true,
  neighbours = true,
  findings,
}: Wishes): MadeScene {
  const blobs = new Map<string, Uint8Array>();
  const put = (name: string, values: ArrayBufferView) => {
    blobs.set(name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return name;
  };
  const next = random(7);
  const classes = Array.from(
    { length: k },
    (_, c) => NAMES[c] ?? `class ${String(c).padStart(3, "0")}`,
  ).sort();
  const codes = Uint16Array.from({ length: count }, () => Math.floor(next() * k));
  const columns: Column[] = [
    {
      id: "c0",
      name: "class",
      kind: "category",
      role: "class",
      categories: classes,
      blob: put("class", codes),
    },
  ];
  columns.push({
    id: "c1",
    name: "split",
    kind: "category",
    role: "split",
    categories: SPLITS,
    blob: put(
      "split",
      Uint16Array.from({ length: count }, () => Math.floor(next() ** 0.6 * 3)),
    ),
  });
  const maps: SceneMap[] = [];
  for (const [b, backbone] of ["Xception", "MobileNetV2"].entries()) {
    addBackbone({ backbone, spread: 0.35 + 0.2 * b, seed: 11 + b, codes, classes, columns, maps, put });
  }
  const scene: Scene = {
    format: FORMAT,
    title: "made-up animals",
    count,
    classes,
    paths: textBlob(
      Array.from(
        { length: count },
        (_, i) => `${classes[codes[i]]}/${classes[codes[i]]}_${String(i).padStart(6, "0")}.jpg`,
      ),
      put,
    ),
    backbones: { Xception: "Xception", MobileNetV2: "MobileNetV2, tuned" },
    columns,
    maps,
    opening: null,
    thumbnails: thumbnails ? thumbnailSheets(count, put) : null,
    pictures: false,
    neighbours: {},
    neighboursOnDemand: false,
  };
  if (neighbours)
    scene.neighbours.Xception = nearest(new Float32Array(blobs.get(maps[0].blob)!.slice().buffer), put);
  if (findings) addFindings(scene, findings, put);
  return { scene, blobs };
}

/** A list of findings, and the column that colours by their kinds. */
function addFindings(scene: Scene, findings: Finding[], put: Making["put"]): void {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  const codes = new Uint16Array(scene.count).fill(UNKNOWN);
  for (const finding of findings) for (const i of picturesOf(finding)) codes[i] = kinds.indexOf(finding.kind);
  scene.findings = {
    blob: put("findings", Buffer.from(JSON.stringify(findings))),
    kinds: Object.fromEntries(kinds.map((kind) => [kind, `Pictures with a ${kind}`])),
    elsewhere: { "Files that are no picture": 2 },
  };
  scene.columns.push({
    id: "finding",
    name: "found by the check",
    kind: "category",
    role: "finding",
    categories: kinds,
    blob: put("finding", codes),
    unknown: "nothing found",
  });
  scene.table = {
    path: textBlob(
      Array.from({ length: scene.count }, (_, i) => `../pictures/${i}.jpg`),
      put,
      "table-path",
    ),
  };
}

interface Making {
  backbone: string;
  spread: number;
  seed: number;
  codes: Uint16Array;
  classes: string[];
  columns: Column[];
  maps: SceneMap[];
  put: (name: string, values: ArrayBufferView) => string;
}

function addBackbone({ backbone, spread, seed, codes, classes, columns, maps, put }: Making): void {
  const next = random(seed);
  const gauss = normal(next);
  const predicted = codes.map((code) =>
    next() < 0.04 ? 65535 : next() < 0.08 ? (code + 1) % classes.length : code,
  );
  const confidence = Float32Array.from(predicted, (code, i) =>
    code === 65535 ? NaN : code === codes[i] ? 1 - 0.3 * next() ** 2 : 0.4 + 0.4 * next(),
  );
  const right = predicted.map((code, i) => (code === 65535 ? 65535 : code === codes[i] ? 1 : 0));
  columns.push(
    {
      id: `${backbone} says`,
      role: "prediction",
      shortName: "predicted",
      name: `predicted by ${backbone} (linear probe)`,
      kind: "category",
      categories: classes,
      blob: put(`predicted-${backbone}`, predicted),
      backbone,
    },
    {
      id: `${backbone} hit`,
      role: "correctness",
      name: `right or wrong, ${backbone}`,
      kind: "category",
      categories: ["wrong", "right"],
      blob: put(`right-${backbone}`, right),
      backbone,
    },
    {
      id: `${backbone} sure`,
      role: "confidence",
      shortName: "confidence",
      name: `confidence of ${backbone}`,
      kind: "number",
      range: [0, 1],
      blob: put(`confidence-${backbone}`, confidence),
      backbone,
    },
  );
  for (const [method, dimensions] of [
    ["pca", 3],
    ["tsne", 3],
    ["flat", 2],
  ] as const) {
    const centres = classes.map(() => [gauss() * 3, gauss() * 3, gauss() * 3]);
    const points = new Float32Array(codes.length * dimensions);
    for (let i = 0; i < codes.length; i++) {
      for (let axis = 0; axis < dimensions; axis++)
        points[i * dimensions + axis] = centres[codes[i]][axis] + gauss() * spread * (1 + axis * 0.4);
    }
    const id = `${backbone} ${method} parted`;
    const values = Float32Array.from(codes, () => Math.max(-1, Math.min(1, 0.55 + gauss() * 0.3)));
    columns.push({
      id,
      role: "silhouette",
      shortName: "silhouette",
      name: `silhouette, ${backbone} · ${method}`,
      kind: "number",
      range: [-1, 1],
      blob: put(`silhouette-${backbone}-${method}`, values),
      backbone,
    });
    maps.push({
      id: `${backbone}/pretrained/${method}`,
      backbone,
      method,
      name: `${backbone} · ${{ pca: "PCA", tsne: "t-SNE", flat: "PCA, 2-D" }[method]}`,
      dimensions,
      blob: put(`map-${backbone}-${method}`, points),
      pretrained: backbone === "Xception",
      learned: false,
      facts: "silhouette .517 in this map (test .532), Euclidean; keeps 17% of neighbours",
      silhouetteColumn: id,
    });
  }
}

export function textBlob(
  texts: string[],
  put: (name: string, values: ArrayBufferView) => string,
  name = "paths",
) {
  const parts = texts.map((text) => Buffer.from(text, "utf8"));
  const offsets = new Uint32Array(texts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.length));
  return { bytes: put(`${name}-bytes`, Buffer.concat(parts)), offsets: put(`${name}-offsets`, offsets) };
}

function nearest(points: Float32Array, put: Making["put"]) {
  const n = points.length / 3;
  const indices = new Uint32Array(n * K);
  const distances = new Float32Array(n * K);
  const all = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      all[j] =
        i === j
          ? Infinity
          : Math.hypot(
              points[i * 3] - points[j * 3],
              points[i * 3 + 1] - points[j * 3 + 1],
              points[i * 3 + 2] - points[j * 3 + 2],
            );
    }
    for (let k = 0; k < K; k++) {
      let best = 0;
      for (let j = 1; j < n; j++) if (all[j] < all[best]) best = j;
      indices[i * K + k] = best;
      distances[i * K + k] = all[best];
      all[best] = Infinity;
    }
  }
  return {
    k: K,
    indices: put("neighbours-indices", indices),
    distances: put("neighbours-distances", distances),
    metric: "Euclidean",
  };
}

const SIDE = 32;
const PER_LINE = 32;

/** Thumbnail i is of one colour, which `colourOf` gives: a test can see which picture is drawn. */
export function colourOf(i: number): [number, number, number] {
  return [(i * 37) % 256, (i * 91 + 60) % 256, (i * 151 + 120) % 256];
}

function thumbnailSheets(count: number, put: Making["put"]) {
  const each = PER_LINE * PER_LINE;
  const sheets = Array.from({ length: Math.ceil(count / each) }, (_, sheet) => {
    const rgb = Buffer.alloc(SIDE * PER_LINE * SIDE * PER_LINE * 3);
    for (let cell = 0; cell < each; cell++) {
      const colour = colourOf(sheet * each + cell);
      const [left, top] = [(cell % PER_LINE) * SIDE, Math.floor(cell / PER_LINE) * SIDE];
      for (let p = 0; p < SIDE * SIDE; p++) {
        rgb.set(colour, ((top + Math.floor(p / SIDE)) * SIDE * PER_LINE + left + (p % SIDE)) * 3);
      }
    }
    return put(`sheet-${sheet}`, png(rgb, SIDE * PER_LINE));
  });
  return { size: SIDE, columns: PER_LINE, rows: PER_LINE, sheets };
}

function png(rgb: Buffer, side: number): Buffer {
  const lines = Buffer.alloc(side * (side * 3 + 1));
  for (let y = 0; y < side; y++) rgb.copy(lines, y * (side * 3 + 1) + 1, y * side * 3, (y + 1) * side * 3);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(lines, { level: 1 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function crc32(data: Buffer): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
