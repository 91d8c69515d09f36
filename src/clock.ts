/** The source of time: the machine's clocks ({@link systemClock}), or a clock that a test or rehearsal advances ({@link HeldClock}). */
export interface Clock {
  /** The wall clock. Milliseconds since 1970-01-01T00:00Z. */
  now(): number;
  /** The monotonic clock: it is never set, so it only goes forward. Milliseconds since an arbitrary instant. */
  elapsed(): number;
  /**
   * Calls `wake` once: when the wall clock shows `instant` or later, or when the time until `instant` has passed on the
   * monotonic clock. So a wall clock that is set back delays no timer.
   *
   * @returns cancels the timer
   */
  at(instant: number, wake: () => void): () => void;
}

/**
 * The longest delay of one Node timer, in milliseconds. {@link systemClock} looks at the wall clock this often, and so notices
 * that it was set or that the machine was suspended; one long timer would not.
 */
const maxTimerDelay = 30_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  at(instant, wake) {
    // The two clocks drift apart by fractions of a millisecond; a difference of a second means that the wall clock was set.
    const latest = performance.now() + instant - Date.now() + 1000;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = Math.min(instant - Date.now(), latest - performance.now());
      timer = left <= 0 ? setTimeout(wake, 0) : setTimeout(arm, Math.min(left, maxTimerDelay));
    };
    arm();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves when the clock shows `instant`; rejects with the signal's reason if the signal aborts first. */
export function sleepUntil(clock: Clock, instant: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('interrupted'));
    };
    const cancel = clock.at(instant, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

interface Alarm {
  instant: number;
  /** The latest time to wake, on the monotonic clock. */
  latest: number;
  order: number;
  wake: () => void;
}

/** A clock that stands still until {@link HeldClock.runUntil} advances it: a year passes in a second. */
export class HeldClock implements Clock {
  #now: number;
  #elapsed = 0;
  #order = 0;
  readonly #alarms = new Set<Alarm>();

  constructor(now: number | string) {
    this.#now = typeof now === 'string' ? Date.parse(now) : now;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  at(instant: number, wake: () => void): () => void {
    const latest = this.#elapsed + instant - this.#now;
    const alarm = { instant, latest, order: this.#order++, wake };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** The instant of the earliest alarm, or undefined when there is none. */
  get nextAlarm(): number | undefined {
    const alarm = this.#earliest();
    return alarm && this.#due(alarm);
  }

  /** Sets the wall clock, forward or back, without advancing the monotonic clock, and wakes the alarms that are then due. */
  set(instant: number): void {
    this.#now = instant;
    for (const alarm of [...this.#alarms].sort((a, b) => this.#compare(a, b)))
      if (this.#due(alarm) <= this.#now && this.#alarms.delete(alarm)) alarm.wake();
  }

  /** Advances both clocks to `instant`, waking each alarm at its own instant and settling promises in between. */
  async runUntil(instant: number): Promise<void> {
    await settle();
    for (let alarm = this.#earliest(); alarm && this.#due(alarm) <= instant; alarm = this.#earliest()) {
      this.#alarms.delete(alarm);
      this.#goTo(this.#due(alarm));
      alarm.wake();
      await settle();
    }
    this.#goTo(instant);
  }

  #goTo(instant: number): void {
    if (instant <= this.#now) return;
    this.#elapsed += instant - this.#now;
    this.#now = instant;
  }

  /** What the wall clock will show when an alarm wakes. */
  #due({ instant, latest }: Alarm): number {
    return Math.min(instant, this.#now + latest - this.#elapsed);
  }

  #compare(a: Alarm, b: Alarm): number {
    return this.#due(a) - this.#due(b) || a.order - b.order;
  }

  #earliest(): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) if (!first || this.#compare(alarm, first) < 0) first = alarm;
    return first;
  }
}

/** Runs one turn of the event loop, in which a woken task reaches its next wait. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
