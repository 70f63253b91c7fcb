/** What was decided of pictures: kept as they are, moved to a class, or dropped. A table is made of it. */

import type { Dataset } from "./dataset";
import type { State } from "./state";
import type { Store } from "./store";

/** A text: the class that a picture is moved to. */
export type Decision = "keep" | "drop" | { to: string };

/** By picture. */
export type Decisions = ReadonlyMap<number, Decision>;

/** Rows of pictures by what was decided of each: what is sent and kept. */
export interface DecisionLists {
  kept: number[];
  labelled: Record<string, number[]>;
  aside: number[];
  undecided: number[];
}

export interface Counts {
  kept: number;
  labelled: number;
  aside: number;
}

/** What became of the table: where it is and what it holds, or why it could not be written. */
export type Written = (Counts & { path: string }) | { problem: string };

/** The same decisions, but for some pictures; null: nothing is decided of them any more. */
export function withDecision(
  decisions: Decisions,
  pictures: ArrayLike<number>,
  decision: Decision | null,
): Decisions {
  const next = new Map(decisions);
  for (let k = 0; k < pictures.length; k++) {
    if (decision === null) next.delete(pictures[k]);
    else next.set(pictures[k], decision);
  }
  return next;
}

export function fromLists({ kept, labelled, aside }: DecisionLists): Decisions {
  const decisions = new Map<number, Decision>();
  kept.forEach((i) => decisions.set(i, "keep"));
  aside.forEach((i) => decisions.set(i, "drop"));
  for (const [to, pictures] of Object.entries(labelled)) pictures.forEach((i) => decisions.set(i, { to }));
  return decisions;
}

/** What must be told to who knows some decisions, so that they know others; null: nothing. */
export function changes(known: Decisions, now: Decisions): DecisionLists | null {
  const lists: DecisionLists = { kept: [], labelled: {}, aside: [], undecided: [] };
  let any = false;
  for (const i of new Set([...known.keys(), ...now.keys()])) {
    const decision = now.get(i);
    if (same(known.get(i), decision)) continue;
    any = true;
    if (decision === undefined) lists.undecided.push(i);
    else if (decision === "keep") lists.kept.push(i);
    else if (decision === "drop") lists.aside.push(i);
    else (lists.labelled[decision.to] ??= []).push(i);
  }
  return any ? lists : null;
}

function same(a: Decision | undefined, b: Decision | undefined): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && a.to === b.to);
}

export function countsOf(decisions: Decisions): Counts {
  const counts = { kept: 0, labelled: 0, aside: 0 };
  for (const decision of decisions.values()) {
    counts[decision === "keep" ? "kept" : decision === "drop" ? "aside" : "labelled"]++;
  }
  return counts;
}

/** In a word or two, for who looks at a list. */
export function decisionText(decision: Decision | undefined): string {
  if (decision === undefined) return "";
  return decision === "keep" ? "kept" : decision === "drop" ? "dropped" : `→ ${decision.to}`;
}

/** Sends decisions to where they are written, one request at a time, each with all that is new. */
export class DecisionWriter {
  private known: Decisions;
  private busy = false;

  constructor(
    private readonly store: Store<State>,
    private readonly dataset: Dataset,
  ) {
    this.known = store.state.decisions;
    store.on(["decisions"], () => void this.send());
  }

  private async send(): Promise<void> {
    const { decisions } = this.store.state;
    const lists = changes(this.known, decisions);
    if (this.busy || !lists) return;
    this.busy = true;
    try {
      const written = await this.dataset.decide(lists);
      this.known = decisions;
      this.store.set({ written });
    } catch (error) {
      this.store.set({ written: { problem: (error as Error).message } });
      return;
    } finally {
      this.busy = false;
    }
    if (this.store.state.decisions !== decisions) void this.send();
  }
}
