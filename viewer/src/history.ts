/** What was chosen, step by step, to go back and forth in. */

import type { Context } from "./context";
import type { State } from "./state";
import type { Store } from "./store";

/** What a step back restores: choices, not where one looks from. */
const KEPT = ["maps", "colour", "filters", "selection", "decisions"] as const;
/** Changes that follow each other sooner are one step: a range that is dragged is many changes. */
const ONE_STEP_MS = 400;
const STEPS = 200;

/** The finding that was looked at comes back with the choice. */
type Choice = Pick<State, (typeof KEPT)[number] | "finding">;

export class History {
  private readonly before: Choice[] = [];
  private readonly after: Choice[] = [];
  private last = -Infinity;
  private stepping = false;

  constructor(
    private readonly store: Store<State>,
    private readonly now: () => number = () => performance.now(),
  ) {
    store.on(KEPT, (state, before) => this.note(before, state.decisions !== before.decisions));
  }

  get canUndo(): boolean {
    return this.before.length > 0;
  }

  /** Go back a step; false where there is none. */
  undo(): boolean {
    return this.step(this.before, this.after);
  }

  /** Go forth again; false where there is nothing to. */
  redo(): boolean {
    return this.step(this.after, this.before);
  }

  /** Choose again what is drawn, without a step: nothing may stand under the name of what did not come. */
  takeBack(drawn: Partial<Choice>): void {
    this.stepping = true;
    this.store.set(drawn);
    this.stepping = false;
  }

  private note(before: State, decided: boolean): void {
    if (this.stepping) return;
    const now = this.now();
    // Each decision is a step of its own, however fast they come.
    if (decided || now - this.last > ONE_STEP_MS || this.before.length === 0)
      this.before.push(choiceOf(before));
    if (this.before.length > STEPS) this.before.shift();
    this.after.length = 0;
    this.last = decided ? -Infinity : now;
  }

  private step(from: Choice[], to: Choice[]): boolean {
    const choice = from.pop();
    if (!choice) return false;
    to.push(choiceOf(this.store.state));
    this.takeBack(choice);
    this.last = -Infinity;
    return true;
  }
}

function choiceOf({ maps, colour, filters, selection, decisions, finding }: State): Choice {
  return { maps, colour, filters, selection, decisions, finding };
}

/** Ctrl-Z and Ctrl-Shift-Z or Ctrl-Y; with Command on a Mac. False where the key is another. */
export function stepInHistory(
  { history, announce }: Context,
  { key, shiftKey }: { key: string; shiftKey: boolean },
): boolean {
  const letter = key.toLowerCase();
  if (letter !== "z" && letter !== "y") return false;
  const back = letter === "z" && !shiftKey;
  const stepped = back ? history.undo() : history.redo();
  announce(stepped ? (back ? "Undone" : "Done again") : back ? "Nothing to undo" : "Nothing to do again");
  return true;
}
