/** Which map is turned to lie on which, so that two maps can be compared by eye. */

import type { Dataset } from "./dataset";
import { align, procrustes } from "./procrustes";
import type { SceneMap } from "./scene";

export class AlignedMaps {
  private readonly cache = new Map<string, Float32Array>();

  constructor(private readonly dataset: Dataset) {}

  /**
   * Points of the maps shown. The first pane's lies on the scene's first map, the second's on the
   * first pane's: what one sees depends on what is shown, never on what was shown before.
   */
  async points(ids: readonly string[]): Promise<Float32Array[]> {
    const [first, second] = ids.map((id) => this.dataset.map(id));
    const reference = this.dataset.scene.maps[0];
    const left = await this.on(first, reference, () => this.dataset.points(reference), reference.id);
    if (!second) return [left];
    return [
      left,
      await this.on(second, first, () => Promise.resolve(left), `${first.id} on ${reference.id}`),
    ];
  }

  private async on(
    map: SceneMap,
    other: SceneMap,
    fixed: () => Promise<Float32Array>,
    name: string,
  ): Promise<Float32Array> {
    const moving = await this.dataset.points(map);
    if (map.id === other.id) return fixed();
    const key = `${map.id} on ${name}`;
    let points = this.cache.get(key);
    if (!points) {
      // A flat map is turned within its plane, or it would not be flat to the eye.
      points = align(moving, procrustes(moving, await fixed(), map.dimensions === 2));
      this.cache.set(key, points);
    }
    return points;
  }
}
