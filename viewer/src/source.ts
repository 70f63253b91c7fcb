/** Where a scene comes from: a page that carries it, a server, or a notebook. */

import type { Counts, DecisionLists } from "./decisions";
import { checkScene, type Scene } from "./scene";

export interface NearestPictures {
  indices: ArrayLike<number>;
  distances: ArrayLike<number>;
}

/** What is known of a picture from outside. */
export interface Told {
  /** What a classifier says of it, a name and a value a line. */
  answers: [string, string][];
  /** What to be warned of; empty where there is nothing. */
  warning: string;
  /** Coordinates by the id of the map. */
  places: Partial<Record<string, [number, number, number]>>;
  indices: number[];
  distances: number[];
}

export interface Source {
  scene(): Promise<Scene>;
  blob(name: string): Promise<ArrayBuffer>;
  /** The address of a picture itself, where the source can give it. */
  picture?(i: number): string;
  neighbours?(backbone: string, i: number, k: number): Promise<NearestPictures>;
  /** Ask of a picture from outside. */
  drop?(backbone: string, file: Blob): Promise<Told>;
  /** Write what was decided of pictures into a table. */
  decide?(decisions: DecisionLists): Promise<Counts & { path: string }>;
}

/** A page with the scene inside: JSON, and each blob as the base64 of its gzip. */
export function inlineSource(root: ParentNode): Source {
  return {
    scene() {
      const text = root.querySelector("script[data-scene]")?.textContent;
      if (!text) return Promise.reject(new Error("The page holds no scene (script[data-scene])."));
      return Promise.resolve(checkScene(JSON.parse(text)));
    },
    async blob(name) {
      const element = root.querySelector(`script[data-blob="${CSS.escape(name)}"]`);
      if (!element) throw new Error(`The page holds no data "${name}".`);
      return inflate(fromBase64(element.textContent));
    },
  };
}

/** A folder on a server: scene.json, data/NAME, pictures/I, neighbours?... */
export function serverSource(base: string): Source {
  const address = (path: string) => `${base.replace(/\/$/, "")}/${path}`;
  const ask = async (path: string, asked?: RequestInit) => {
    try {
      return await fetch(address(path), asked);
    } catch {
      // The browser's own words are "Failed to fetch".
      throw new Error("the server does not answer. If it was stopped, start embedlens view again.");
    }
  };
  const get = async (path: string) => {
    const response = await ask(path);
    if (!response.ok) throw new Error(`${path}: the server answered ${response.status}.`);
    return response;
  };
  const post = async (path: string, body: BodyInit): Promise<unknown> => {
    const response = await ask(path, { method: "POST", body });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  return {
    scene: async () => checkScene(await (await get("scene.json")).json()),
    blob: async (name) => (await get(`data/${encodeURIComponent(name)}`)).arrayBuffer(),
    picture: (i) => address(`pictures/${i}`),
    async neighbours(backbone, i, k) {
      const query = new URLSearchParams({ backbone, picture: `${i}`, k: `${k}` });
      return (await (await get(`neighbours?${query.toString()}`)).json()) as NearestPictures;
    },
    async drop(backbone, file) {
      const query = new URLSearchParams({ backbone });
      return (await post(`drop?${query.toString()}`, file)) as Told;
    },
    decide: async (decisions) =>
      (await post("decisions", JSON.stringify(decisions))) as Counts & { path: string },
  };
}

/** A scene and its blobs that are here already: the notebook's model. */
export function memorySource(scene: unknown, blobs: Record<string, ArrayBufferView>): Source {
  return {
    scene: () => Promise.resolve(checkScene(scene)),
    blob(name) {
      const view = blobs[name];
      if (!view) return Promise.reject(new Error(`The notebook sent no data "${name}".`));
      // A copy starts at byte 0, so that arrays of any element size can lie on it.
      return Promise.resolve(
        new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).slice().buffer,
      );
    },
  };
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
