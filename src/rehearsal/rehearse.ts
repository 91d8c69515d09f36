import { Temporal } from 'temporal-polyfill';
import { inMicros, inUsd, readingCost } from '../cost.ts';
import { FlockError } from '../errors.ts';
import type { Flock, WholeFlock } from '../flock/load.ts';
import type { Change, JournalContents, Ledger } from '../ledger/journal.ts';
import { type BotState, fingerprints, isFinished, lengthOf, startOf } from '../ledger/state.ts';
import { type BotToPlan, readBots, standingOf } from '../plan/plan.ts';
import { readingOf } from '../posting/edits.ts';
import { billFor, idOf, type Post } from '../sandbox/world.ts';
import { countSlots, nextAfter, offsetIn, type Stretch } from '../schedule/schedule.ts';
import { counted, grouped, iso } from '../text.ts';
import { checkPosts } from './check-posts.ts';
import { openHarness } from './stage.ts';

/*
 * A rehearsal: runs a flock through a time to come, and says what came of it.
 */

/** A rehearsal of so many takes a few minutes and about a gigabyte. */
const maxSlots = 1_000_000;

/** @throws {FlockError} `usage` where a flock has more slots in that time than can be rehearsed */
function mustBeFew(bots: readonly BotToPlan[], { from, until, days }: Stretch & { days: number }): void {
  let all = 0;
  for (const { settings, state } of bots) {
    if (settings.paused || state?.paused !== undefined || state?.parked) continue;
    // Slots that were missed are posted too where all of them are wanted.
    const since = settings.missed === 'all' ? Math.min(from, state?.served ?? from) : from;
    const { schedule: expression, timezone } = settings;
    all += countSlots({ expression, timezone }, { from: since, until });
  }
  if (all <= maxSlots) return;
  const fit = Math.floor((days * maxSlots) / all);
  const fewer = fit >= 1 ? `--days ${fit}, or fewer bots with --bot` : 'choose some of the bots with --bot';
  throw new FlockError(
    'usage',
    `about ${counted(all, 'slot')} in ${days} ${days === 1 ? 'day' : 'days'} are too many to rehearse`,
    { hint: `${maxSlots.toLocaleString('en-US')} are the most: ${fewer}` },
  );
}

export interface RehearsalOptions {
  flock: WholeFlock;
  /** What the real ledger says: the rehearsal begins where the flock is. */
  begun: Pick<JournalContents, 'states' | 'history'>;
  /** When it begins, in milliseconds since 1970, and how long it goes on. */
  from: number;
  days: number;
  /** The share of requests that are spoiled, from 0 to 1; the same seed spoils the same ones. */
  faults: number;
  seed: string;
  readPoem: (file: string) => Promise<string>;
  /** Told every now and then of the share of the time that has passed, from 0 to 1, and of the posts made in it. */
  progress?: (share: number, posts: number) => void;
  /** Ends it early. */
  signal?: AbortSignal;
  /** Comes between the daemon and its ledger. */
  through?: (ledger: Ledger) => Ledger;
}

const day = 86_400_000;

/**
 * Runs a flock through a time to come: the real daemon and journal, in memory, on a held clock, against a sandbox in this
 * process. Nothing real is posted, no real key is used and no file is written.
 *
 * @throws {FlockError} `usage` for more slots than can be rehearsed, `data` where no bot can post, `interrupted` where the
 * signal comes
 */
export async function rehearse(options: RehearsalOptions): Promise<Report> {
  const { flock, begun, from, days, faults, seed } = options;
  const { bots, invalidBots } = await readBots(flock, begun.states, options.readPoem);
  if (bots.length === 0) throw noBots(invalidBots);
  const until = from + days * day;
  mustBeFew(bots, { from, until, days });
  const tallies = new Tallies(bots);
  const { flockBudget } = flock;
  const { through = (ledger: Ledger) => ledger } = options;
  const changed = (change: Change): void => tallies.add(change);
  const { history } = begun;
  const shared = { bots, flockBudget, history };
  await using harness = await openHarness({ ...shared, from, faults, seed, through, changed });
  await play(harness, until, options);
  return examine(harness, { ...options, tallies, until, invalidBots });
}

/** Why nothing can be rehearsed: what keeps the first bot from it. */
function noBots([first, ...others]: Flock['invalidBots']): FlockError {
  if (!first) {
    const hint = 'poems are text files in the poems folder; --root DIR names the flock';
    return new FlockError('data', 'there is no poem to rehearse', { hint });
  }
  const { exit, message, hint } = first.error;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  const why = `no bot can be rehearsed: ${message}${more}`;
  return new FlockError(exit, why, { hint, cause: first.error });
}

const hour = 3_600_000;
const minute = 60_000;

async function play(
  harness: Harness,
  until: number,
  { from, progress, signal }: RehearsalOptions,
): Promise<void> {
  harness.setPaused(false);
  for (let instant = from; instant < until; instant += hour) {
    await harness.until(Math.min(instant + hour, until));
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
    progress?.((harness.clock.now() - from) / (until - from), harness.sandbox.world.posts.length);
  }
  // What is in doubt when the time is over gets another day to be settled in.
  harness.setPaused(true);
  while (harness.inDoubt() && harness.clock.now() < until + day) {
    await harness.until(harness.clock.now() + minute);
    if (signal?.aborted === true) throw new FlockError('interrupted', 'interrupted');
  }
}

/** What an account says otherwise than its poem, or the ledger otherwise than the account. */
export type Broken =
  | { bot: string; what: ReturnType<typeof checkPosts>['breaks'][number]['what']; line: number; at: string }
  | { bot: string; what: 'ledger'; says: string };

type Harness = Awaited<ReturnType<typeof openHarness>>;

/** What a rehearsal came to. Instants are ISO 8601, sums US dollars. */
export type Report = ReturnType<typeof examine>;

/** What was rehearsed, and what was heard of it. Instants in milliseconds since 1970. */
interface Rehearsed extends RehearsalOptions {
  tallies: Tallies;
  until: number;
  /** The bots that could not take part. */
  invalidBots: Flock['invalidBots'];
}

/** Checks what the accounts say against the poems, and what the ledger says against the accounts. */
function examine(harness: Harness, rehearsed: Rehearsed) {
  const { tallies, from, until, days, faults, seed, invalidBots } = rehearsed;
  const { prices } = rehearsed.flock.flockBudget;
  const { drawn } = harness.transport.mix;
  const examined = harness.bots.map((bot) => examineBot(bot, harness, rehearsed));
  const bots = examined.map(({ report }) => report);
  const broken = examined.flatMap((found) => found.broken);
  const totals = sumOf(bots);
  const bill = billFor(harness.sandbox.world.usage, prices);
  const unsure = readingCost({ posts: harness.transport.unsureReads }, prices);
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
    faults: { rate: faults, drawn: addUp([drawn]) },
    /** Whether every line was posted once and in order, and no bot needs a person. */
    kept: broken.length === 0 && isBilled && isWell,
    broken,
    ...totals,
    /** Posts in doubt that could not be settled. */
    unsettled,
    /** How often posts were refused, by the reason. */
    refusals: addUp(harness.bots.map(({ name }) => tallies.of(name).refused)),
    late: latenessOf(examined.flatMap(({ late }) => late)),
    /** The longest that a spread puts a post off. Milliseconds. */
    spread: offsets.reduce((most, offset) => Math.max(most, offset), 0),
    /** What the sandbox bills for it all. */
    bill,
    clockChanges: clockChanges(witnesses, { from, until }),
    bots,
    leftOut: invalidBots.map(asLeftOut),
  };
}

const asLeftOut = ({
  bot,
  error,
}: Flock['invalidBots'][number]): Pick<BotReport, 'bot' | 'hint'> & { why: string } => ({
  bot,
  why: error.message,
  ...(error.hint !== undefined && { hint: error.hint }),
});

/** One bot, how it stands at the end, and how late each of its posts was in milliseconds. */
function examineBot(
  bot: Harness['bots'][number],
  harness: Harness,
  { tallies, flock: { flockBudget }, until }: Rehearsed,
) {
  const name: string = bot.name;
  const { settings, bundle, lines, network, state: before } = bot;
  const state = harness.ledger.state(name);
  const posts = harness.sandbox.world.postsOf(bot.accountId);
  const { atEnd, refrain } = settings;
  // Where it was in its poem as it is now, and what it reads: in its first pass and in those that follow.
  const read = before && readingOf(before.place, lines, bot.rules);
  const again = lines.map(({ text }) => text);
  const texts = read && read.lines !== lines ? read.lines.map(({ text }) => text) : again;
  const place = read?.place ?? startOf(fingerprints(lines));
  const expected = { texts, again, from: place, atEnd, refrain, network: network.name };
  const checked = checkPosts(expected, posts, harness.transport.repeatsOf(bundle.accessToken.reveal().token));
  const tally = tallies.of(name);
  const flock = { history: harness.ledger.history(), flockBudget };
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
      network: network.name,
      state: condition,
      /** Lines done in this pass, of how many. */
      done: state?.place.next ?? 0,
      of: lines.length,
      pass: state?.pass ?? 1,
      /** Posts on the sandbox's timeline. */
      posted: posts.length,
      /** Lines in them: a refrain may share its post with the line after it. */
      lines: posts.length + checked.joined,
      /** How often a post was refused. */
      refused: sum([...tally.refused.values()]),
      /** Posts that were in doubt for a while. */
      inDoubt: tally.settled + (state?.open && !state.open.look ? 1 : 0),
      /** By the ledger. */
      usd: inUsd(spentOf(state) - spentOf(before)),
      /** Slots that passed without a post of their own. */
      missed: tally.missed,
      /** Refrains that were let go because X refused them. */
      passedOver: checked.passedOver,
      /** How often it had to wait for a budget. */
      budgetWaits: harness.budgetWaits.get(name) ?? 0,
      ...(why !== undefined && { why }),
      ...(hint !== undefined && { hint }),
    },
    broken,
    late: latenessesOf(posts, tally, offsetIn(settings.spread, name)),
  };
}

type BotReport = ReturnType<typeof examineBot>['report'];

/** How late posts came, counted from their slots and the offsets that spread them. @param all - in any order. Milliseconds */
export function latenessOf(all: readonly number[]): { p50: number; p99: number; max: number } | undefined {
  const sorted = Float64Array.from(all).sort();
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
  posts.flatMap((post) => {
    const slot = slots.get(idOf(post));
    return slot === undefined ? [] : [Math.max(0, post.instant - slot - offset)];
  });

function sumOf(bots: readonly BotReport[]) {
  const of = (name: 'posted' | 'lines' | 'refused' | 'inDoubt' | 'missed' | 'passedOver'): number =>
    sum(bots.map((bot) => bot[name]));
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
class Tally {
  /** The slot of each post, by the post's id. */
  readonly slots = new Map<string, number>();
  /** How often a post was refused, by the reason. */
  readonly refused = new Map<string, number>();
  /** Posts that were in doubt, and that the timeline has settled. */
  settled = 0;
  /** Slots without a post of their own. */
  missed = 0;
}

/** Adds up the changes of a ledger, for each bot. */
class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #bots: ReadonlyMap<string, BotToPlan['settings']>;

  constructor(bots: readonly BotToPlan[]) {
    this.#bots = new Map(bots.map(({ name, settings }) => [name, settings]));
  }

  of(bot: string): Tally {
    const tally = this.#tallies.get(bot) ?? new Tally();
    this.#tallies.set(bot, tally);
    return tally;
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
    if (event.event !== 'posted') return;
    tally.slots.set(event.id ?? '', before.open.slot);
    const slots = this.#slotsIn(event.bot, { from: before.served, until: before.open.until });
    tally.missed += Math.max(0, slots - 1);
  }

  /** How many slots a bot has in a stretch of time. */
  #slotsIn(bot: string, stretch: Stretch): number {
    const { schedule: expression, timezone } = this.#bots.get(bot) ?? {};
    if (expression === undefined || timezone === undefined || stretch.until <= stretch.from) return 0;
    return countSlots({ expression, timezone }, stretch);
  }
}

/*
 * What became of the slots in the hours that clocks skipped or showed twice.
 */

/** A bot that was there when a clock changed. */
interface Witness {
  bot: string;
  schedule: string;
  timezone: string;
  /** The slots it posted for. */
  slots: ReadonlySet<number>;
}

/** What became of a bot's slots in the hour that a clock skipped or showed twice. */
interface Outcome {
  bot: string;
  /** The times of its schedule in that hour: `02:30`. */
  times: string[];
  /** It posts every hour, which a clock that changes cannot disturb. */
  everyHour: boolean;
  /** For which slots it posted: in the hour that came twice both times over, or at the end of the gap. ISO 8601. */
  posted: string[];
}

/** A clock that was put forward or back, and what that did. */
export interface ClockChange {
  timezone: string;
  /** ISO 8601. */
  at: string;
  /** What the clock showed just before, and then: `02:00`, `03:00`. */
  from: string;
  to: string;
  /** How far it was put forward, or back where it is negative. Minutes. */
  by: number;
  bots: Outcome[];
}

/** Every change of a clock in a stretch of time, in the zones of the bots, in order. */
export function clockChanges(witnesses: readonly Witness[], stretch: Stretch): ClockChange[] {
  const zones = [...grouped(witnesses, ({ timezone }) => timezone)];
  const changes = zones.flatMap(([timezone, bots]) =>
    changesOf(timezone, stretch).map((change) => describe(change, timezone, bots)),
  );
  return changes.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** A clock goes from one time of day to another at an instant. The times as if they were UTC. Milliseconds since 1970. */
interface ChangeOfClock {
  instant: number;
  from: number;
  to: number;
}

function changesOf(timezone: string, { from, until }: Stretch): ChangeOfClock[] {
  const found: ChangeOfClock[] = [];
  let clock = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timezone);
  for (;;) {
    const next = clock.getTimeZoneTransition('next');
    if (!next || next.epochMilliseconds > until) return found;
    const instant = next.epochMilliseconds;
    const { offsetNanoseconds } = next.subtract({ nanoseconds: 1 });
    found.push({
      instant,
      from: instant + offsetNanoseconds / 1e6,
      to: instant + next.offsetNanoseconds / 1e6,
    });
    clock = next;
  }
}

function describe(change: ChangeOfClock, timezone: string, witnesses: readonly Witness[]): ClockChange {
  return {
    timezone,
    at: iso(change.instant),
    from: timeOf(change.from),
    to: timeOf(change.to),
    by: (change.to - change.from) / 60_000,
    bots: witnesses.map((witness) => outcomeOf(change, witness)).filter(({ times }) => times.length > 0),
  };
}

function outcomeOf({ instant, from, to }: ChangeOfClock, { bot, schedule, slots }: Witness): Outcome {
  const length = Math.abs(to - from);
  const [first, last] = to > from ? [instant, instant] : [instant - length, instant + length - 1];
  const posted = [...slots].filter((slot) => first <= slot && slot <= last);
  const times = timesBetween(schedule, Math.min(from, to), Math.max(from, to));
  const everyHour = times.length > 0 && isEveryHour(schedule, from);
  return { bot, times: times.map(timeOf), everyHour, posted: posted.map(iso) };
}

/** What stands in a schedule from one time to another, by a clock that never changes. */
function timesBetween(expression: string, from: number, until: number): number[] {
  const found: number[] = [];
  const after = (time: number): number => nextAfter({ expression, timezone: 'UTC' }, time) ?? Infinity;
  for (let time = after(from - 1); time < until; time = after(time)) found.push(time);
  return found;
}

function isEveryHour(expression: string, time: number): boolean {
  const midnight = Math.floor(time / day) * day;
  for (let hours = 0; hours < 24; hours++) {
    const slot = nextAfter({ expression, timezone: 'UTC' }, midnight + hours * hour - 1) ?? Infinity;
    if (slot >= midnight + (hours + 1) * hour) return false;
  }
  return true;
}

const timeOf = (time: number): string => iso(time).slice(11, 16);
