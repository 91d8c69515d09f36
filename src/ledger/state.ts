import * as z from 'zod';
import { postInstant } from '../networks/x/client.ts';
import { advance, donePrints, cursorSchema, type Cursor, startOf } from './cursor.ts';
import { type Intent, intent, type LedgerEvent, type Price } from './events.ts';

/**
 * When a post was made: a restored bot finds its posts long after, and their ids tell. Milliseconds since 1970.
 *
 * @param open - what was written down before it
 */
export function madeAt(
  { id, at, by }: Extract<LedgerEvent, { event: 'posted' }>,
  { look }: Pick<Intent, 'look'>,
): number {
  if (look !== true || by !== 'timeline' || id === undefined) return at;
  return Math.min(postInstant(id) ?? at, at);
}

const day = z.object({ ends: z.int(), posts: z.int() });
const month = z.object({ ends: z.int(), micros: z.int() });

const tally = z.object({
  /** The day and the month that were charged last. */
  day,
  month,
  /** Those charged before them: a clock that was wrong for a while comes back to the days and months it has left. */
  earlier: z.object({ days: z.array(day), months: z.array(month) }).optional(),
  /** Since the bot began. */
  total: z.int(),
});

/** What a bot has spent, by day and month, which are known by their ends (milliseconds since 1970). Money in micros. */
export type Tally = z.infer<typeof tally>;

/** How many days and how many months are remembered besides the last ones. */
const maxEarlier = 3;

/**
 * The tally with posts and money added to the day and the month of a price; what is given back is negative.
 *
 * @param price - an intent that an older flockd wrote names no day: then nothing changes
 */
export function charged(
  known: Tally | undefined,
  { dayEnds, monthEnds }: Price,
  { posts, micros }: { posts: number; micros: number },
): Tally | undefined {
  if (dayEnds === undefined || monthEnds === undefined) return known;
  if (known?.day.ends === dayEnds && known.month.ends === monthEnds) {
    const { day, month, total, earlier } = known;
    const now = {
      day: { ends: dayEnds, posts: day.posts + posts },
      month: { ends: monthEnds, micros: month.micros + micros },
      total: total + micros,
    };
    return earlier ? { ...now, earlier } : now;
  }
  if (posts <= 0 && micros <= 0) return known && corrected(known, { dayEnds, monthEnds }, { posts, micros });
  const days = daysOf(known);
  const months = monthsOf(known);
  const [ofDay, otherDays] = taken(days, dayEnds, { ends: dayEnds, posts: 0 });
  const [ofMonth, otherMonths] = taken(months, monthEnds, { ends: monthEnds, micros: 0 });
  return {
    day: { ends: dayEnds, posts: ofDay.posts + posts },
    month: { ends: monthEnds, micros: ofMonth.micros + micros },
    ...(known && { earlier: { days: otherDays, months: otherMonths } }),
    total: (known?.total ?? 0) + micros,
  };
}

/** What is given back of a day and a month that are not the last ones; of one that is forgotten, nothing. */
function corrected(
  { day, month, total, earlier }: Tally,
  { dayEnds, monthEnds }: { dayEnds: number; monthEnds: number },
  { posts, micros }: { posts: number; micros: number },
): Tally {
  const inDay = (one: Tally['day']): Tally['day'] =>
    one.ends === dayEnds ? { ...one, posts: one.posts + posts } : one;
  const inMonth = (one: Tally['month']): Tally['month'] =>
    one.ends === monthEnds ? { ...one, micros: one.micros + micros } : one;
  return {
    day: inDay(day),
    month: inMonth(month),
    ...(earlier && { earlier: { days: earlier.days.map(inDay), months: earlier.months.map(inMonth) } }),
    total: total + micros,
  };
}

/** Every day that is remembered. */
export const daysOf = (known: Tally | undefined): readonly z.infer<typeof day>[] =>
  known ? [known.day, ...(known.earlier?.days ?? [])] : [];

export const monthsOf = (known: Tally | undefined): readonly z.infer<typeof month>[] =>
  known ? [known.month, ...(known.earlier?.months ?? [])] : [];

/** The period that ends then, or else a new one, and the others that are still remembered. */
function taken<Period extends { ends: number }>(
  periods: readonly Period[],
  ends: number,
  fresh: Period,
): [Period, Period[]] {
  const found = periods.find((period) => period.ends === ends) ?? fresh;
  return [found, periods.filter((period) => period.ends !== ends).slice(0, maxEarlier)];
}

/**
 * The end of the period that runs at an instant: the first to come of those that were begun, which go on to their end also
 * where the time zone was changed since; or else the calendar's.
 *
 * @param longest - no period lasts longer: an end further away was written down by a clock that was wrong
 */
export function runningEnd(
  begun: Iterable<number>,
  now: number,
  { calendar, longest }: { calendar: number; longest: number },
): number {
  let first = Infinity;
  for (const ends of begun) if (ends > now && ends <= now + longest && ends < first) first = ends;
  return first === Infinity ? calendar : first;
}

const owed = z.object({
  slot: z.int(),
  until: z.int(),
  /** Not to be tried again before this instant. */
  retryAt: z.int(),
  /** Why it was refused last, and how often in a row for that. */
  why: z.string(),
  reason: z.string(),
  times: z.int(),
  /** When it was written down, and when the first refusal in that row was. */
  at: z.int().optional(),
  since: z.int().optional(),
  /** How often it was in doubt and then not on the timeline. */
  absent: z.int().optional(),
  /** Tells the key that X refused. */
  key: z.string().optional(),
});

const botState = z.object({
  place: cursorSchema,
  /** The id of the account its posts are on. */
  account: z.string().optional(),
  /** How often it has begun its poem, this time included. */
  pass: z.int(),
  /** Every slot up to this instant is settled. */
  served: z.int(),
  /** Posts confirmed so far, in all passes. */
  posts: z.int(),
  /** The post that has no outcome yet. */
  open: intent.optional(),
  /** A post that was tried and is still owed: the slot's line is not lost by a refusal. */
  owed: owed.optional(),
  /** Its last confirmed post; the id is missing where a person vouched for it, and `lines` where it is one. */
  last: z
    .object({ id: z.string().optional(), at: z.int(), line: z.int(), lines: z.int().optional() })
    .optional(),
  /**
   * Fingerprints of lines that were posted as they read before an edit, the last ones: X may still have them, and refuse a line
   * that reads alike.
   */
  gone: z.string().optional(),
  /** The newest post of its account, as a look showed it, where its own last post has no id. */
  seen: z.object({ id: z.string(), at: z.int() }).optional(),
  parked: z
    .object({ why: z.string(), hint: z.string(), key: z.string(), at: z.int(), cause: z.string().optional() })
    .optional(),
  /** Since when it rests by a person's word. */
  paused: z.int().optional(),
  /** It was restored from an older state, and may have posted more than it knows. */
  restored: z.literal(true).optional(),
  tally: tally.optional(),
  /** What it was called before, the latest last. */
  was: z.array(z.string()).optional(),
});

/** What the ledger says of one bot: all of its events folded into one. Instants are milliseconds since 1970. */
export type BotState = z.infer<typeof botState>;
export type Owed = z.infer<typeof owed>;
type Last = NonNullable<BotState['last']>;

/** @throws {z.ZodError} where the value is no state of this version */
export const parseBotState = (value: unknown): BotState => botState.parse(value);

/** Puts what an event has led to among the states of all bots. */
export function putState(states: Map<string, BotState>, event: LedgerEvent, after: BotState): void {
  if (event.event === 'renamed') states.delete(event.from);
  states.set(event.bot, after);
}

/**
 * The state after one more event.
 *
 * @throws {RangeError} where the event cannot follow what was before it
 */
export function applyEvent(state: BotState | undefined, event: LedgerEvent): BotState {
  if (event.event === 'begun') {
    const { poem, at, account } = event;
    const state = { place: startOf(poem), pass: 1, served: at, posts: 0 };
    // All in one literal: a property that is added takes twice its memory, of which a large flock has a hundred thousand.
    return account === undefined ? state : { place: state.place, account, pass: 1, served: at, posts: 0 };
  }
  if (!state) throw new RangeError(`${event.bot}: ${event.event} before it began`);
  switch (event.event) {
    case 'edited':
      return afterEdited(state, event);
    case 'again':
      return { ...state, place: startOf(event.poem), pass: state.pass + 1 };
    case 'intent':
      return withTally(
        { ...state, open: event },
        charged(state.tally, event, { posts: 1, micros: event.cost ?? 0 }),
      );
    case 'looked':
      return afterLooked(
        withTally(state, charged(state.tally, event, { posts: 0, micros: event.cost ?? 0 })),
        event,
      );
    case 'held':
      return { ...state, owed: held(state, event) };
    case 'posted':
      return afterPosted(state, event);
    case 'refused':
      return afterRefused(state, event, 0);
    case 'absent':
      return state.open?.look ? afterLook(state, event) : afterAbsent(state, event);
    case 'skipped':
      return { ...state, place: advance(state.place, 1) };
    case 'missed': {
      // What was owed for one of these slots is let go with them.
      const { owed, ...rest } = state;
      const stillOwed = owed && owed.until > event.until;
      return { ...rest, served: event.until, ...(stillOwed && { owed }) };
    }
    case 'parked': {
      const { why, hint, key, at, cause } = event;
      return { ...state, parked: { why, hint, key, at, ...(cause !== undefined && { cause }) } };
    }
    case 'freed': {
      const { parked: _, ...freed } = state;
      if (!freed.owed) return freed;
      const { since: _since, ...owed } = freed.owed;
      return { ...freed, owed: { ...owed, retryAt: event.at, times: 0, at: event.at } };
    }
    case 'asked':
      return {
        ...state,
        owed: { ...(state.owed ?? asked(state, event.at)), retryAt: event.at, at: event.at },
      };
    case 'paused':
      return { ...state, paused: event.at };
    case 'resumed': {
      const { paused: _, ...resumed } = state;
      return resumed;
    }
    case 'restored':
      // How often X had refused it counts only in a row, and what came after the export is not known.
      return { ...state, restored: true, ...(state.owed && { owed: { ...state.owed, times: 0 } }) };
    case 'checked':
      return checked(state);
    case 'renamed':
      return afterRenamed(state, event);
  }
}

function afterEdited(
  { owed, ...state }: BotState,
  { poem, next, ahead, by, at }: Extract<LedgerEvent, { event: 'edited' }>,
): BotState {
  // What X had against a line says nothing of the line that a person chose.
  const still = owed && by === 'person' ? { ...asked(state, at), slot: owed.slot, until: owed.until } : owed;
  const gone = goneWith(state, { poem, next, ahead });
  return {
    ...state,
    place: { poem, next, ahead },
    ...(gone !== '' && { gone }),
    ...(still && { owed: still }),
  };
}

/** How many characters of fingerprints are kept: X remembers a text for some hours. */
const maxGone = 50 * 8;

function goneWith({ place: before, gone = '' }: Pick<BotState, 'place' | 'gone'>, after: Cursor): string {
  const stays = new Set(donePrints(after));
  const left = donePrints(before).filter((print) => !stays.has(print));
  return (gone + left.join('')).slice(-maxGone);
}

function afterRenamed(state: BotState, { bot, from }: Extract<LedgerEvent, { event: 'renamed' }>): BotState {
  const was = [...(state.was ?? []).filter((name) => name !== bot), from];
  return { ...state, was, ...(state.open && { open: { ...state.open, bot } }) };
}

/** What is owed when a person asks for it: a line, and no slot. */
const asked = ({ served }: BotState, at: number): Owed => ({
  slot: at,
  until: served,
  retryAt: at,
  why: 'asked',
  reason: 'a person asked for it',
  times: 0,
});

function checked({ restored: _, ...state }: BotState): BotState {
  return state;
}

function afterPosted(
  { open, owed: _, seen, ...state }: BotState,
  posted: Extract<LedgerEvent, { event: 'posted' }>,
): BotState {
  if (!open) throw new RangeError('posted without an intent');
  const after: BotState = {
    ...state,
    place: advance(state.place, open.lines),
    served: Math.max(state.served, open.until),
    last: lastOf(posted, open),
    posts: state.posts + 1,
  };
  if (seen && posted.id === undefined) after.seen = seen;
  return posted.cost === undefined
    ? after
    : withTally(after, charged(state.tally, open, { posts: 0, micros: posted.cost }));
}

/** Made without what is spread on a condition: that takes ten times as long, and this is done for every post. */
function lastOf(posted: Extract<LedgerEvent, { event: 'posted' }>, open: Intent): Last {
  const last: Last = { at: madeAt(posted, open), line: open.line };
  if (posted.id !== undefined) last.id = posted.id;
  if (open.lines > 1) last.lines = open.lines;
  return last;
}

/** @param cost - of looking, in micros */
function afterRefused(
  { open, ...state }: BotState,
  { why, reason, retryAt, at, key }: Pick<Owed, 'why' | 'reason' | 'retryAt' | 'key'> & { at: number },
  cost: number,
): BotState {
  if (!open) throw new RangeError('refused without an intent');
  const again = isAgain(state.owed, why, key) ? state.owed : undefined;
  const times = (again?.times ?? 0) + 1;
  const since = again?.since ?? at;
  const owed: Owed = { slot: open.slot, until: open.until, retryAt, why, reason, times, at, since };
  if (key !== undefined) owed.key = key;
  const absent = timesAbsent(state.owed) + (why === 'absent' ? 1 : 0);
  if (absent > 0) owed.absent = absent;
  const returned = { posts: -1, micros: cost - (open.cost ?? 0) };
  return { ...withTally(state, state.tally && charged(state.tally, open, returned)), owed };
}

/** Whether it is refused for the same once more, and where the key is to blame, with the same one. */
export const isAgain = (owed: Owed | undefined, why: string, key: string | undefined): boolean =>
  owed?.why === why && (key === undefined || owed.key === undefined || owed.key === key);

/** A post that is due and was not even tried: what is in its way is the reason, and it says nothing of the line. */
function held(
  { owed: before }: BotState,
  { slot, until, retryAt, why, reason, at, key }: Extract<LedgerEvent, { event: 'held' }>,
): Owed {
  const again = isAgain(before, why, key) ? before : undefined;
  const since = again?.since ?? at;
  const owed: Owed = { slot, until, retryAt, why, reason, times: (again?.times ?? 0) + 1, at, since };
  if (key !== undefined) owed.key = key;
  const absent = timesAbsent(before);
  if (absent > 0) owed.absent = absent;
  return owed;
}

const afterLooked = (state: BotState, { newest, at }: Extract<LedgerEvent, { event: 'looked' }>): BotState =>
  newest === undefined ? state : { ...state, seen: { id: newest, at } };

/** The post after which a bot's next one comes on its timeline, as far as that is known. */
export const sinceOf = ({ last, seen }: Pick<BotState, 'last' | 'seen'>): string | undefined =>
  seen && seen.at >= (last?.at ?? 0) ? seen.id : last?.id;

/** How often a post was in doubt and then not on the timeline; an older flockd knew only how often in a row. */
export const timesAbsent = (owed: Owed | undefined): number =>
  owed?.absent ?? (owed?.why === 'absent' ? owed.times : 0);

type Absent = Extract<LedgerEvent, { event: 'absent' }>;

function afterAbsent(state: BotState, { at, cost = 0 }: Absent): BotState {
  const why = { why: 'absent', reason: 'it was not on the timeline', retryAt: at, at };
  return afterRefused(state, why, cost);
}

/**
 * A restored bot that finds no post is where it was: the slots that have passed are missed ones. What the look cost belongs
 * to the month in which it was made.
 */
function afterLook({ open: _, ...state }: BotState, { at, cost = 0 }: Absent): BotState {
  const { tally } = state;
  if (!tally) return checked(state);
  const { month, total } = tally;
  const paid = at < month.ends ? { ...month, micros: month.micros + cost } : month;
  return checked({ ...state, tally: { ...tally, month: paid, total: total + cost } });
}

const withTally = <State extends BotState>(state: State, tally: Tally | undefined): State =>
  tally ? { ...state, tally } : state;
