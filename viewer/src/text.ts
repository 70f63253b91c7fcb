/** Many strings in one array of bytes: a million file names without a million objects. */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class Text {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly offsets: Uint32Array,
  ) {}

  get length(): number {
    return this.offsets.length - 1;
  }

  at(i: number): string {
    return decoder.decode(this.bytes.subarray(this.offsets[i], this.offsets[i + 1]));
  }

  /** Which strings contain `part`. Upper and lower case of A to Z are the same. */
  search(part: string): number[] {
    const needle = encoder.encode(part).map(lower);
    const found: number[] = [];
    if (needle.length === 0) return found;
    for (let i = 0; i < this.length; i++) {
      if (this.contains(this.offsets[i], this.offsets[i + 1] - needle.length, needle)) found.push(i);
    }
    return found;
  }

  private contains(start: number, last: number, needle: Uint8Array): boolean {
    const { bytes } = this;
    const first = needle[0];
    for (let at = start; at <= last; at++) {
      if (lower(bytes[at]) !== first) continue;
      let j = 1;
      while (j < needle.length && lower(bytes[at + j]) === needle[j]) j++;
      if (j === needle.length) return true;
    }
    return false;
  }
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}
