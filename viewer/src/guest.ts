/** A picture from outside of the study that was dropped on the page. Nothing of it leaves this machine. */

import type { AlignedMaps } from "./alignment";
import type { Dataset } from "./dataset";
import type { Told } from "./source";

export interface Guest {
  readonly file: File;
  /** To show it by. */
  readonly address: string;
  readonly image: HTMLImageElement;
  /** What each backbone says of it; a text: why it says nothing. */
  readonly told: Readonly<Partial<Record<string, Told | string>>>;
}

/** A guest that nothing is known of yet. */
export function arrive(file: File): Guest {
  const address = URL.createObjectURL(file);
  const image = new Image();
  image.src = address;
  return { file, address, image, told: {} };
}

export function leave(guest: Guest): void {
  URL.revokeObjectURL(guest.address);
}

/** The guest, with what the backbone of a map says of it; asked once a backbone. */
export async function asked(guest: Guest, dataset: Dataset, mapId: string): Promise<Guest> {
  const map = dataset.map(mapId);
  if (guest.told[map.backbone] !== undefined) return guest;
  const told = await dataset.ask(map, guest.file).catch((error: unknown) => (error as Error).message);
  return { ...guest, told: { ...guest.told, [map.backbone]: told } };
}

/** What the backbone of a map says of a guest, if it said something. */
export function toldOf(guest: Guest | null, dataset: Dataset, mapId: string): Told | null {
  const told = guest?.told[dataset.map(mapId).backbone];
  return told && typeof told !== "string" ? told : null;
}

/** Where a guest lies in each pane; null: nowhere. */
export function placesOfGuest(
  guest: Guest | null,
  dataset: Dataset,
  maps: AlignedMaps,
  ids: readonly string[],
): Promise<(Float32Array | null)[]> {
  return Promise.all(
    ids.map((id, k) => {
      const place = toldOf(guest, dataset, id)?.places[id];
      return place ? maps.place(ids, k, place) : Promise.resolve(null);
    }),
  );
}
