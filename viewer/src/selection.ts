/** Sets of pictures as rising lists of indices. */

export function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  const joined = new Uint32Array(a.length + b.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const next = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    joined[count++] = next;
    if (a[i] === next) i++;
    if (b[j] === next) j++;
  }
  return joined.slice(0, count);
}

export function difference(a: Uint32Array, b: Uint32Array): Uint32Array {
  let j = 0;
  return a.filter((i) => {
    while (b[j] < i) j++;
    return b[j] !== i;
  });
}

/** The indices of shown points for which `wanted` holds. */
export function where(shown: Uint8Array, wanted: (i: number) => boolean): Uint32Array {
  const found = new Uint32Array(shown.length);
  let count = 0;
  for (let i = 0; i < shown.length; i++) if (shown[i] && wanted(i)) found[count++] = i;
  return found.slice(0, count);
}
