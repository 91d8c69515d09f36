/** What X allows in any stretch of time, and what it remembers. Durations in milliseconds. */
export const xLimits = {
  /** When these were read. @see docs.x.com, rate limits; help.x.com, X limits, as reported in May 2026 */
  date: '2026-08-22',
  limits: {
    account: { posts: 100, within: 15 * 60_000, whose: 'an account' },
    app: { posts: 10_000, within: 24 * 3_600_000, whose: 'an app, all its accounts together' },
    'unverified-day': { posts: 50, within: 24 * 3_600_000, whose: 'an account without verification' },
    /** X hands the fifty out by the half-hour, and does not tell how many in each: this is their share, rounded up. */
    'unverified-half-hour': { posts: 2, within: 30 * 60_000, whose: 'an account without verification' },
  },
  /**
   * How long a text is refused that the account has posted. X does not tell: it surely is for some hours, and 12 are what others
   * have seen; whether it is for days nobody knows.
   */
  remembers: { surely: 12 * 3_600_000, maybe: 7 * 24 * 3_600_000 },
} as const;

export type LimitName = keyof typeof xLimits.limits;

/** The most posts in any stretch of a length. */
export interface Peak {
  posts: number;
  /** When the last of them is made. Milliseconds since 1970. */
  at: number;
}

/** Finds the busiest stretch of posts that come in order. */
export class PeakFinder {
  readonly #within: number;
  #instants: number[] = [];
  #first = 0;
  #peak: Peak = { posts: 0, at: 0 };

  /** @param within - how long a stretch is, in milliseconds */
  constructor(within: number) {
    this.#within = within;
  }

  get peak(): Peak {
    return this.#peak;
  }

  add(at: number): void {
    this.#instants.push(at);
    while ((this.#instants[this.#first] ?? at) <= at - this.#within) this.#first++;
    if (this.#first > 64 && this.#first * 2 > this.#instants.length) {
      this.#instants = this.#instants.slice(this.#first);
      this.#first = 0;
    }
    const posts = this.#instants.length - this.#first;
    if (posts > this.#peak.posts) this.#peak = { posts, at };
  }
}
