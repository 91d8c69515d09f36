/** X's limits; null lifts one. */
export interface Limits {
  /** POST /2/tweets per account and 15 minutes. */
  posts: number | null;
  /** POST /2/tweets per app and 24 hours. */
  appPostsPerDay: number | null;
  /** POST /2/tweets per account and 24 hours; X holds unverified accounts to 50. */
  accountPostsPerDay: number | null;
  /** GET /2/users/me per account and 15 minutes. */
  me: number | null;
  /** GET /2/users/:id/tweets per account and 15 minutes. */
  timeline: number | null;
  /** DELETE /2/tweets/:id per account and 15 minutes. */
  deletes: number | null;
}

/** The figures of X's pages in November 2026. */
const xLimits: Limits = {
  posts: 100,
  appPostsPerDay: 10_000,
  accountPostsPerDay: null,
  me: 75,
  timeline: 900,
  deletes: 50,
};

const quarter = 15 * 60_000;
const day = 24 * 60 * 60_000;

/** The stem of the headers that report a window, and how long it is. */
const windows: Record<keyof Limits, { header: string; length: number }> = {
  posts: { header: 'x-rate-limit', length: quarter },
  appPostsPerDay: { header: 'x-app-limit-24hour', length: day },
  accountPostsPerDay: { header: 'x-user-limit-24hour', length: day },
  me: { header: 'x-rate-limit', length: quarter },
  timeline: { header: 'x-rate-limit', length: quarter },
  deletes: { header: 'x-rate-limit', length: quarter },
};

interface Window {
  opened: number;
  used: number;
}

/** One limit and whom it counts: an account's id or an app's token. */
export type Counted = [limit: keyof Limits, whom: string];

/** Counts requests in fixed windows, each opened by the first request in it, as X does. */
export class RateLimits {
  readonly #limits: Limits;
  readonly #windows = new Map<string, Window>();

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...xLimits, ...limits };
  }

  /**
   * Takes one request from every window, or from none when one of them is used up.
   *
   * @returns whether the request may pass, and the headers X would send with either answer
   */
  take(counted: Counted[], now: number): { passed: boolean; headers: Record<string, string> } {
    const states = counted.flatMap(([limit, whom]) => this.#look(limit, whom, now));
    const passed = states.every(({ window, most }) => window.used < most);
    const headers: Record<string, string> = {};
    for (const { limit, window, most } of states) {
      if (passed) window.used += 1;
      const { header, length } = windows[limit];
      headers[`${header}-limit`] = String(most);
      headers[`${header}-remaining`] = String(Math.max(0, most - window.used));
      headers[`${header}-reset`] = String(Math.ceil((window.opened + length) / 1000));
    }
    return { passed, headers };
  }

  #look(
    limit: keyof Limits,
    whom: string,
    now: number,
  ): { limit: keyof Limits; window: Window; most: number }[] {
    const most = this.#limits[limit];
    if (most === null) return [];
    const key = `${limit} ${whom}`;
    const known = this.#windows.get(key);
    const open = known && now >= known.opened && now < known.opened + windows[limit].length;
    const window = open ? known : { opened: now, used: 0 };
    this.#windows.set(key, window);
    return [{ limit, window, most }];
  }
}
