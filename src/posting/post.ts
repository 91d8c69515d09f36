import type { Clock } from '../clock.ts';
import { fingerprint, markOf } from '../ledger/cursor.ts';
import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import { isAgain, type Owed, timesAbsent } from '../ledger/state.ts';
import { isNewPost, type Outcome, type XClient } from '../networks/x/client.ts';
import type { XFailure } from '../networks/x/failure.ts';
import type { BotName } from '../poems/bot-name.ts';
import type { PlannedPost } from './decide.ts';

/** What to do with a line that X refuses as a repetition. */
export type Refrain = 'join' | 'defer' | 'skip';

/** What a failed post means once it is known what others of the flock got: `outage`, X refuses every key of the app. */
export type PostFailure = XFailure | { kind: 'outage'; reason: string };

/** What is known of the attempt that failed. */
export interface FailedAttempt {
  bot: string;
  /** What was owed before it, which tells a first refusal from a repeated one. */
  owed: Owed | undefined;
  /** Tells the key it was made with. */
  key: string;
  line: number;
  refrain: Refrain;
  /** Whether the bot has posted the same text before, so that X may have it from then. */
  isRepeated: boolean;
  now: number;
  /** Until when the bot waits where the failure is not about it alone. */
  closedUntil: number | undefined;
}

/** Lines skipped in a row; if X refuses more than these it is no refrain but the whole poem. */
const maxSkips = 3;

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * What to write down after a failed post. An outcome in doubt is none: then nothing is written, and the intent stays open.
 * A refusal keeps its line: it is owed, and tried again at an instant or when the bot's repair is done.
 */
export function eventsAfter(failure: PostFailure, attempt: FailedAttempt): LedgerEvent[] {
  const { bot, owed, now } = attempt;
  const key = keyCauses.has(failure.kind) ? attempt.key : undefined;
  const again = isAgain(owed, failure.kind, key) ? owed : undefined;
  const times = again?.times ?? 0;
  const refused = (retryAt: number): LedgerEvent => {
    const event = {
      event: 'refused',
      bot,
      at: now,
      why: failure.kind,
      reason: failure.reason,
      retryAt,
    } as const;
    return key === undefined ? event : { ...event, key };
  };
  switch (failure.kind) {
    case 'in-doubt':
      return [];
    case 'never-sent':
      return [refused(now + backOff(times, 5 * second, 5 * minute))];
    case 'wait':
      return [refused(failure.until)];
    case 'limit':
      return [refused(endOfLimit(owed, now))];
    case 'no-credit':
    case 'app-refused':
    case 'outage':
    case 'clock':
      return [refused(attempt.closedUntil ?? now + minute)];
    case 'duplicate':
      return afterRepetition(attempt, refused);
    case 'reauth':
      // A key that X has called dead once is asked for a second time.
      return times === 0 ? [refused(now + 10 * second)] : parked('reauth', failure, attempt, refused(now));
    case 'unauthorized':
      return again?.since !== undefined && now - again.since >= hour && times >= minAsked
        ? parked('unauthorized', failure, attempt, refused(now))
        : [refused(now + (askedAgain[times] ?? 30 * minute))];
    case 'read-only':
    case 'suspended':
    case 'locked':
    case 'automated':
    case 'rejected':
      return parked(failure.kind, failure, attempt, refused(now));
  }
}

/** A 401 that names nothing is asked again after these waits, for an hour at least, before it is believed. Milliseconds. */
const askedAgain = [10 * second, minute, 5 * minute, 10 * minute, 20 * minute];
const minAsked = 4;

/**
 * A limit of the account's own ends at some half hour: the next one at first, then twice as far each time, and never beyond
 * the next day of UTC.
 *
 * @see help.x.com, about X limits: the daily limit is counted in half-hourly slices
 */
function endOfLimit(owed: Owed | undefined, now: number): number {
  const halfHour = 30 * minute;
  const midnight = Math.ceil((now + 1) / day) * day;
  const isToday = owed?.why === 'limit' && (owed.at ?? 0) >= midnight - day;
  const next = Math.ceil((now + 1) / halfHour) * halfHour;
  return Math.min(next + (2 ** Math.min(isToday ? owed.times : 0, 6) - 1) * halfHour, midnight);
}

function afterRepetition(
  { bot, owed, line, refrain, isRepeated, now }: FailedAttempt,
  refused: (retryAt: number) => LedgerEvent,
): LedgerEvent[] {
  // It was in doubt, was not on the timeline, and now X has it already: the timeline may have been late. Look again, once.
  // Where the bot has never posted this text before, X's word is then the proof.
  const absent = timesAbsent(owed);
  if (absent > 0) {
    if (absent < 2) return [];
    if (!isRepeated) return [{ event: 'posted', bot, at: now, by: 'repetition' }];
  }
  const times = owed?.why === 'duplicate' ? owed.times : 0;
  if (refrain === 'skip' && times < maxSkips) return [refused(now), { event: 'skipped', bot, at: now, line }];
  // Joined with its follower it is tried at once; a line that cannot be joined, or is not to be, has to wait.
  if (refrain === 'join' && times === 0) return [refused(now)];
  return [refused(now + backOff(times, 15 * minute, 120 * minute))];
}

type Parking = 'reauth' | 'unauthorized' | 'read-only' | 'suspended' | 'locked' | 'automated' | 'rejected';

/** What is to be said of a bot that X's refusal parks, and what helps. */
const repairs: Record<Parking, { what: string; hint: (bot: string) => string }> = {
  reauth: { what: 'X refuses its key', hint: (bot) => `keymaker reauth ${bot}` },
  unauthorized: { what: 'X has refused its key for an hour', hint: (bot) => `keymaker reauth ${bot}` },
  'read-only': {
    what: 'its app may not write',
    hint: (bot) => `give the app write permission in the developer console, then: keymaker reauth ${bot}`,
  },
  suspended: {
    what: 'its account is suspended',
    hint: (bot) => `sign in to X as this account to see why, then: flockd resume ${bot}`,
  },
  locked: {
    what: 'its account is locked',
    hint: (bot) => `sign in to X as this account to unlock it, then: flockd resume ${bot}`,
  },
  automated: {
    what: 'X takes its account for one that breaks the rules of automation',
    hint: (bot) =>
      `sign in to X as this account, see what X asks for and label it as automated, then: flockd resume ${bot}`,
  },
  rejected: {
    what: 'X refuses the line',
    hint: (bot) => `change the line in the poem if it is its fault, then: flockd resume ${bot}`,
  },
};

function parked(
  kind: Parking,
  { reason }: { reason: string },
  { bot, key, now }: FailedAttempt,
  refused: LedgerEvent,
): LedgerEvent[] {
  const { what, hint } = repairs[kind];
  const why = `${what} (${reason})`;
  return [refused, { event: 'parked', bot, at: now, why, hint: hint(bot), key, cause: kind }];
}

/** Refusals that only another key repairs. */
export const keyCauses: ReadonlySet<string> = new Set(['reauth', 'unauthorized', 'read-only']);

/** What suspends or locks many accounts of a flock may be about the flock: then nobody should go on. */
export const herdCauses: ReadonlySet<string> = new Set(['suspended', 'locked', 'automated']);

/** Twice as long each time. */
const backOff = (times: number, first: number, most: number): number => Math.min(first * 2 ** times, most);

interface PostLineOptions {
  bot: BotName;
  post: PlannedPost;
  slot: number;
  /** Slots up to this instant are served by the post. */
  until: number;
  /** The last confirmed post's id. */
  since: string | undefined;
  owed: Owed | undefined;
  /** The mark of the bot's key, for a bot that is parked. */
  key: () => string;
  refrain: Refrain;
  /** Whether the bot has posted the same text before. */
  isRepeated: () => boolean;
  /** What an outcome means now that the others of the flock are known, as the gate tells. */
  judge: (outcome: Outcome<string>) => { failure: PostFailure; closedUntil: number | undefined } | undefined;
  /** What the post costs, and of which day and month. */
  price: Price;
  ledger: Ledger;
  x: XClient;
  clock: Clock;
}

export type PostReport = { id: string } | { failure: PostFailure };

/**
 * Posts one line so that a crash at any moment can be told apart afterwards: what is about to be sent is on the disk
 * before it is sent, and what came of it is on the disk before anything is built on it.
 *
 * @throws {FlockError} `io` from the ledger; an intent that was not kept is not sent
 */
export async function postLine(options: PostLineOptions): Promise<PostReport> {
  const { bot, post, slot, until, since, owed, key, refrain, isRepeated, judge, price, ledger, x, clock } =
    options;
  // 1. Intent.
  const { line, lines, text } = post;
  const print = fingerprint(text);
  const intent: Intent = {
    event: 'intent',
    bot,
    at: clock.now(),
    slot,
    until,
    line,
    lines,
    print,
    mark: markOf(text),
    ...price,
  };
  if (since !== undefined) intent.since = since;
  await ledger.record(intent);
  // 2. Send.
  const outcome = believed(await x.post(text), since, clock.now());
  const judged = judge(outcome);
  // 3. Outcome.
  if ('ok' in outcome) {
    await ledger.record({ event: 'posted', bot, at: clock.now(), id: outcome.ok, by: 'answer' });
    return { id: outcome.ok };
  }
  const { failure, closedUntil } = judged ?? { failure: outcome.failure, closedUntil: undefined };
  const attempt = {
    bot,
    owed,
    key: key(),
    line,
    refrain,
    isRepeated: isRepeated(),
    now: clock.now(),
    closedUntil,
  };
  const events = eventsAfter(failure, attempt);
  if (events.length > 0) await ledger.record(...events);
  return { failure };
}

/** The id of a new post is newer than that of the last one. An answer with another is not believed: the timeline tells. */
function believed(outcome: Outcome<string>, since: string | undefined, now: number): Outcome<string> {
  if (!('ok' in outcome) || isNewPost(outcome.ok, since, now)) return outcome;
  const last = since === undefined ? '' : ` after ${since}`;
  return {
    failure: { kind: 'in-doubt', reason: `X gave the post the id ${outcome.ok}${last}, which is no new one` },
  };
}
