import type { Bot } from '../config/flock-file.ts';
import { inMicros, inUsd, readingCost } from '../cost.ts';
import { conditionOf } from '../flock/status.ts';
import { fingerprints, isFinished, lengthOf, type Cursor, startOf } from '../ledger/cursor.ts';
import type { Change } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { readingOf } from '../posting/edits.ts';
import { billFor, type Post } from '../sandbox/world.ts';
import { offsetIn, type Stretch } from '../schedule/schedule.ts';
import { checkPosts } from './check-posts.ts';
import { clockChanges } from './clock-changes.ts';
import {
  addUp,
  type BotReport,
  type Broken,
  type Participants,
  latenessOf,
  type Report,
  type Totals,
} from './report.ts';
import type { Setting, Harness } from './stage.ts';
import { iso } from '../text.ts';

/** What was rehearsed. Instants in milliseconds since 1970. */
interface Rehearsed extends Pick<Setting, 'begun' | 'purse' | 'from' | 'faults' | 'seed'> {
  cast: Participants;
  tallies: Tallies;
  until: number;
  days: number;
}

/** Holds what the accounts say against the poems, and what the ledger says against the accounts. */
export function examine(stage: Harness, rehearsed: Rehearsed): Report {
  const { cast, tallies, purse, from, until, days, faults, seed } = rehearsed;
  const examined = stage.bots.map((bot) => examineBot(bot, stage, rehearsed));
  const bots = examined.map(({ report }) => report);
  const broken = examined.flatMap((found) => found.broken);
  const totals = sumOf(bots);
  const bill = billFor(stage.sandbox.world.usage, purse.prices);
  const unsure = readingCost({ posts: stage.wire.unsureReads }, purse.prices);
  const isBilled = Math.abs(inMicros(bill) - inMicros(totals.usd)) <= unsure;
  const unsettled = bots.filter(({ state }) => state === 'in doubt').length;
  const isWell =
    bots.every(({ state }) => state !== 'parked') && unsettled === 0 && cast.leftOut.length === 0;
  const witnesses = stage.bots.map(({ name, settings: { schedule, timezone } }) => {
    return { bot: name, schedule, timezone, slots: new Set(tallies.of(name).slots.values()) };
  });
  return {
    from: iso(from),
    until: iso(until),
    days,
    seed,
    faults: { rate: faults, drawn: addUp([stage.mix.drawn]) },
    kept: broken.length === 0 && isBilled && isWell,
    broken,
    ...totals,
    unsettled,
    refusals: addUp(stage.bots.map(({ name }) => tallies.of(name).refused)),
    late: latenessOf(examined.flatMap(({ late }) => late)),
    spread: stage.bots.reduce(
      (most, { name, settings }) => Math.max(most, offsetIn(settings.spread, name)),
      0,
    ),
    bill,
    clockChanges: clockChanges(witnesses, { from, until }),
    bots,
    leftOut: cast.leftOut,
  };
}

interface Examined {
  report: BotReport;
  broken: Broken[];
  /** How late each post was. Milliseconds. */
  late: number[];
}

function examineBot(bot: Bot, stage: Harness, { cast, tallies, begun, purse, until }: Rehearsed): Examined {
  const { name, settings, bundle } = bot;
  const state = stage.ledger.state(name);
  const before = begun.states.get(name);
  const lines = cast.lines.get(name) ?? [];
  const posts = stage.sandbox.world.postsOf(bundle.userId ?? '');
  const { atEnd, refrain } = settings;
  const expected = { ...expectedOf(lines, before), atEnd, refrain };
  const checked = checkPosts(expected, posts, stage.wire.repeatsOf(bundle.accessToken.reveal().token));
  const tally = tallies.of(name);
  const linked = new Set(lines.flatMap(({ text }, line) => (hasLink(text) ? [line] : [])));
  const files = { bot: name, account: undefined, lines: lines.length, linked, settings, unfit: undefined };
  const now = { history: stage.ledger.history(), purse, isStopped: false, now: until };
  const { condition, why, hint } = conditionOf(files, state, now);
  const broken: Broken[] = checked.breaks.map(({ what, line, instant }) => {
    return { bot: name, what, line, at: iso(instant) };
  });
  // A refrain that was let go after the last post is done by the ledger alone.
  const next = refrain === 'skip' ? undefined : checked.next;
  const says = broken.length > 0 ? undefined : disagreement(state, before, posts.length, next);
  if (says !== undefined) broken.push({ bot: name, what: 'ledger', says });
  return {
    report: {
      bot: name,
      state: condition,
      done: state?.place.next ?? 0,
      of: lines.length,
      pass: state?.pass ?? 1,
      posted: posts.length,
      lines: posts.length + checked.joined,
      refused: sum([...tally.refused.values()]),
      inDoubt: tally.settled + (state?.open && !state.open.look ? 1 : 0),
      usd: inUsd(spentOf(state) - spentOf(before)),
      missed: tally.missed,
      passedOver: checked.passedOver,
      budgetWaits: stage.log.budgetWaits(name)?.times ?? 0,
      ...(why !== undefined && { why }),
      ...(hint !== undefined && { hint }),
    },
    broken,
    late: latenessesOf(posts, tally, offsetIn(settings.spread, name)),
  };
}

/** Where a bot was in its poem as it is now, and what it reads: in its first pass and in those that follow. */
function expectedOf(
  lines: readonly Line[],
  before: BotState | undefined,
): { texts: readonly string[]; again: readonly string[]; from: Cursor } {
  const again = lines.map(({ text }) => text);
  const read = before && readingOf(before.place, lines);
  const texts = read && read.lines !== lines ? read.lines.map(({ text }) => text) : again;
  return { texts, again, from: read?.place ?? startOf(fingerprints(lines)) };
}

/** What the ledger says of a bot, where its account says otherwise. */
function disagreement(
  state: BotState | undefined,
  before: BotState | undefined,
  posts: number,
  next: number | undefined,
): string | undefined {
  const said = (state?.posts ?? 0) - (before?.posts ?? 0);
  // A post that is still in doubt may be there.
  if (said !== posts && !(state?.open && said + 1 === posts)) return `${said} posts, and there are ${posts}`;
  if (!state || posts === 0 || state.open || next === undefined) return undefined;
  const all = lengthOf(state.place);
  if (state.place.next % all === next % all) return undefined;
  return `line ${state.place.next + 1} is next, and it is line ${next + 1}`;
}

/** Since it began, in micros; what is reserved for a post that is in doubt may be given back. */
const spentOf = (state: BotState | undefined): number =>
  (state?.tally?.total ?? 0) - (state?.open?.cost ?? 0);

/** @param offset - of the bot from its slots: what is within it is not late */
const latenessesOf = (posts: readonly Post[], { slots }: Tally, offset: number): number[] =>
  posts.flatMap(({ id, instant }) => {
    const slot = slots.get(id);
    return slot === undefined ? [] : [Math.max(0, instant - slot - offset)];
  });

function sumOf(bots: readonly BotReport[]): Totals {
  const of = (name: keyof Totals): number => sum(bots.map((bot) => bot[name]));
  return {
    posted: of('posted'),
    lines: of('lines'),
    refused: of('refused'),
    inDoubt: of('inDoubt'),
    usd: inUsd(sum(bots.map(({ usd }) => inMicros(usd)))),
    missed: of('missed'),
    passedOver: of('passedOver'),
  };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

/** What the ledger was told about one bot. */
interface Tally {
  /** The slot of each post, by the post's id. */
  slots: Map<string, number>;
  /** How often a post was refused, by the reason. */
  refused: Map<string, number>;
  /** Posts that were in doubt, and that the timeline has settled. */
  settled: number;
  /** Slots without a post of their own. */
  missed: number;
}

/** Adds up what a ledger is told, for each bot. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #slotsIn: (bot: string, stretch: Stretch) => number;

  /** @param slotsIn - how many slots a bot has in a stretch of time */
  constructor(slotsIn: (bot: string, stretch: Stretch) => number) {
    this.#slotsIn = slotsIn;
  }

  of(bot: string): Tally {
    const known = this.#tallies.get(bot);
    if (known) return known;
    const fresh = {
      slots: new Map<string, number>(),
      refused: new Map<string, number>(),
      settled: 0,
      missed: 0,
    };
    this.#tallies.set(bot, fresh);
    return fresh;
  }

  /** Adds a change of the ledger. */
  add({ event, before }: Change): void {
    const tally = this.of(event.bot);
    if (event.event === 'refused') tally.refused.set(event.why, (tally.refused.get(event.why) ?? 0) + 1);
    // Slots after the end of a poem that is not to begin again are nobody's.
    if (event.event === 'missed' && before && !isFinished(before.place))
      tally.missed += this.#slotsIn(event.bot, { from: before.served, until: event.until });
    if (!before?.open) return;
    const isSettled = event.event === 'absent' || (event.event === 'posted' && event.by === 'timeline');
    if (isSettled && before.open.look === undefined) tally.settled++;
    if (event.event === 'posted') this.#posted(tally, before, event.id ?? '');
  }

  #posted(tally: Tally, { open, served }: BotState, id: string): void {
    if (!open) return;
    tally.slots.set(id, open.slot);
    const slots = this.#slotsIn(open.bot, { from: served, until: open.until });
    if (slots > 1) tally.missed += slots - 1;
  }
}
