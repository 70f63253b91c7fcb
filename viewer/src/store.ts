/** Holds one state; tells who listens which of its parts changed. */

type Listener<S> = (state: S, before: S) => void;

export class Store<S extends object> {
  private readonly listeners: { keys: readonly (keyof S)[]; listener: Listener<S> }[] = [];

  constructor(private current: S) {}

  get state(): S {
    return this.current;
  }

  set(change: Partial<S>): void {
    const before = this.current;
    const changed = (Object.keys(change) as (keyof S)[]).filter((key) => change[key] !== before[key]);
    if (changed.length === 0) return;
    this.current = { ...before, ...change };
    for (const { keys, listener } of [...this.listeners]) {
      if (keys.some((key) => changed.includes(key))) listener(this.current, before);
    }
  }

  /** Call `listener` after any of these parts changes. */
  on(keys: readonly (keyof S)[], listener: Listener<S>): void {
    this.listeners.push({ keys, listener });
  }
}
