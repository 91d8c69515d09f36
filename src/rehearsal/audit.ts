import { inMicros, inUsd, readingCost } from '../cost.ts';
import type { Flock } from '../flock/load.ts';
import type { Condition } from '../flock/status.ts';
import type { Change } from '../ledger/journal.ts';
import { type BotState, type Cursor, fingerprints, isFinished, lengthOf, startOf } from '../ledger/state.ts';
import { standingOf } from '../plan/plan.ts';
import type { Line } from '../poems/poem.ts';
import { readingOf } from '../posting/edits.ts';
import { billFor, type Post } from '../sandbox/world.ts';
import { offsetIn, slotCounter, type Stretch } from '../schedule/schedule.ts';
import { iso } from '../text.ts';
import { type Break, checkPosts } from './check-posts.ts';
import { type ClockChange, clockChanges } from './clock-changes.ts';
import type { Harness, HarnessOptions } from './stage.ts';

/** Posts and what came of them. Sums in US dollars. */
interface Totals {
  /** Posts on the sandbox's timeline. */
  posted: number;
  /** Lines in them: a refrain may share its post with the line after it. */
  lines: number;
  /** How often a post was refused. */
  refused: number;
  /** Posts that were in doubt for a while. */
  inDoubt: number;
  /** By the ledger. */
  usd: number;
  /** Slots that passed without a post of their own. */
  missed: number;
  /** Refrains that were let go because X refused them. */
  passedOver: number;
}

/** One bot, and how it stands at the end. */
interface BotReport extends Totals {
  bot: string;
  state: Condition;
  /** Lines done in this pass, of how many. */
  done: number;
  of: number;
  pass: number;
  /** How often it had to wait for a budget. */
  budgetWaits: number;
  why?: string;
  hint?: string;
}

/** What an account says otherwise than its poem, or the ledger otherwise than the account. */
export type Broken =
  | { bot: string; what: Break['what']; line: number; at: string }
  | { bot: string; what: 'ledger'; says: string };

/** How late posts came, counted from their slots and the offsets that spread them. Milliseconds. */
interface Lateness {
  p50: number;
  p99: number;
  max: number;
}

interface LeftOut {
  bot: string;
  why: string;
  hint?: string;
}

/** What a rehearsal came to. Instants are ISO 8601. */
export interface Report extends Totals {
  from: string;
  until: string;
  days: number;
  seed: string;
  faults: { rate: number; drawn: Record<string, number> };
  /** Whether every line was posted once and in order, and no bot needs a person. */
  kept: boolean;
  broken: Broken[];
  /** Posts in doubt that could not be settled. */
  unsettled: number;
  /** How often posts were refused, by the reason. */
  refusals: Record<string, number>;
  late: Lateness | undefined;
  /** The longest that a spread puts a post off. Milliseconds. */
  spread: number;
  /** What the sandbox bills for it all, in US dollars. */
  bill: number;
  clockChanges: ClockChange[];
  bots: BotReport[];
  leftOut: LeftOut[];
}

/** @param instants - how late each post was, in any order */
export function latenessOf(instants: readonly number[]): Lateness | undefined {
  const sorted = Float64Array.from(instants).sort();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** What several counted, by name, the most often first. */
function addUp(counts: Iterable<ReadonlyMap<string, number>>): Record<string, number> {
  const sum = new Map<string, number>();
  for (const counted of counts)
    for (const [name, count] of counted) sum.set(name, (sum.get(name) ?? 0) + count);
  return Object.fromEntries([...sum].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

/** What was rehearsed. Instants in milliseconds since 1970. */
interface Rehearsed extends Pick<HarnessOptions, 'purse' | 'from' | 'faults' | 'seed'> {
  tallies: Tallies;
  until: number;
  days: number;
  /** The bots that could not take part. */
  invalidBots: Flock['invalidBots'];
}

/** Checks what the accounts say against the poems, and what the ledger says against the accounts. */
export function examine(harness: Harness, rehearsed: Rehearsed): Report {
  const { tallies, purse, from, until, days, faults, seed, invalidBots } = rehearsed;
  const examined = harness.bots.map((bot) => examineBot(bot, harness, rehearsed));
  const bots = examined.map(({ report }) => report);
  const broken = examined.flatMap((found) => found.broken);
  const totals = sumOf(bots);
  const bill = billFor(harness.sandbox.world.usage, purse.prices);
  const unsure = readingCost({ posts: harness.transport.unsureReads }, purse.prices);
  const isBilled = Math.abs(inMicros(bill) - inMicros(totals.usd)) <= unsure;
  const unsettled = bots.filter(({ state }) => state === 'in doubt').length;
  const isWell = bots.every(({ state }) => state !== 'parked') && unsettled === 0 && invalidBots.length === 0;
  const witnesses = harness.bots.map(({ name, settings: { schedule, timezone } }) => {
    return { bot: name, schedule, timezone, slots: new Set(tallies.of(name).slots.values()) };
  });
  const offsets = harness.bots.map(({ name, settings }) => offsetIn(settings.spread, name));
  return {
    from: iso(from),
    until: iso(until),
    days,
    seed,
    faults: { rate: faults, drawn: addUp([harness.mix.drawn]) },
    kept: broken.length === 0 && isBilled && isWell,
    broken,
    ...totals,
    unsettled,
    refusals: addUp(harness.bots.map(({ name }) => tallies.of(name).refused)),
    late: latenessOf(examined.flatMap(({ late }) => late)),
    spread: offsets.reduce((most, offset) => Math.max(most, offset), 0),
    bill,
    clockChanges: clockChanges(witnesses, { from, until }),
    bots,
    leftOut: invalidBots.map(({ bot, error: { message: why, hint } }) => {
      return { bot, why, ...(hint !== undefined && { hint }) };
    }),
  };
}

interface Examined {
  report: BotReport;
  broken: Broken[];
  /** How late each post was. Milliseconds. */
  late: number[];
}

function examineBot(
  bot: Harness['bots'][number],
  harness: Harness,
  { tallies, purse, until }: Rehearsed,
): Examined {
  const { name, settings, bundle, lines, state: before } = bot;
  const state = harness.ledger.state(name);
  const posts = harness.sandbox.world.postsOf(bundle.userId ?? '');
  const { atEnd, refrain } = settings;
  const expected = { ...expectedOf(lines, before), atEnd, refrain };
  const checked = checkPosts(expected, posts, harness.transport.repeatsOf(bundle.accessToken.reveal().token));
  const tally = tallies.of(name);
  const flock = { history: harness.ledger.history(), purse };
  const { condition, why, hint } = standingOf({ ...bot, account: undefined, state }, flock, until);
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
      budgetWaits: harness.budgetWaits.get(name) ?? 0,
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

/** Adds up the changes of a ledger, for each bot. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #bots: ReadonlyMap<string, Harness['bots'][number]['settings']>;

  constructor(bots: HarnessOptions['bots']) {
    this.#bots = new Map(bots.map(({ name, settings }) => [name, settings]));
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

  /** How many slots a bot has in a stretch of time. */
  #slotsIn(bot: string, stretch: Stretch): number {
    const { schedule: expression, timezone } = this.#bots.get(bot) ?? {};
    if (expression === undefined || timezone === undefined || stretch.until <= stretch.from) return 0;
    // Most stretches are asked about once: a counter that is kept would keep a million of them.
    return slotCounter()({ expression, timezone }, stretch);
  }

  #posted(tally: Tally, { open, served }: BotState, id: string): void {
    if (!open) return;
    tally.slots.set(id, open.slot);
    const slots = this.#slotsIn(open.bot, { from: served, until: open.until });
    if (slots > 1) tally.missed += slots - 1;
  }
}
