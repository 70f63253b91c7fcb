/** What a point looks like, in four bytes shared by all panes: its colour and whether it is shown or selected. */

import { BufferAttribute, DynamicDrawUsage } from "three";
import { FILTERED, SELECTED, SHOWN } from "./points";

const PLAIN = 0xb8854f; // a calm blue, where nothing colours the points

export class Shading {
  readonly attribute: BufferAttribute;
  private readonly words: Uint32Array;

  constructor(count: number) {
    const bytes = new Uint8Array(count * 4);
    this.words = new Uint32Array(bytes.buffer);
    this.attribute = new BufferAttribute(bytes, 4, true);
    this.attribute.setUsage(DynamicDrawUsage);
    this.update(null, null, new Uint32Array(0));
  }

  update(colours: Uint32Array | null, shown: Uint8Array | null, selection: Uint32Array): void {
    const { words } = this;
    for (let i = 0; i < words.length; i++) {
      const state = !shown || shown[i] ? SHOWN : FILTERED;
      words[i] = (colours ? colours[i] : PLAIN) | (state << 24);
    }
    for (let k = 0; k < selection.length; k++) {
      const i = selection[k];
      if (!shown || shown[i]) words[i] = (words[i] & 0xffffff) | (SELECTED << 24);
    }
    this.attribute.needsUpdate = true;
  }

  /** The colour of a point, for the page. */
  colour(i: number): string {
    const word = this.words[i];
    return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
  }
}
