/** Which map is turned to lie on which, so that two maps can be compared by eye. */

import type { Dataset } from "./dataset";
import { align, type Alignment, procrustes } from "./procrustes";
import type { SceneMap } from "./scene";

interface Turned {
  points: Float32Array;
  /** What turned them; null: nothing. */
  by: Alignment | null;
}

export class AlignedMaps {
  private readonly cache = new Map<string, Turned>();

  constructor(private readonly dataset: Dataset) {}

  /**
   * Points of the maps shown. The first pane's lies on the scene's first map, the second's on the
   * first pane's: what one sees depends on what is shown, never on what was shown before.
   */
  async points(ids: readonly string[]): Promise<Float32Array[]> {
    return (await this.turned(ids)).map(({ points }) => points);
  }

  /** Where another point of one of the maps shown lies: that of pane k. */
  async place(ids: readonly string[], k: number, coordinates: readonly number[]): Promise<Float32Array> {
    const { by } = (await this.turned(ids))[k];
    const point = await this.dataset.placed(this.dataset.map(ids[k]), coordinates);
    return by ? align(point, by) : point;
  }

  private async turned(ids: readonly string[]): Promise<Turned[]> {
    const [first, second] = ids.map((id) => this.dataset.map(id));
    const reference = this.dataset.scene.maps[0];
    const fixed = { points: await this.dataset.points(reference), by: null };
    const left = await this.on(first, reference, fixed, reference.id);
    if (!second) return [left];
    return [left, await this.on(second, first, left, `${first.id} on ${reference.id}`)];
  }

  private async on(map: SceneMap, other: SceneMap, fixed: Turned, name: string): Promise<Turned> {
    if (map.id === other.id) return fixed;
    const moving = await this.dataset.points(map);
    const key = `${map.id} on ${name}`;
    let turned = this.cache.get(key);
    if (!turned) {
      // A flat map is turned within its plane, or it would not be flat to the eye.
      const by = procrustes(moving, fixed.points, map.dimensions === 2);
      turned = { points: align(moving, by), by };
      this.cache.set(key, turned);
    }
    return turned;
  }
}
