import type { Clock } from '../clock.ts';

/** How a poem's file stands: for how long it has read alike, and how old it was when it was read. Milliseconds. */
export interface Stillness {
  alike: number;
  /** Infinity where nobody can tell, or where it was not written lately. */
  age: number;
}

/**
 * How long poems have stood still, so that nothing is posted from a file that is being written: an upload, an editor and
 * rsync write a file piece by piece. Counted on the clock that nobody sets, from when this process first read the file so.
 */
export class PoemWatch {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { text: string; modified: number | undefined; since: number }>();
  readonly #unread = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param text - what tells two readings apart
   * @param modified - when the file was written last, by its own time stamp, where it has one
   */
  look(file: string, text: string, modified: number | undefined): Stillness {
    this.#unread.delete(file);
    const now = this.#clock.elapsed();
    const known = this.#seen.get(file);
    const isAlike = known?.text === text && known.modified === modified;
    const since = isAlike ? known.since : now;
    if (!isAlike) this.#seen.set(file, { text, modified, since });
    const age = modified === undefined ? Infinity : this.#clock.now() - modified;
    // A file from the future says nothing of its age: one of the two clocks is wrong.
    return { alike: now - since, age: age < 0 ? 0 : age };
  }

  /** Forgets a file that reads as it is known. */
  forget(file: string): void {
    if (this.#seen.size > 0) this.#seen.delete(file);
  }

  /** For how long a file could not be read as a poem, this time included. */
  unread(file: string): number {
    const now = this.#clock.elapsed();
    const since = this.#unread.get(file) ?? now;
    this.#unread.set(file, since);
    return now - since;
  }
}
