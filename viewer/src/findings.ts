/** What a check found: each finding of a picture or of two, and whether it is decided. */

import { type Decision, type Decisions, decisionText, withDecision } from "./decisions";

export interface Finding {
  kind: string;
  picture: number;
  /** The other picture of a pair. */
  other?: number;
  reason: string;
  /** What to do about it. */
  action?: string;
  /** Another label for the picture. */
  suggested?: string;
}

export function picturesOf({ picture, other }: Finding): number[] {
  return other === undefined ? [picture] : [picture, other];
}

/** A finding is settled when something was decided of each of its pictures, or one of them was dropped. */
export function isDecided(finding: Finding, decisions: Decisions): boolean {
  const found = picturesOf(finding).map((i) => decisions.get(i));
  return found.includes("drop") || found.every((decision) => decision !== undefined);
}

export function countDecided(findings: readonly Finding[], decisions: Decisions): number {
  return findings.reduce((sum, finding) => sum + (isDecided(finding, decisions) ? 1 : 0), 0);
}

/** Decide on some of a finding's pictures; what was decided so before is taken back. */
export function decideOn(
  before: Decisions,
  finding: Finding,
  pictures: readonly number[],
  decision: Decision,
): { decisions: Decisions; takenBack: boolean } {
  const takenBack = pictures.every((i) => decisionText(before.get(i)) === decisionText(decision));
  if (takenBack) return { decisions: withDecision(before, pictures, null), takenBack };
  const decisions = withDecision(before, pictures, decision);
  // Who moves one of a pair has looked at the other.
  const rest = decision === "drop" ? [] : picturesOf(finding).filter((i) => !decisions.has(i));
  return { decisions: withDecision(decisions, rest, "keep"), takenBack };
}

/** The class that a picture might belong to; "" where none is proposed. */
export function proposedFor(finding: Finding, picture: number, labelOf: (i: number) => string): string {
  if (picture === finding.picture && finding.suggested) return finding.suggested;
  if (finding.kind !== "two labels") return "";
  const partner = picturesOf(finding).find((i) => i !== picture);
  const theirs = partner === undefined ? "" : labelOf(partner);
  return theirs === labelOf(picture) ? "" : theirs;
}

/** The next place in a list of findings that is not decided, around its end; the same where all are. */
export function nextUndecided(
  findings: readonly Finding[],
  order: readonly number[],
  at: number,
  decisions: Decisions,
): number {
  const here = order.indexOf(at);
  for (let step = 1; step <= order.length; step++) {
    const next = order[(here + step + order.length) % order.length];
    if (!isDecided(findings[next], decisions)) return next;
  }
  return at;
}
