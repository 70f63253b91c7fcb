/** What is decided on the page of a check, and the way back. */

import type { Decision, Decisions } from "../decisions";
import { countDecided, decideOn, type Finding } from "../findings";

export class Deciding {
  readonly findings: Finding[] = [];
  private readonly before: Decisions[] = [];
  private readonly listeners: (() => void)[] = [];
  private lastSaved: Decisions | null = null;

  constructor(private current: Decisions) {}

  get decisions(): Decisions {
    return this.current;
  }

  get decided(): number {
    return countDecided(this.findings, this.current);
  }

  get canUndo(): boolean {
    return this.before.length > 0;
  }

  /** Whether the table was saved since the last decision. */
  get saved(): boolean {
    return this.lastSaved === this.current;
  }

  decide(finding: Finding, pictures: readonly number[], decision: Decision): void {
    this.before.push(this.current);
    this.become(decideOn(this.current, finding, pictures, decision).decisions);
  }

  undo(): void {
    const earlier = this.before.pop();
    if (earlier) this.become(earlier);
  }

  noteSaved(): void {
    this.lastSaved = this.current;
    this.tell();
  }

  on(listener: () => void): void {
    this.listeners.push(listener);
  }

  private become(decisions: Decisions): void {
    this.current = decisions;
    this.tell();
  }

  private tell(): void {
    this.listeners.forEach((listener) => listener());
  }
}
