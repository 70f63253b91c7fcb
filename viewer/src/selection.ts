/** Sets of pictures as rising lists of indices. */

export function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  return Uint32Array.from(new Set([...a, ...b])).sort();
}

export function difference(a: Uint32Array, b: Uint32Array): Uint32Array {
  const taken = new Set(b);
  return a.filter((i) => !taken.has(i));
}

/** The indices of shown points for which `wanted` holds. */
export function where(shown: Uint8Array, wanted: (i: number) => boolean): Uint32Array {
  const found = new Uint32Array(shown.length);
  let count = 0;
  for (let i = 0; i < shown.length; i++) if (shown[i] && wanted(i)) found[count++] = i;
  return found.slice(0, count);
}
