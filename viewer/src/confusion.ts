/** The confusion matrix: how many pictures of each class were predicted as each. */

export interface Confusion {
  classes: number;
  /** Row the true class, column the predicted one. */
  counts: Uint32Array;
  total: number;
  right: number;
}

/** `toClass`: the class of each category of the predictions, as both lists name them; -1: none. */
export function confusionOf(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  toClass: readonly number[],
  classes: number,
  shown: Uint8Array,
): Confusion {
  const counts = new Uint32Array(classes * classes);
  let total = 0;
  let right = 0;
  for (let i = 0; i < truth.length; i++) {
    const guess = toClass[predicted[i]] ?? -1;
    if (!shown[i] || truth[i] >= classes || guess < 0) continue;
    counts[truth[i] * classes + guess]++;
    total++;
    if (guess === truth[i]) right++;
  }
  return { classes, counts, total, right };
}

/** The pairs of classes that are mistaken, most often first. */
export function mistakes({ classes, counts }: Confusion): { truth: number; guess: number; count: number }[] {
  const pairs = [];
  for (let truth = 0; truth < classes; truth++) {
    for (let guess = 0; guess < classes; guess++) {
      const count = counts[truth * classes + guess];
      if (truth !== guess && count > 0) pairs.push({ truth, guess, count });
    }
  }
  return pairs.sort((a, b) => b.count - a.count);
}
