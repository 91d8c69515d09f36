/** What X allows in any stretch of time, and what it remembers. Durations in milliseconds. */
export const xLimits = {
  /** When these were read. @see docs.x.com, rate limits; help.x.com, X limits, as reported in May 2026 */
  date: '2026-08-22',
  limits: {
    account: { posts: 100, within: 15 * 60_000, whose: 'an account' },
    app: { posts: 10_000, within: 24 * 3_600_000, whose: 'an app, all its accounts together' },
    'unverified-day': { posts: 50, within: 24 * 3_600_000, whose: 'an unverified account' },
    /** X hands the fifty out by the half-hour, and does not tell how many in each: this is their share, rounded up. */
    'unverified-half-hour': { posts: 2, within: 30 * 60_000, whose: 'an unverified account' },
  },
  /**
   * How long a text is refused that the account has posted. X does not tell: it surely is for some hours, and 12 are what others
   * have seen; whether it is for days nobody knows.
   */
  remembers: { surely: 12 * 3_600_000, maybe: 7 * 24 * 3_600_000 },
} as const;

type LimitName = keyof typeof xLimits.limits;

/** The most posts in any stretch of a length. */
interface Peak {
  posts: number;
  /** When the last of them is made. Milliseconds since 1970. */
  at: number;
}

/** Finds the busiest stretch of posts that come in order. */
export class PeakFinder {
  peak: Peak = { posts: 0, at: 0 };
  readonly #within: number;
  #instants: number[] = [];
  #first = 0;

  /** @param within - how long a stretch is, in milliseconds */
  constructor(within: number) {
    this.#within = within;
  }

  add(at: number): void {
    this.#instants.push(at);
    while ((this.#instants[this.#first] ?? at) <= at - this.#within) this.#first++;
    if (this.#first > 64 && this.#first * 2 > this.#instants.length) {
      this.#instants = this.#instants.slice(this.#first);
      this.#first = 0;
    }
    const posts = this.#instants.length - this.#first;
    if (posts > this.peak.posts) this.peak = { posts, at };
  }
}

/** A limit that is exceeded. */
export interface Excess {
  limit: LimitName;
  /** The bots whose posts count: one, or all bots of an app. */
  bots: string[];
  peak: Peak;
}

/** A limit, and the posts that count towards it. */
class Watched extends PeakFinder implements Excess {
  readonly limit: LimitName;
  readonly bots: string[];

  constructor(limit: LimitName, ...bots: string[]) {
    super(xLimits.limits[limit].within);
    this.limit = limit;
    this.bots = bots;
  }
}

/** Compares the posts of X's bots with X's limits, and counts those of all bots. */
export class LimitWatch {
  /** The posts of each bot in 24 hours. */
  readonly #ofDays = new Map<string, Watched>();
  readonly #ofApps = new Map<string, Watched>();
  /** The limits that the posts of each of X's bots count towards. */
  readonly #ofBots = new Map<string, readonly Watched[]>();

  /** @param app - tells the X app of one key from that of another; undefined for a bot of another network */
  addBot(bot: string, app: string | undefined): void {
    const ofDay = new Watched('unverified-day', bot);
    this.#ofDays.set(bot, ofDay);
    if (app === undefined) return;
    const ofApp = this.#ofApps.get(app) ?? new Watched('app');
    this.#ofApps.set(app, ofApp);
    ofApp.bots.push(bot);
    const [ofAccount, ofHalfHour] = [new Watched('account', bot), new Watched('unverified-half-hour', bot)];
    this.#ofBots.set(bot, [ofAccount, ofDay, ofHalfHour, ofApp]);
  }

  /** One more post; they come in order. */
  addPost(bot: string, at: number): void {
    const limits = this.#ofBots.get(bot);
    if (limits) for (const limit of limits) limit.add(at);
    else this.#ofDays.get(bot)?.add(at);
  }

  /** The most posts of a bot in any 24 hours. */
  mostInDay(bot: string): number {
    return this.#ofDays.get(bot)?.peak.posts ?? 0;
  }

  /** Those of apps first. */
  excesses(): Excess[] {
    const all = new Set([...this.#ofApps.values(), ...[...this.#ofBots.values()].flat()]);
    return [...all].filter(({ limit, peak }) => peak.posts > xLimits.limits[limit].posts);
  }
}
