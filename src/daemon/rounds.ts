import type { Clock } from '../clock.ts';
import type { BotState } from '../ledger/state.ts';

/** A flock so large that something is always due has a round a minute. Milliseconds. */
const longest = 60_000;

/** The daemon's rounds: each lasts until what was due is worked off. */
export class Rounds {
  readonly #clock: Clock;
  readonly #ended: ((failed: boolean) => void) | undefined;
  /** When the round that runs began, by the clock that nobody sets. */
  #began: number | undefined;
  #failed = false;

  /** @param ended - told of the end of each round, and whether something in it went wrong */
  constructor(clock: Clock, ended?: (failed: boolean) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** A step has ended. */
  add(failed: boolean): void {
    this.#began ??= this.#clock.elapsed();
    this.#failed ||= failed;
  }

  /**
   * Ends the round where it is over.
   *
   * @param isOver - nothing is under way or due
   * @param overdue - for how long something is overdue, in milliseconds
   */
  look(isOver: boolean, overdue: number): void {
    if (this.#began === undefined) return;
    const isLong = this.#clock.elapsed() - this.#began >= longest && overdue < longest;
    if (!isOver && !isLong) return;
    const failed = this.#failed;
    this.#began = undefined;
    this.#failed = false;
    this.#ended?.(failed);
  }
}

/** Why a post may be owed though nothing is wrong: a person asked for it, it is posted again, or it is a refrain. */
const harmless = new Set(['asked', 'absent', 'duplicate']);

/** Whether a step left its bot in trouble: in doubt, parked by it, or refused what it was to post. Pure. */
export function isInTrouble(before: BotState | undefined, after: BotState | undefined): boolean {
  if (!after) return false;
  if (after.open) return true;
  if (after.parked && !before?.parked) return true;
  const { owed } = after;
  if (!owed || harmless.has(owed.why)) return false;
  return owed.why !== before?.owed?.why || owed.times > before.owed.times;
}
