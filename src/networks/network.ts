import type { Clock } from '../clock.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../http/exchange.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { TextRules } from '../poems/tweet-text.ts';

/*
 * What posting knows of a network: the requests of one bot, and what their failures mean. A folder beside this file is one
 * network, and nothing outside these folders knows its addresses, its formats or its words.
 */

/** The networks that flockd posts to. */
export const networkNames = ['x', 'mastodon', 'bluesky'] as const;
export type NetworkName = (typeof networkNames)[number];

/** What is known of a network without a request. */
export interface Network {
  name: NetworkName;
  /** For people. */
  title: string;
  /** The number of posts on a page of a timeline. */
  pageSizes: { min: number; max: number };
  /** Whether it charges for posts and looks; others are free. */
  charges: boolean;
  /** Whether it refuses a text that the account has posted before. */
  refusesRepetitions: boolean;
  /** Whether {@link Account.find} tells at any time if an open post was made; otherwise its timeline tells, after a while. */
  findsByMark: boolean;
  /** Whether its timeline may show a text altered, and gives the original to a client that asks: see {@link PageWanted.isKnown}. */
  givesOriginals: boolean;
  /** A new mark for an attempt, where posts have one. @param last - the bot's last mark */
  newMark?: (now: number, last: string | undefined) => string;
  /** How it counts and reads the texts of a bot. */
  rulesFor: (key: RuleSource, contentWarning: string | undefined) => TextRules;
  /** The web pages of an account and a post; undefined where they are not known. */
  pages: (
    key: Pick<BotKey, 'userId' | 'screenName' | 'server'>,
  ) => { account: string; post: (id: string) => string } | undefined;
}

/** The limits of a key's server, where it has its own. */
type RuleSource = Pick<BotKey, 'textLimits'>;

/** A post of a timeline. */
export interface TimelinePost {
  id: string;
  text: string;
  /** When it was made, where the id does not tell. Milliseconds since 1970. */
  at?: number;
}

/** How a text is posted. A network ignores what it does not have. */
export interface PostOptions {
  /**
   * Names the attempt at the network, so that the same attempt sent again is no second post. It is kept while the post is in
   * doubt, and new after a refusal.
   */
  mark?: string | undefined;
  /** The id of the account's last confirmed post: an answer with an id that cannot be newer is no success. */
  since?: string | undefined;
  visibility?: 'public' | 'unlisted' | 'private' | 'direct' | undefined;
  /** BCP 47. */
  language?: string | undefined;
  contentWarning?: string | undefined;
}

/** `time` is the network's time when it answered, if the answer has it. Milliseconds since 1970, in whole seconds. */
export type Outcome<T> = ({ ok: T } | { failure: Failure }) & { time?: number };

/** The requests of one bot to its network. None throws: every failure is an outcome. */
export interface Account {
  /** Posts a text; resolves with the post's id. */
  post(text: string, options?: PostOptions): Promise<Outcome<string>>;
  /** The account of the key. */
  me(): Promise<Outcome<{ userId: string; screenName: string }>>;
  /** A page of the account's own posts, newest first. */
  timeline(userId: string, from: TimelineStart, page: PageWanted): Promise<Outcome<TimelinePage>>;
  /** The post of an attempt, or undefined if the network has none: where a network finds posts by their marks. */
  find?(mark: string): Promise<Outcome<TimelinePost | undefined>>;
}

/**
 * Posts after a post, posts since an instant (milliseconds since 1970), or all from the newest back. A post may be gone from a
 * timeline: `start` is then the instant after which posts count.
 */
export type TimelineStart = { sinceId: string; start?: number } | { start: number } | 'newest';

export interface PageWanted {
  /** Within the network's limits. */
  maxPosts: number;
  /** The token of the page, if it is not the first. */
  token?: string | undefined;
  /** Whether a text is one that is looked for. Where a network gives originals, that of any other text is read. */
  isKnown?: ((text: string) => boolean) | undefined;
}

export interface TimelinePage {
  posts: TimelinePost[];
  /** The token of the next page. */
  next: string | undefined;
}

export type OpenAccount = (key: BotKey) => Account;

/**
 * What a failed request to a network means. A refusal counts as the network's only in its own format. It is about
 * - the line: `rejected`, the network refuses this post; `duplicate`, it says that it has this text already, which alone proves
 *   nothing;
 * - the account: `reauth`, it says that the key is dead; `unauthorized`, a 401 without a reason; `suspended`, `locked`,
 *   `automated`, a person must sign in as the account;
 * - the app: `read-only`; `app-refused`, it serves no bot of this app; `no-credit`, the app's credit is spent;
 * - time: `wait`, refused until an instant, for this bot or every bot of its app; `limit`, the account's own limit, which ends
 *   at an instant that is not named;
 * - our clock: `clock`.
 *
 * Without a refusal, the post is `never-sent`, the network cannot have it, or `in-doubt`, it may have it. `foreign` marks an
 * answer that came from something between here and the network. `isServed` marks a request that may have been carried out and
 * charged for.
 */
export type Failure = { reason: string } & (
  | {
      kind:
        | 'never-sent'
        | 'reauth'
        | 'unauthorized'
        | 'suspended'
        | 'locked'
        | 'automated'
        | 'read-only'
        | 'app-refused'
        | 'no-credit'
        | 'limit'
        | 'clock'
        | 'duplicate'
        | 'rejected';
    }
  | { kind: 'in-doubt'; foreign?: true; isServed?: true }
  | { kind: 'wait'; until: number; scope: 'bot' | 'app' }
);

/** How far the network's clock is ahead of ours, in milliseconds, and whether it answered itself; or why there is no answer. */
export type TimeAnswer = { ahead: number | undefined; isOwn: boolean } | { unreachable: string };

/*
 * What answers of every network have in common: times, waits, and how they are described.
 */

const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;

/** Describes an answer that is not the network's, without quoting it. @param network - its name, or `the server` */
export function describeForeign({ status, body }: HttpAnswer, network: string): string {
  const what = /^\s*</.test(body) ? 'a web page' : body.trim() === '' ? 'an empty answer' : 'an answer';
  return `${status} with ${what} that is not ${network}'s: something between here and ${network} may have given it`;
}

/** Another program's words in one short line. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);

/** The server's time, from an answer's `Date` header. Milliseconds since 1970, or undefined without the header. */
export function timeIn({ headers }: HttpAnswer): number | undefined {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** How far the server's clock is ahead of ours. The `Date` header is truncated to seconds, so half a second is added. Milliseconds. */
export function aheadOf(answer: HttpAnswer, now: number): number | undefined {
  const time = timeIn(answer);
  return time === undefined ? undefined : time + second / 2 - now;
}

/** A wrong clock in words: `this machine's clock is 10 min behind X's`. @param ahead - of the server's clock. Milliseconds */
export function describeSkew(ahead: number, network: string): string {
  const size = Math.abs(ahead);
  const units = [
    { name: 'days', ms: day, from: 2 * day },
    { name: 'h', ms: 60 * minute, from: 120 * minute },
    { name: 'min', ms: minute, from: 2 * minute },
    { name: 's', ms: second, from: 0 },
  ];
  const { name, ms } = units.find(({ from }) => size >= from) ?? { name: 'ms', ms: 1 };
  return `this machine's clock is ${Math.round(size / ms)} ${name} ${ahead > 0 ? 'behind' : 'ahead of'} ${network}'s`;
}

/**
 * Asks a server for its time by a request without a key, at no cost.
 *
 * @param isOwn - whether an answer is the network's own, and not that of something in between
 */
export async function askServer(
  url: string,
  { send, clock }: { send: Send; clock: Clock },
  isOwn: (answer: HttpAnswer) => boolean,
): Promise<TimeAnswer> {
  try {
    const answer = await send({ method: 'GET', url, headers: { accept: '*/*' } });
    return { ahead: aheadOf(answer, clock.now()), isOwn: isOwn(answer) };
  } catch (error) {
    if (error instanceof NoAnswer) return { unreachable: error.message };
    throw error;
  }
}

/** Seconds since 1970 are below this until the year 5138; milliseconds since 1970 have been above it since 1973. */
const maxSeconds = 1e11;

/**
 * When a limit ends by its header, in milliseconds since 1970 by our clock; undefined without the header, or once it has ended.
 * Networks send seconds or a date; some proxies send milliseconds.
 */
export function resetIn(answer: HttpAnswer, header: string, now: number): number | undefined {
  const named = answer.headers[header] ?? '';
  const number = named === '' ? NaN : Number(named);
  const instant = Number.isNaN(number) ? Date.parse(named) : number < maxSeconds ? number * second : number;
  // Reset and `Date` are both by the server's clock, so the wait is right even if ours is wrong.
  const reset = instant + now - (timeIn(answer) ?? now);
  // Clocks differ slightly: a reset that has just passed by ours may still be ahead by the server's.
  return reset > now - minute ? reset : undefined;
}

/** The instant in a `Retry-After` header: seconds or a date. @see RFC 9110 section 10.2.3 */
export function retryAfter({ headers }: HttpAnswer, now: number): number | undefined {
  const header = headers['retry-after'];
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const instant = Number.isNaN(seconds) ? Date.parse(header) : now + seconds * second;
  return instant > now ? instant : undefined;
}

/** Bounds a wait: at least a second, at most a day, the longest window of a limit; in whole milliseconds. */
export const within = (instant: number, now: number): number =>
  Math.ceil(Math.min(Math.max(instant, now + second), now + day));
