/** The silhouette plot: a blade a class, its points from the best placed to the worst. */

export interface Blade {
  code: number;
  /** Ranks from `start` up to `end` are this class's. */
  start: number;
  end: number;
  mean: number;
}

export interface Knife {
  /** The point at each rank. */
  order: Uint32Array;
  blades: Blade[];
  mean: number;
  least: number;
}

/** Shown points whose silhouette is known, by class, then from high to low. */
export function knifeOf(
  values: ArrayLike<number>,
  codes: ArrayLike<number>,
  classes: number,
  shown: Uint8Array,
): Knife {
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (let i = 0; i < values.length; i++) {
    if (shown[i] && codes[i] < classes && !Number.isNaN(values[i])) members[codes[i]].push(i);
  }
  const order = new Uint32Array(members.reduce((sum, list) => sum + list.length, 0));
  const blades: Blade[] = [];
  let at = 0;
  let total = 0;
  let least = 0;
  members.forEach((list, code) => {
    if (list.length === 0) return;
    list.sort((a, b) => values[b] - values[a]);
    order.set(list, at);
    const sum = list.reduce((before, i) => before + values[i], 0);
    blades.push({ code, start: at, end: at + list.length, mean: sum / list.length });
    at += list.length;
    total += sum;
    least = Math.min(least, values[list[list.length - 1]]);
  });
  return { order, blades, mean: order.length > 0 ? total / order.length : NaN, least };
}

/** Where the blades lie: each as high as its class is large, but never lower than `lowest` pixels. */
export class KnifeLayout {
  readonly height: number;
  private readonly tops: number[] = [];
  private readonly heights: number[] = [];

  constructor(
    readonly knife: Knife,
    available: number,
    readonly gap = 5,
    lowest = 17,
  ) {
    const { blades, order } = knife;
    const room = Math.max(available - gap * blades.length, lowest * blades.length);
    let top = 0;
    for (const { start, end } of blades) {
      const share = (end - start) / Math.max(1, order.length);
      const height = Math.max(lowest, Math.round(share * (room - lowest * blades.length)) + lowest);
      this.tops.push(top);
      this.heights.push(height);
      top += height + gap;
    }
    this.height = top;
  }

  span(blade: number): { top: number; height: number } {
    return { top: this.tops[blade], height: this.heights[blade] };
  }

  /** The rank at a height, as a number of ranks above it. Between blades: the end of the one above. */
  rankAt(y: number): number {
    const { blades, order } = this.knife;
    for (let k = 0; k < blades.length; k++) {
      if (y < this.tops[k]) return blades[k].start;
      if (y >= this.tops[k] + this.heights[k]) continue;
      const { start, end } = blades[k];
      return start + ((y - this.tops[k]) / this.heights[k]) * (end - start);
    }
    return order.length;
  }

  /** Points whose ranks lie, wholly or in part, between two heights. */
  between(from: number, to: number): Uint32Array {
    const first = Math.floor(this.rankAt(Math.min(from, to)));
    const last = Math.ceil(this.rankAt(Math.max(from, to)));
    return this.knife.order.slice(first, last).sort();
  }
}
