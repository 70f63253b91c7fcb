/** Points from back to front, so that half-transparent discs cover each other as they should. */

/** Above so many points the depth buffer must do; sorting each frame would cost too much. */
export const SORTED_AT_MOST = 100_000;

const STEPS = 4096;

/**
 * Write the indices of points into `order`, farthest first and filtered ones (state 0) before all
 * others, by a counting sort on depth in 4,096 steps. `towards` points to the eye.
 */
export class DepthOrder {
  private readonly keys: Uint16Array;
  private readonly counts = new Uint32Array(2 * STEPS + 1);

  constructor(private readonly count: number) {
    this.keys = new Uint16Array(count);
  }

  sort(
    order: Uint32Array,
    from: Float32Array,
    to: Float32Array,
    share: number,
    towards: readonly [number, number, number],
    shown: Uint8Array,
  ): void {
    const { keys, counts, count } = this;
    const [x, y, z] = towards;
    const still = share === 0 || from === to;
    const depth = new Float32Array(count);
    let least = Infinity;
    let largest = -Infinity;
    for (let i = 0, p = 0; i < count; i++, p += 3) {
      let d = from[p] * x + from[p + 1] * y + from[p + 2] * z;
      if (!still) d += (to[p] * x + to[p + 1] * y + to[p + 2] * z - d) * share;
      depth[i] = d;
      if (d < least) least = d;
      if (d > largest) largest = d;
    }
    const scale = largest > least ? (STEPS - 1) / (largest - least) : 0;
    counts.fill(0);
    for (let i = 0; i < count; i++) {
      keys[i] = ((depth[i] - least) * scale) | 0;
      if (shown[i] !== 0) keys[i] += STEPS;
      counts[keys[i] + 1]++;
    }
    for (let k = 1; k < counts.length; k++) counts[k] += counts[k - 1];
    for (let i = 0; i < count; i++) order[counts[keys[i]]++] = i;
  }
}
