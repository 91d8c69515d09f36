/** Where the time comes from: the machine, or a test or rehearsal that holds it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z, as the wall clock shows them. */
  now(): number;
  /** Milliseconds since some instant; nobody can set it, so it only goes forward. */
  elapsed(): number;
  /**
   * Calls `wake` once, when the clock shows `instant` or later, or as much time has passed as it was away: a clock that is
   * set back makes nobody sleep longer. Returns the way to call it off.
   */
  at(instant: number, wake: () => void): () => void;
}

/**
 * The longest one timer is trusted. Waking this often notices a wall clock that was set
 * or a machine that slept, which a single long timer would not.
 */
const maxTimer = 30_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  at(instant, wake) {
    // The two clocks differ by fractions of a millisecond; only a second's difference means that one was set.
    const latest = performance.now() + instant - Date.now() + 1000;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = Math.min(instant - Date.now(), latest - performance.now());
      timer = left <= 0 ? setTimeout(wake, 0) : setTimeout(arm, Math.min(left, maxTimer));
    };
    arm();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves when the clock shows `instant`; rejects with the signal's reason when that comes first. */
export function sleepUntil(clock: Clock, instant: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('interrupted'));
    };
    if (signal?.aborted === true) {
      reject(signal.reason instanceof Error ? signal.reason : new Error('interrupted'));
      return;
    }
    const cancel = clock.at(instant, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

interface Alarm {
  instant: number;
  /** When as much time has passed as it was away, on the clock that nobody can set. */
  latest: number;
  order: number;
  wake: () => void;
}

/** A clock that stands still until it is told to go on: a year can pass in a second, and a test waits for nothing. */
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

  /** The instant of the earliest alarm, or undefined when nothing waits. */
  get nextAlarm(): number | undefined {
    const alarm = this.#earliest();
    return alarm && this.#due(alarm);
  }

  /** Sets the wall clock as a person might, forward or back, and wakes what is due then. */
  set(instant: number): void {
    this.#now = instant;
    this.#wakeDue();
  }

  /** Lets the time run to `instant`, waking each alarm at its own instant and settling promises in between. */
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

  #wakeDue(): void {
    for (const alarm of [...this.#alarms].sort((a, b) => this.#compare(a, b))) {
      if (this.#due(alarm) <= this.#now && this.#alarms.delete(alarm)) alarm.wake();
    }
  }

  /** What the clock will show when an alarm wakes. */
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

/** Gives what was woken the turns of the event loop it needs to reach its next wait. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
