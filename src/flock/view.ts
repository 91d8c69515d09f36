import { Temporal } from 'temporal-polyfill';
import { inUsd } from '../cost.ts';
import type { FlockHistory, RecentPost } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { asKept } from '../poems/tweet-text.ts';
import { keyCauses } from '../posting/post.ts';
import {
  type BotFiles,
  type BotStatus,
  type Condition,
  type FlockStatus,
  pagesOfX,
  type PostPages,
  type Status,
} from './status.ts';
import { iso } from '../text.ts';

/** One day of a flock, by its calendar. */
export interface FlockDay {
  /** `2026-08-22` */
  day: string;
  /** Posts made, those in doubt included, and what they cost in US dollars. */
  posted: number;
  usd: number;
  /** Posts still to come. */
  planned: number;
}

/** How much of the past and of the time to come is shown. Days; today belongs to both. */
export const shownDays = { past: 26 * 7, ahead: 8 * 7 } as const;

/** The date in a time zone at an instant. @param instant - milliseconds since 1970 */
export const dateOf = (instant: number, timezone: string): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone).toPlainDate();

interface FlockDaysInput {
  history: Pick<FlockHistory, 'days'>;
  /** The flock's. */
  timezone: string;
  now: number;
  /** Posts to come by day, today's included. */
  planned: ReadonlyMap<string, number>;
}

/** Every day that is shown, oldest first. */
export function flockDays({ history, timezone, now, planned }: FlockDaysInput): FlockDay[] {
  const made = new Map<string, { posted: number; micros: number }>();
  for (const [ends, { posts, micros }] of history.days()) {
    const day = dateOf(ends - 1, timezone).toString();
    // Where the zone was changed since, two days of the old calendar can be one of the new.
    const known = made.get(day);
    made.set(day, { posted: (known?.posted ?? 0) + posts, micros: (known?.micros ?? 0) + micros });
  }
  const today = dateOf(now, timezone);
  return Array.from({ length: shownDays.past + shownDays.ahead + 1 }, (_, index) => {
    const day = today.add({ days: index - shownDays.past }).toString();
    const { posted = 0, micros = 0 } = made.get(day) ?? {};
    return { day, posted, usd: inUsd(micros), planned: index < shownDays.past ? 0 : (planned.get(day) ?? 0) };
  });
}

/** One bot as it stands. */
export interface BotView extends BotStatus {
  /** The page of its account, where that is known. */
  home: string | undefined;
  /** When it posts: a cron expression and its time zone. Undefined where it is not in the flock. */
  schedule: { expression: string; timezone: string } | undefined;
  /** Since when nobody knows what became of its last post, where nobody does. */
  inDoubtSince: string | undefined;
  /** Since when it rests by a person's order, where it does. */
  pausedSince: string | undefined;
  /** Whether it is parked until somebody gives it another key: nothing else lets it go on. */
  needsKey: boolean;
}

/** One of the last posts, as it reads on X. */
export interface PostView {
  bot: string;
  account: string | undefined;
  at: string;
  /** The first of its lines, counted from 1, and how many of them it has. */
  line: number;
  lines: number;
  /** Undefined where it is not in the poem any more. */
  text: string | undefined;
  /** Undefined where its id or its account is not known. */
  url: string | undefined;
}

/** All there is to know of a running flock. As in {@link FlockStatus}, instants are ISO 8601 and sums US dollars. */
export interface FlockView {
  now: string;
  version: string | undefined;
  /** Where the flock's days and months begin. */
  timezone: string;
  flock: FlockStatus;
  /** By name. */
  bots: BotView[];
  /** The names of those that have a poem and no key yet; they are not among the bots. */
  keyless: string[];
  /** How many bots stand how. */
  counts: Record<Condition, number>;
  /** The earliest post that is to come. */
  next: { bot: string; at: string } | undefined;
  /** From half a year back to two months ahead. */
  days: FlockDay[];
  /** The last posts, newest first. */
  recent: PostView[];
}

interface ViewInput {
  /** Milliseconds since 1970. */
  now: number;
  version?: string | undefined;
  /** Where the flock's days and months begin. */
  timezone: string;
  /** How it stands, bot by bot, in the order of their files. */
  status: Status;
  files: readonly BotFiles[];
  /** The names of those that have no key yet. */
  keyless: readonly string[];
  /** What the ledger says. */
  stateOf: (bot: string) => BotState | undefined;
  history: FlockHistory;
  /** The text of a post, where it is known. */
  textOf: (post: RecentPost) => string | undefined;
  /** Posts to come by day of the flock (`2026-08-22`), the rest of today's included. */
  planned: ReadonlyMap<string, number>;
  /** Where posts are seen, where that is not on X. */
  pages?: PostPages | undefined;
}

/** How many of the last posts are shown. */
const maxRecent = 40;

/**
 * Builds a view bot by bot: whoever takes the steps may do something else in between. Pure: everything it says comes from what it
 * is given.
 */
export function* flockView(input: ViewInput): Generator<undefined, FlockView> {
  const { now, version, timezone, status, files, keyless, stateOf, history, planned } = input;
  const { pages = pagesOfX } = input;
  const recent = recentPosts(history);
  const accounts = new Map<string, string | undefined>(recent.map(({ bot }) => [bot, undefined]));
  const counts = { ...none };
  const bots: BotView[] = [];
  let next: FlockView['next'];
  for (const [index, bot] of status.bots.entries()) {
    const view = botView(bot, files[index], stateOf(bot.bot), pages);
    bots.push(view);
    counts[view.state]++;
    if (view.next !== undefined && (next === undefined || view.next < next.at))
      next = { bot: view.bot, at: view.next };
    if (accounts.has(view.bot)) accounts.set(view.bot, view.account);
    yield;
  }
  return {
    now: iso(now),
    version,
    timezone,
    flock: status.flock,
    bots,
    keyless: [...keyless],
    counts,
    next,
    days: flockDays({ history, timezone, now, planned }),
    recent: recent.map((post) => postView(post, accounts.get(post.bot), input)),
  };
}

/** The posts whose texts a view shows, newest first. */
export const recentPosts = (history: FlockHistory): RecentPost[] => history.recent().slice(0, maxRecent);

/** What was made of a status that has not changed since. */
const known = new WeakMap<BotStatus, BotView>();

function botView(
  status: BotStatus,
  files: BotFiles | undefined,
  state: BotState | undefined,
  pages: PostPages,
): BotView {
  const settings = files?.settings;
  const view = known.get(status) ?? {
    ...status,
    home: pages.account(status.account),
    schedule: settings && { expression: settings.schedule, timezone: settings.timezone },
    inDoubtSince: status.state === 'in doubt' && state?.open ? iso(state.open.at) : undefined,
    pausedSince: state?.paused === undefined ? undefined : iso(state.paused),
    needsKey: status.state === 'parked' && keyCauses.has(state?.owed?.why ?? ''),
  };
  known.set(status, view);
  return view;
}

function postView(
  post: RecentPost,
  account: string | undefined,
  { textOf, pages = pagesOfX }: ViewInput,
): PostView {
  const { bot, at, line, lines, id } = post;
  const url = pages.post(account, id);
  const text = textOf(post);
  return { bot, account, at: iso(at), line: line + 1, lines, text: text && asKept(text), url };
}

const none: FlockView['counts'] = {
  new: 0,
  fine: 0,
  waiting: 0,
  'in doubt': 0,
  looking: 0,
  parked: 0,
  paused: 0,
  stopped: 0,
  finished: 0,
  unfit: 0,
};
