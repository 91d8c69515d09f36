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
const longestTimer = 30_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  at(instant, wake) {
    // The two clocks differ by fractions of a millisecond; only a second's difference means that one was set.
    const latest = performance.now() + instant - Date.now() + 1000;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = Math.min(instant - Date.now(), latest - performance.now());
      timer = left <= 0 ? setTimeout(wake, 0) : setTimeout(arm, Math.min(left, longestTimer));
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
