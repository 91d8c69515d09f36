import { hash } from 'node:crypto';
import * as z from 'zod';
import { comparable, withoutLinks } from '../poems/tweet-text.ts';
import { intent, type LedgerEvent, madeAt, type Price } from './events.ts';
import { charged, tally } from './history.ts';

const cursor = z.object({
  /** The poem as the bot knows it: a fingerprint of {@link printLength} characters for each line, in order. */
  poem: z.string(),
  /** The first line that is not done. As many as the poem has lines when all are. */
  next: z.int(),
  /** Lines after `next` that are done all the same, because the poem was reordered. Ascending. */
  ahead: z.array(z.int()).readonly(),
});

/**
 * Where a bot is in its poem. Lines are known by their text, not their number, so that the poem may be edited
 * while the bot is in the middle of it.
 */
export type Cursor = z.infer<typeof cursor>;

/** 48 bits tell the lines of the longest poem apart. */
const printLength = 8;

/** Words of plain ASCII with one space between them, and without a link, which would have a stop in it. */
const plain = /^(?!.*\.\S)[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/**
 * A line's fingerprint, by which ledgers know it: the same in every version. Any link is as good as another, since X rewrites
 * them. To find a text on a timeline takes {@link markOf}: X changes more than this is blind for.
 */
export function fingerprint(text: string): string {
  const seen = plain.test(text) ? text : withoutLinks(text.normalize('NFC')).trim().replaceAll(/\s+/gu, ' ');
  return hash('sha256', seen, 'base64url').slice(0, printLength);
}

/** By the lines of the poem: every step of a bot asks for them. */
const ofPoems = new WeakMap<readonly object[], string>();

/** The fingerprints of all lines of a poem, as {@link Cursor} has them. */
export function fingerprints(lines: readonly { text: string }[]): string {
  const known = ofPoems.get(lines) ?? lines.map(({ text }) => fingerprint(text)).join('');
  ofPoems.set(lines, known);
  return known;
}

/** The fingerprints of a poem, one by one. */
export const prints = (poem: string): string[] => poem.match(new RegExp(`.{${printLength}}`, 'g')) ?? [];

export const startOf = (poem: string): Cursor => ({ poem, next: 0, ahead: [] });

export const lengthOf = ({ poem }: Pick<Cursor, 'poem'>): number => poem.length / printLength;

export const isFinished = (place: Cursor): boolean => place.next >= lengthOf(place);

/** The place after the next `count` lines are done. */
export function advance(place: Cursor, count: number): Cursor {
  if (place.ahead.length === 0) return { ...place, next: place.next + count };
  const ahead = new Set(place.ahead);
  let { next } = place;
  for (let done = 0; done < count; done++) {
    do next++;
    while (ahead.has(next));
  }
  return { ...place, next, ahead: place.ahead.filter((line) => line > next) };
}

/** Equal for texts that people would call the same, whatever X has made of one of them. */
export const markOf = (text: string): string =>
  hash('sha256', comparable(text), 'base64url').slice(0, printLength);

/** Tells which lines are done. */
export function doneIn({ next, ahead }: Cursor): (line: number) => boolean {
  const done = new Set(ahead);
  return (line) => line < next || done.has(line);
}

/** The lines that are still to come, in order. */
export function linesLeft(place: Cursor): number[] {
  const isDone = doneIn(place);
  return Array.from({ length: lengthOf(place) }, (_, line) => line).filter((line) => !isDone(line));
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
  /** When it was recorded, and when the first refusal in that row was. */
  at: z.int().optional(),
  since: z.int().optional(),
  /** How often it was in doubt and then not on the timeline. */
  absent: z.int().optional(),
  /** Identifies the key that X refused. */
  key: z.string().optional(),
  /** Names the attempt that was in doubt: it is the same when it is tried again, because the network may still get it. */
  attempt: z.string().optional(),
});

export const botState = z.object({
  place: cursor,
  /** The id of the account that it posts as. */
  account: z.string().optional(),
  /** How often it has begun its poem, this time included. */
  pass: z.int(),
  /** Every slot up to this instant is settled. */
  served: z.int(),
  /** Confirmed posts, in all passes. */
  posts: z.int(),
  /** The post that has no outcome yet. */
  open: intent.optional(),
  /** A post that was tried and is still owed: a refusal does not lose the slot's line. */
  owed: owed.optional(),
  /** Its last confirmed post. `id` is missing if a person confirmed it, `lines` if it is one line. */
  last: z
    .object({ id: z.string().optional(), at: z.int(), line: z.int(), lines: z.int().optional() })
    .optional(),
  /** Fingerprints of the last lines that were posted before an edit changed them: X may still have them, and refuse the same text. */
  gone: z.string().optional(),
  /** The newest post of its account in a look, if its own last post has no id. */
  seen: z.object({ id: z.string(), at: z.int() }).optional(),
  parked: z
    .object({ why: z.string(), hint: z.string(), key: z.string(), at: z.int(), cause: z.string().optional() })
    .optional(),
  /** Since when it is paused by a person. */
  paused: z.int().optional(),
  /** It was restored from an older state, and may have posted more than it knows. */
  restored: z.literal(true).optional(),
  tally: tally.optional(),
  /** Its earlier names, the latest last. */
  was: z.array(z.string()).optional(),
});

/** What the ledger says of one bot: all of its events folded into one. Instants are milliseconds since 1970. */
export type BotState = z.infer<typeof botState>;
export type Owed = z.infer<typeof owed>;

/** Adds the state after an event to the states of all bots. */
export function putState(states: Map<string, BotState>, event: LedgerEvent, after: BotState): void {
  if (event.event === 'renamed') states.delete(event.from);
  states.set(event.bot, after);
}

/**
 * The state after one more event.
 *
 * @throws {RangeError} if the event cannot follow the ones before it
 */
export function applyEvent(state: BotState | undefined, event: LedgerEvent): BotState {
  if (event.event === 'begun') {
    const { poem, at, account } = event;
    return { place: startOf(poem), ...(account !== undefined && { account }), pass: 1, served: at, posts: 0 };
  }
  if (!state) throw new RangeError(`${event.bot}: ${event.event} before it began`);
  switch (event.event) {
    case 'edited':
      return afterEdited(state, event);
    case 'again':
      return { ...state, place: startOf(event.poem), pass: state.pass + 1 };
    case 'intent':
      return withCharge({ ...state, open: event }, event, { posts: 1, micros: event.cost ?? 0 });
    case 'looked': {
      const { newest, at, cost = 0 } = event;
      const seen = newest === undefined ? undefined : { id: newest, at };
      return { ...withCharge(state, event, { posts: 0, micros: cost }), ...(seen && { seen }) };
    }
    case 'held':
      return { ...state, owed: owedAfter(state.owed, event, { ...event, attempt: state.owed?.attempt }) };
    case 'posted':
      return afterPosted(state, event);
    case 'refused':
      return afterRefused(state, event);
    case 'absent': {
      if (state.open?.look) return afterLook(state, event);
      const { at, cost } = event;
      const attempt = state.open?.attempt;
      const reason = 'it was not on the timeline';
      return afterRefused(state, { why: 'absent', reason, retryAt: at, at, attempt }, cost);
    }
    case 'skipped':
      return { ...state, place: advance(state.place, 1) };
    case 'missed': {
      // What was owed for one of these slots is missed with them.
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
    case 'asked': {
      const { at } = event;
      return { ...state, owed: { ...(state.owed ?? asked(state, at)), retryAt: at, at } };
    }
    case 'paused':
      return { ...state, paused: event.at };
    case 'resumed': {
      const { paused: _, ...resumed } = state;
      return resumed;
    }
    case 'restored':
      // Refusals count only in a row, and what followed the export is not known.
      return { ...state, restored: true, ...(state.owed && { owed: { ...state.owed, times: 0 } }) };
    case 'checked':
      return checked(state);
    case 'renamed': {
      const was = [...(state.was ?? []).filter((name) => name !== event.bot), event.from];
      return { ...state, was, ...(state.open && { open: { ...state.open, bot: event.bot } }) };
    }
  }
}

function checked({ restored: _, ...state }: BotState): BotState {
  return state;
}

function withCharge<State extends BotState>(
  state: State,
  price: Price,
  amount: { posts: number; micros: number },
): State {
  const tally = charged(state.tally, price, amount);
  return tally ? { ...state, tally } : state;
}

function afterEdited(
  { owed, ...state }: BotState,
  { poem, next, ahead, by, at }: Extract<LedgerEvent, { event: 'edited' }>,
): BotState {
  // What X had against a line says nothing of the line that a person chose.
  const still = owed && by === 'person' ? { ...asked(state, at), slot: owed.slot, until: owed.until } : owed;
  // A mark belongs to one line: another line needs another mark.
  const isSameLine = by === undefined && printAt(state.place, state.place.next) === printAt({ poem }, next);
  const gone = goneWith(state, { poem, next, ahead });
  return {
    ...state,
    place: { poem, next, ahead },
    ...(gone !== '' && { gone }),
    ...(still && { owed: isSameLine ? still : withoutAttempt(still) }),
  };
}

const printAt = ({ poem }: Pick<Cursor, 'poem'>, line: number): string =>
  poem.slice(line * printLength, (line + 1) * printLength);

function withoutAttempt({ attempt: _, ...rest }: Owed): Owed {
  return rest;
}

/** How many characters of fingerprints are kept: X remembers a text for some hours. */
const maxGone = 50 * 8;

function goneWith({ place: before, gone = '' }: Pick<BotState, 'place' | 'gone'>, after: Cursor): string {
  const donePrints = (place: Cursor): string[] => {
    const isDone = doneIn(place);
    return prints(place.poem).filter((_, line) => isDone(line));
  };
  const stays = new Set(donePrints(after));
  const left = donePrints(before).filter((print) => !stays.has(print));
  return (gone + left.join('')).slice(-maxGone);
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

function afterPosted(
  { open, owed: _, seen, ...state }: BotState,
  posted: Extract<LedgerEvent, { event: 'posted' }>,
): BotState {
  if (!open) throw new RangeError('posted without an intent');
  const { id, cost = 0 } = posted;
  const { line, lines } = open;
  const after: BotState = {
    ...state,
    place: advance(state.place, lines),
    served: Math.max(state.served, open.until),
    last: {
      at: madeAt(posted, open),
      line,
      ...(id !== undefined && { id }),
      ...(lines > 1 && { lines }),
    },
    posts: state.posts + 1,
    ...(seen && id === undefined && { seen }),
  };
  return cost === 0 ? after : withCharge(after, open, { posts: 0, micros: cost });
}

type Refusal = Pick<Owed, 'why' | 'reason' | 'retryAt' | 'key' | 'attempt'> & { at: number };

/** @param cost - of looking, in micros */
function afterRefused({ open, ...state }: BotState, refusal: Refusal, cost = 0): BotState {
  if (!open) throw new RangeError('refused without an intent');
  const refunded = withCharge(state, open, { posts: -1, micros: cost - (open.cost ?? 0) });
  return { ...refunded, owed: owedAfter(state.owed, open, refusal) };
}

/** What is owed after a refusal, or after a due post was not even tried. */
function owedAfter(
  before: Owed | undefined,
  { slot, until }: Pick<Owed, 'slot' | 'until'>,
  { why, reason, retryAt, at, key, attempt }: Refusal,
): Owed {
  const again = isAgain(before, why, key) ? before : undefined;
  const absent = timesAbsent(before) + (why === 'absent' ? 1 : 0);
  return {
    slot,
    until,
    retryAt,
    why,
    reason,
    times: (again?.times ?? 0) + 1,
    at,
    since: again?.since ?? at,
    ...(key !== undefined && { key }),
    ...(absent > 0 && { absent }),
    ...(attempt !== undefined && { attempt }),
  };
}

/** Whether a refusal repeats the last one: for the same reason and, if it is about the key, with the same key. */
export const isAgain = (owed: Owed | undefined, why: string, key: string | undefined): boolean =>
  owed?.why === why && (key === undefined || owed.key === undefined || owed.key === key);

/** How often a post was in doubt and then not on the timeline. An older flockd counted only how often in a row. */
export const timesAbsent = (owed: Owed | undefined): number =>
  owed?.absent ?? (owed?.why === 'absent' ? owed.times : 0);

/** The last known post before a bot's next one on its timeline. */
export const sinceOf = ({ last, seen }: Pick<BotState, 'last' | 'seen'>): string | undefined =>
  seen && seen.at >= (last?.at ?? 0) ? seen.id : last?.id;

/**
 * A restored bot that finds no post is where it was: the slots that have passed were missed. The cost of the look belongs to
 * the month in which it was made.
 */
function afterLook(
  { open: _, ...state }: BotState,
  { at, cost = 0 }: Extract<LedgerEvent, { event: 'absent' }>,
): BotState {
  const { tally } = state;
  if (!tally) return checked(state);
  const { month, total } = tally;
  const paid = at < month.ends ? { ...month, micros: month.micros + cost } : month;
  return checked({ ...state, tally: { ...tally, month: paid, total: total + cost } });
}
