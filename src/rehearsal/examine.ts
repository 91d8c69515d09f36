import { inMicros, inUsd, readingCost } from '../cost.ts';
import type { Bot } from '../flock/load.ts';
import { conditionOf } from '../flock/status.ts';
import type { BotState } from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { fingerprints, lengthOf, type Place, readingOf, startOf } from '../posting/cursor.ts';
import { billFor } from '../sandbox/bill.ts';
import type { Post } from '../sandbox/state.ts';
import { offsetIn } from '../schedule/calendar.ts';
import type { Cast } from './cast.ts';
import { checkPosts } from './check-posts.ts';
import { clockChanges } from './clock-changes.ts';
import { addUp, type BotReport, type Broken, latenessOf, type Report, type Totals } from './report.ts';
import type { Setting, Stage } from './stage.ts';
import type { Tallies, Tally } from './tallies.ts';

/** What was rehearsed. Instants in milliseconds since 1970. */
interface Rehearsed extends Pick<Setting, 'begun' | 'purse' | 'from' | 'faults' | 'seed'> {
  cast: Cast;
  tallies: Tallies;
  until: number;
  days: number;
}

/** Holds what the accounts say against the poems, and what the ledger says against the accounts. */
export function examine(stage: Stage, rehearsed: Rehearsed): Report {
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

function examineBot(bot: Bot, stage: Stage, { cast, tallies, begun, purse, until }: Rehearsed): Examined {
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
): { texts: readonly string[]; again: readonly string[]; from: Place } {
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
const iso = (instant: number): string => new Date(instant).toISOString();
