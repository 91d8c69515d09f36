import type { Account, Failure, Network, Outcome } from '../networks/network.ts';
import type { Clock } from '../clock.ts';
import type { BotSettings } from '../config/flock-file.ts';
import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import {
  type BotState,
  doneIn,
  fingerprint,
  isAgain,
  markOf,
  type Owed,
  prints,
  sinceOf,
  timesAbsent,
} from '../ledger/state.ts';
import type { PlannedPost } from './decide.ts';
import { maxSkips } from './replay.ts';

/** What a failed post means with the other bots in view: `outage`, the network refuses every key of the app. */
export type PostFailure = Failure | { kind: 'outage'; reason: string };

/** The attempt that failed. */
export interface FailedAttempt {
  bot: string;
  /** What was known before it. What was owed tells a first refusal from a repeated one. */
  state: Pick<BotState, 'owed' | 'place'>;
  /** Identifies the key that it was made with. */
  key: string;
  /** What to do with a line that X refuses as a repetition. */
  refrain: BotSettings['refrain'];
  /** Whether the bot has posted the same text before, so that X may have it from then. */
  isRepeated: boolean;
  now: number;
  /** Until when the bot waits if the failure is not about it alone. */
  closedUntil: number | undefined;
  network: Network;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * The events after a failed post. A post in doubt has none: its intent stays open. A refused line is owed, and is tried again
 * at an instant or after the bot's repair.
 */
export function eventsAfter(failure: PostFailure, attempt: FailedAttempt): LedgerEvent[] {
  const { bot, now } = attempt;
  const { owed } = attempt.state;
  const key = keyCauses.has(failure.kind) ? attempt.key : undefined;
  const again = isAgain(owed, failure.kind, key) ? owed : undefined;
  const times = again?.times ?? 0;
  const refused = (retryAt: number): LedgerEvent => ({
    event: 'refused',
    bot,
    at: now,
    why: failure.kind,
    reason: failure.reason,
    retryAt,
    ...(key !== undefined && { key }),
    ...(keepsMark(failure, attempt) && { attempt: owed?.attempt }),
  });
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
      // A key is tried a second time before the network's word that it is dead is believed.
      return times === 0 ? [refused(now + 10 * second)] : parked('reauth', failure, attempt, refused(now));
    case 'unauthorized':
      return again?.since !== undefined && now - again.since >= hour && times >= minRetries
        ? parked('unauthorized', failure, attempt, refused(now))
        : [refused(now + (retryWaits[times] ?? 30 * minute))];
    case 'read-only':
    case 'suspended':
    case 'locked':
    case 'automated':
    case 'rejected':
      return parked(failure.kind, failure, attempt, refused(now));
  }
}

/**
 * Whether the next attempt has the mark of an earlier one that was in doubt and may still arrive. A refusal ends a mark, since
 * some servers give the same refusal again for it. Where an absent post is believed without a wait, the mark stays until the
 * network has judged the text.
 */
const keepsMark = ({ kind }: PostFailure, { state: { owed }, network }: FailedAttempt): boolean =>
  owed?.attempt !== undefined &&
  (kind === 'never-sent' || (network.findsByMark && kind !== 'rejected' && kind !== 'clock'));

/** After a 401 without a reason the bot tries again after these waits, for at least an hour, before it is believed. Milliseconds. */
const retryWaits = [10 * second, minute, 5 * minute, 10 * minute, 20 * minute];
const minRetries = 6;

/**
 * The account's own limit ends at some half hour. The bot tries at the next one, then waits twice as long each time, and never
 * beyond the next day of UTC.
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
  { bot, state: { owed, place }, refrain, isRepeated, now }: FailedAttempt,
  refused: (retryAt: number) => LedgerEvent,
): LedgerEvent[] {
  // It was in doubt, it was not on the timeline, and X has it already: the timeline may have been late. Look again, once. If
  // the bot never posted this text before, X's word is the proof after that.
  const absent = timesAbsent(owed);
  if (absent > 0) {
    if (absent < 2) return [];
    if (!isRepeated) return [{ event: 'posted', bot, at: now, by: 'repetition' }];
  }
  const times = owed?.why === 'duplicate' ? owed.times : 0;
  if (refrain === 'skip' && times < maxSkips)
    return [refused(now), { event: 'skipped', bot, at: now, line: place.next }];
  // Joined with the next line it is tried at once; a line that is not joined has to wait.
  if (refrain === 'join' && times === 0) return [refused(now)];
  return [refused(now + backOff(times, 15 * minute, 120 * minute))];
}

type Parking = 'reauth' | 'unauthorized' | 'read-only' | 'suspended' | 'locked' | 'automated' | 'rejected';

/** The repair after a refusal that parks a bot. */
const repairs: Record<Parking, (bot: string, network: Network) => string> = {
  reauth: (bot) => `keymaker reauth ${bot}`,
  unauthorized: (bot) => `keymaker reauth ${bot}`,
  'read-only': (bot, { name }) =>
    name === 'x'
      ? `give the app write permission in the developer console, then: keymaker reauth ${bot}`
      : `keymaker reauth ${bot}, and allow everything that the page lists`,
  suspended: (bot, { title }) => `sign in to ${title} as this account to see why, then: flockd resume ${bot}`,
  locked: (bot, { title }) => `sign in to ${title} as this account to unlock it, then: flockd resume ${bot}`,
  automated: (bot, { title }) =>
    `sign in to ${title} as this account, see what it asks for and label it as automated, then: flockd resume ${bot}`,
  rejected: (bot, { name }) =>
    name === 'mastodon'
      ? `if the server takes shorter posts now: keymaker doctor --repair --bot=${bot}; if not, change the line in the poem; then: flockd resume ${bot}`
      : `change the line in the poem if it is its fault, then: flockd resume ${bot}`,
};

function parked(
  kind: Parking,
  { reason: why }: { reason: string },
  { bot, key, now, network }: FailedAttempt,
  refused: LedgerEvent,
): LedgerEvent[] {
  const hint = repairs[kind](bot, network);
  return [refused, { event: 'parked', bot, at: now, why, hint, key, cause: kind }];
}

/** Refusals whose only repair is another key. */
export const keyCauses: ReadonlySet<string> = new Set(['reauth', 'unauthorized', 'read-only']);

/** Twice as long each time. */
const backOff = (times: number, first: number, max: number): number => Math.min(first * 2 ** times, max);

interface PostLineOptions extends Pick<FailedAttempt, 'bot' | 'key' | 'network'> {
  settings: Pick<BotSettings, 'refrain' | 'visibility' | 'language' | 'contentWarning'>;
  state: BotState;
  /** The mark of the attempt, where the network has marks. */
  mark: string | undefined;
  post: PlannedPost;
  slot: number;
  /** Slots up to this instant are served by the post. */
  until: number;
  /** What a failure means with the other bots in view; undefined for a success. */
  judge: (outcome: Outcome<string>) => { failure: PostFailure; closedUntil: number | undefined } | undefined;
  /** What the post costs, and of which day and month. */
  price: Price;
  ledger: Ledger;
  account: Account;
  clock: Clock;
}

/**
 * Posts one line, so that what happened can be told after a crash at any moment: the intent is on the disk before the text is
 * sent, and the outcome is on the disk before anything depends on it.
 *
 * @throws {FlockError} `io` from the ledger; a text whose intent was not kept is not sent
 */
export async function postLine(options: PostLineOptions): Promise<{ id: string } | { failure: PostFailure }> {
  const { bot, settings, state, post, slot, until, mark, key, network, judge, price, ledger, clock } =
    options;
  const { line, lines, text } = post;
  // 1. Intent.
  const since = sinceOf(state);
  const intent: Intent = {
    event: 'intent',
    bot,
    at: clock.now(),
    slot,
    until,
    line,
    lines,
    print: fingerprint(text),
    mark: markOf(text),
    ...(mark !== undefined && { attempt: mark }),
    ...price,
    ...(since !== undefined && { since }),
  };
  await ledger.record(intent);
  // 2. Send.
  const { refrain, visibility, language, contentWarning } = settings;
  const outcome = await options.account.post(text, { mark, since, visibility, language, contentWarning });
  const judged = judge(outcome);
  // 3. Outcome.
  if ('ok' in outcome) {
    await ledger.record({ event: 'posted', bot, at: clock.now(), id: outcome.ok, by: 'answer' });
    return { id: outcome.ok };
  }
  const { failure, closedUntil } = judged ?? { failure: outcome.failure, closedUntil: undefined };
  const attempt = {
    bot,
    state,
    key,
    network,
    refrain,
    isRepeated: isRepeated(state, post),
    now: clock.now(),
  };
  await ledger.record(...eventsAfter(failure, { ...attempt, closedUntil }));
  return { failure };
}

/** Whether X may have a text from an earlier line or pass of the same bot. */
function isRepeated({ place, pass, gone = '' }: BotState, { line, lines }: PlannedPost): boolean {
  if (pass > 1) return true;
  const all = prints(place.poem);
  if (prints(gone).includes(all[line] ?? '')) return true;
  const isDone = doneIn({ ...place, next: line });
  const textAt = (from: number): string => all.slice(from, from + lines).join('');
  return all.some((_, other) => other !== line && isDone(other) && textAt(other) === textAt(line));
}
