/**
 * How many full synchronisations run at a time. Each makes its parent fork, and fills its output buffers while the snapshot travels: a
 * master that gives fifty at once may run out of memory, or cut all of them off and begin anew. Partial ones are free.
 */
import {addressText} from '../topology/types.js';
import type {Step} from './plan.js';

/** In all, so many times as many as one parent may give: the machine that they share has a limit too. */
const PARENTS_AT_ONCE = 4;

export class SyncSlots {
  readonly #perParent: number;
  readonly #active = new Map<string, number>();
  #total = 0;
  #waiting: (() => void)[] = [];

  constructor(perParent: number) {
    this.#perParent = perParent;
  }

  /** Runs `work` as soon as there is room for the synchronisation of this step; at once, when it needs none. */
  async hold<T>(step: Step, work: () => Promise<T>): Promise<T> {
    if (step.do !== 'replicate-from' || step.resync === 'partial') return work();
    const parent = addressText(step.parent.address);
    while (!this.#hasRoom(parent)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#count(parent, 1);
    try {
      return await work();
    } finally {
      this.#count(parent, -1);
      const woken = this.#waiting;
      this.#waiting = [];
      for (const wake of woken) wake();
    }
  }

  #hasRoom(parent: string): boolean {
    return (this.#active.get(parent) ?? 0) < this.#perParent && this.#total < this.#perParent * PARENTS_AT_ONCE;
  }

  #count(parent: string, by: number): void {
    this.#active.set(parent, (this.#active.get(parent) ?? 0) + by);
    this.#total += by;
  }
}
