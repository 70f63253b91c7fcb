/** Coordinates of any size and place, brought to where float32 is at its best. */

/**
 * Centre points and scale them to a root-mean-square radius of 1, in float64.
 *
 * A map that lies far from 0 would lose its detail on the graphics card, which computes in float32.
 * Values that are not finite go to the centre. Points of 2 dimensions get a third, 0.
 */
export function normalise(values: Float32Array, dimensions: 2 | 3): Float32Array {
  return within(frameOf(values, dimensions), values, dimensions);
}

/** What points are centred and scaled by. */
export interface Frame {
  centre: readonly number[];
  scale: number;
}

/** The frame in which points have their centre at 0 and a root-mean-square radius of 1. */
export function frameOf(values: ArrayLike<number>, dimensions: 2 | 3): Frame {
  const n = values.length / dimensions;
  const centre = [0, 0, 0];
  let finite = 0;
  for (let i = 0; i < n; i++) {
    if (!isFinitePoint(values, i, dimensions)) continue;
    finite++;
    for (let axis = 0; axis < dimensions; axis++) centre[axis] += values[i * dimensions + axis];
  }
  for (let axis = 0; axis < 3; axis++) centre[axis] /= Math.max(finite, 1);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    if (!isFinitePoint(values, i, dimensions)) continue;
    for (let axis = 0; axis < dimensions; axis++) {
      squares += (values[i * dimensions + axis] - centre[axis]) ** 2;
    }
  }
  return { centre, scale: squares > 0 ? Math.sqrt(finite / squares) : 1 };
}

/** Points of a map in its frame, or in that of the map they belong to. */
export function within({ centre, scale }: Frame, values: ArrayLike<number>, dimensions: 2 | 3): Float32Array {
  const n = values.length / dimensions;
  const points = new Float32Array(n * 3);
  for (let i = 0; i < n; i++) {
    if (!isFinitePoint(values, i, dimensions)) continue;
    for (let axis = 0; axis < dimensions; axis++) {
      points[i * 3 + axis] = (values[i * dimensions + axis] - centre[axis]) * scale;
    }
  }
  return points;
}

function isFinitePoint(values: ArrayLike<number>, i: number, dimensions: number): boolean {
  for (let axis = 0; axis < dimensions; axis++) {
    if (!Number.isFinite(values[i * dimensions + axis])) return false;
  }
  return true;
}
