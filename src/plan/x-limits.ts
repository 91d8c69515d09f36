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

/** A limit that is gone beyond. */
export interface Excess {
  limit: LimitName;
  /** Whose posts they are: one bot's, or those of all bots of an app. */
  bots: readonly string[];
  peak: Peak;
}

const limitsOfBots = ['account', 'unverified-day', 'unverified-half-hour'] as const;
type LimitOfBot = (typeof limitsOfBots)[number];

interface Watched {
  finders: Record<LimitOfBot, PeakFinder>;
  app: App;
}

interface App {
  bots: string[];
  finder: PeakFinder;
}

const finderOf = (limit: LimitName): PeakFinder => new PeakFinder(xLimits.limits[limit].within);

/** Holds a flock's posts against X's limits. */
export class LimitWatch {
  readonly #bots = new Map<string, Watched>();
  readonly #apps = new Map<string, App>();

  /** @param app - tells the app of one key from that of another */
  addBot(bot: string, app: string): void {
    const known = this.#apps.get(app) ?? { bots: [], finder: finderOf('app') };
    this.#apps.set(app, known);
    known.bots.push(bot);
    const finders = {
      account: finderOf('account'),
      'unverified-day': finderOf('unverified-day'),
      'unverified-half-hour': finderOf('unverified-half-hour'),
    };
    this.#bots.set(bot, { finders, app: known });
  }

  /** One more post; they come in order. */
  addPost(bot: string, at: number): void {
    const watched = this.#bots.get(bot);
    if (!watched) return;
    for (const limit of limitsOfBots) watched.finders[limit].add(at);
    watched.app.finder.add(at);
  }

  /** The most posts of a bot in any 24 hours. */
  mostInDay(bot: string): number {
    return this.#bots.get(bot)?.finders['unverified-day'].peak.posts ?? 0;
  }

  excesses(): Excess[] {
    const found: Excess[] = [];
    const check = (limit: LimitName, bots: readonly string[], { peak }: PeakFinder): void => {
      if (peak.posts > xLimits.limits[limit].posts) found.push({ limit, bots, peak });
    };
    for (const { bots, finder } of this.#apps.values()) check('app', bots, finder);
    for (const [bot, { finders }] of this.#bots)
      for (const limit of limitsOfBots) check(limit, [bot], finders[limit]);
    return found;
  }
}

/** `howl makes 96 posts in 24 hours; X allows an unverified account 50` */
export function describeExcess({ limit, bots, peak }: Excess): string {
  const { posts, within, whose } = xLimits.limits[limit];
  const stretch = within >= 3_600_000 ? `${within / 3_600_000} hours` : `${within / 60_000} minutes`;
  const [bot = ''] = bots;
  const who = limit === 'app' && bots.length > 1 ? `${bots.length} bots of one app make` : `${bot} makes`;
  const about = limit === 'unverified-half-hour' ? 'about ' : '';
  return `${who} ${count(peak.posts)} posts in ${stretch}; X allows ${whose} ${about}${count(posts)}`;
}

const count = (number: number): string => number.toLocaleString('en-US');
