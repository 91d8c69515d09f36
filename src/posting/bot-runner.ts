import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Bot } from '../config/flock-file.ts';
import { FlockError, systemCode } from '../errors.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import { fingerprints, type Cursor, prints } from '../ledger/cursor.ts';
import type { Intent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import { type BotState, sinceOf } from '../ledger/state.ts';
import type { Logger } from '../log.ts';
import type { OpenXClient, TimeAnswer } from '../networks/x/client.ts';
import { type Line, linesOf, PoemWatch } from '../poems/poem.ts';
import { offsetIn } from '../schedule/calendar.ts';
import { nextAfter } from '../schedule/schedule.ts';
import {
  type BudgetExceeded,
  Caps,
  describeExceeded,
  looksAgain,
  priceOf,
  type FlockBudget,
  UnreconciledBots,
} from './budget.ts';
import { eventsOf } from './commands.ts';
import { decide, type Decision, type PlannedPost, planPost } from './decide.ts';
import { type Edit, editOf, needsLongLook, readingOf } from './edits.ts';
import { type Block, Gate } from './gate.ts';
import { eventsAfter, herdCauses, type PostFailure, postLine } from './post.ts';
import {
  firstLook,
  lookBack,
  lookFor,
  mayHavePosted,
  reconcile,
  type ReconcileOptions,
  type Unseen,
} from './reconcile.ts';

const minute = 60_000;

/**
 * How long posts have been in doubt, counted from when this process learned of each, on a clock that nobody can set:
 * a wall clock that jumps must not make the timeline be believed too early.
 */
export class InDoubtTimers {
  readonly #clock: Clock;
  readonly #since = new Map<string, { intent: Intent; elapsed: number }>();
  /** How many looks at a bot's timeline have failed since the last one that did not. */
  readonly #looks = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that a bot's open post has been known to be open; 0 the first time it is asked for. */
  ageOf(intent: Intent): number {
    const known = this.#since.get(intent.bot);
    if (known?.intent === intent) return this.#clock.elapsed() - known.elapsed;
    this.#since.set(intent.bot, { intent, elapsed: this.#clock.elapsed() });
    this.#looks.delete(intent.bot);
    return 0;
  }

  /** How long to wait after a look at the timeline that failed: a minute at first, then longer, half an hour at most. */
  patience(bot: string): number {
    const looks = this.#looks.get(bot) ?? 0;
    this.#looks.set(bot, looks + 1);
    return Math.min(minute * 2 ** looks, 30 * minute);
  }

  /** Forgets a bot whose post was settled, or whose timeline was seen. */
  settle(bot: string): void {
    this.#since.delete(bot);
    this.#looks.delete(bot);
  }
}

/** What a process keeps in memory of the bots that it runs; nothing of it is needed after its end. */
export interface Memory {
  doubts: InDoubtTimers;
  gate: Gate;
  caps: Caps;
  uncounted: UnreconciledBots;
  poems: PoemWatch;
  /**
   * The bots whose timeline this process has looked at, so that their ledger is known to be the last word, and how many posts
   * each had made then.
   */
  looked: Map<string, number>;
}

export interface StepOptions extends Memory {
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  openX: OpenXClient;
  /** The most one request takes. Milliseconds. */
  deadline: number;
  /** What the flock may spend now. */
  purse: () => FlockBudget;
  /** Whether the whole flock is to rest now. */
  isStopped: () => boolean;
  /** How many bots the flock has. */
  size: () => number;
  /** Stops the whole flock until a person lets it go on. */
  brake: (why: string) => Promise<void>;
  /** The text of a poem's file. */
  readPoem: (file: string) => Promise<string>;
  /** When a poem's file was written last, in milliseconds since 1970, or undefined where it has no time stamp. */
  writtenAt: (file: string) => number | undefined;
}

/** The memory of a process that begins. */
export const newMemory = (options: {
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  askTime: () => Promise<TimeAnswer>;
  /** Whether the flock has a bot of that name, and flock.json does not let it rest. */
  isUp: (bot: string) => boolean;
  /** Called where bots that waited for X may go on. */
  opened: () => void;
}): Memory => ({
  doubts: new InDoubtTimers(options.clock),
  gate: new Gate(options),
  caps: new Caps(),
  uncounted: new UnreconciledBots(options.ledger, options.isUp),
  poems: new PoemWatch(options.clock),
  looked: new Map(),
});

/** When a bot wants its next step: at an instant, or only when something about it changes. */
export type NextStep = number | 'when changed';

/**
 * Takes one bot one step on: decides what is due and does it.
 *
 * @returns when the next step is due; an instant that is past means at once
 * @throws {FlockError} `io` where the ledger can keep nothing more, `data` where the poem cannot be read or the key is for
 * another account
 */
export async function step(bot: Bot, options: StepOptions): Promise<NextStep> {
  const { ledger, clock, gate } = options;
  const known = ledger.state(bot.name);
  mustBeItsAccount(bot, known?.account);
  let decision = known && decide(situationOf(bot, known, options));
  if (known && decision && isTimeless(decision)) return act(bot, known, decision, options);
  // What is decided for a slot, a day or a month must not be taken back by a clock that is set a minute later.
  if (!gate.isSure) {
    const block = await gate.checkClock();
    if (block)
      return known && decision?.do === 'post' ? hold(bot, known, decision, block, options) : block.until;
    decision = known && decide(situationOf(bot, known, options));
  }
  const state = known ?? (await begin(bot, options));
  if (state === undefined) return clock.now() + readAgain;
  return act(bot, state, decision ?? decide(situationOf(bot, state, options)), options);
}

/** What is decided without the time of day, or is decided again when the time has come. */
const isTimeless = ({ do: what }: Decision): boolean =>
  what === 'wait' || what === 'rest' || what === 'reconcile';

async function act(bot: Bot, state: BotState, decision: Decision, options: StepOptions): Promise<NextStep> {
  const { ledger, clock } = options;
  const at = clock.now();
  switch (decision.do) {
    case 'wait':
      return decision.until;
    case 'rest':
      return 'when changed';
    case 'free':
      await ledger.record({ event: 'freed', bot: bot.name, at });
      return at;
    case 'miss':
      await ledger.record({ event: 'missed', bot: bot.name, at, until: decision.until });
      return at;
    case 'reconcile':
      return settle(bot, state, options);
    case 'look':
      return look(bot, state, options);
    case 'post':
      return post(bot, state, decision, options);
  }
}

/** Tells a key from the one that replaces it, without being of any use to sign with. */
export function keyMark({ bundle }: Bot): string {
  const pairs = [bundle.appKeys.reveal(), bundle.accessToken.reveal()];
  const values = pairs.flatMap(({ token, secret }) => [token, secret]).join('\n');
  return hash('sha256', values, 'base64url').slice(0, 10);
}

function situationOf(
  bot: Bot,
  state: BotState,
  { clock, deadline, doubts, isStopped }: StepOptions,
): Parameters<typeof decide>[0] {
  const { schedule: expression, timezone, spread, missed, paused, settle } = bot.settings;
  return {
    state,
    now: clock.now(),
    nextSlot: (after) => nextAfter({ expression, timezone }, after),
    offset: offsetIn(spread, bot.name),
    missed,
    paused: paused || isStopped(),
    // Nobody else's matters, and it takes its time.
    key: state.parked || state.owed?.key !== undefined ? keyMark(bot) : '',
    openFor: state.open ? doubts.ageOf(state.open) : 0,
    doubt: deadline + settle,
  };
}

const second = 1000;
/** How long after a first look at a poem that is being written it is read again. Milliseconds. */
const readAgain = 5 * second;
/** How long a poem may be unreadable, as it is in the middle of an upload, before that is said. Milliseconds. */
const maxUnread = 20 * second;

/** The lines of a bot's poem, or undefined where its file cannot be read just now. @throws {FlockError} `data` where that lasts */
async function readLines(
  bot: Bot,
  { clock, poems, readPoem, writtenAt }: StepOptions,
): Promise<readonly Line[] | undefined> {
  try {
    return await linesOf(bot.poemFile, bot.settings.unit, readPoem);
  } catch (error) {
    if (!(error instanceof FlockError) || !mayBeUpload(error)) throw error;
    const age = clock.now() - (writtenAt(bot.poemFile) ?? clock.now());
    if (age >= maxUnread || poems.unread(bot.poemFile) >= maxUnread) throw error;
    return undefined;
  }
}

/** A file that is empty, cut within a letter or gone for a moment; what cannot be read at all is no upload. */
const mayBeUpload = ({ exit, cause }: FlockError): boolean =>
  exit === 'data' && (cause === undefined || systemCode(cause) === 'ENOENT');

/** A bot that is new here begins at its first line, at its next slot. */
async function begin(bot: Bot, options: StepOptions): Promise<BotState | undefined> {
  const { ledger, clock } = options;
  const lines = await readLines(bot, options);
  if (!lines) return undefined;
  const { userId } = bot.bundle;
  const begun = { event: 'begun', bot: bot.name, at: clock.now(), poem: fingerprints(lines) } as const;
  await ledger.record(userId === undefined ? begun : { ...begun, account: userId });
  return stateOf(bot, ledger);
}

type Due = Extract<Decision, { do: 'post' }>;

async function post(bot: Bot, state: BotState, due: Due, options: StepOptions): Promise<NextStep> {
  const { ledger, clock, gate, uncounted, looked } = options;
  const { name, settings, bundle } = bot;
  const closed = gate.blocked('post', name, bundle.appKeys);
  if (closed) return hold(bot, state, due, closed, options);
  const awaited = uncounted.awaited(options.purse());
  if (awaited !== undefined) return waitForLook(bot, awaited, options);
  const read = await readPoem(bot, state.place, options);
  if ('again' in read) return read.again;
  if (read.edit) {
    await ledger.record(read.edit);
    return clock.now();
  }
  const joinRefrain = state.owed?.why === 'duplicate' && settings.refrain === 'join';
  const planned = planPost(
    state.place,
    read.lines.map(({ text }) => text),
    joinRefrain,
  );
  if (!planned) return atEnd(bot, state, due, options);
  const spender = { state, settings, history: ledger.history(), purse: options.purse() };
  const priced = priceOf(planned.text, spender, clock.now());
  if ('cap' in priced) return waitForBudget(bot, priced.cap, options);
  if (!isLookedAt(state, looked.get(name))) return lookFirst(bot, state, due, options);
  // Others may have learned of something while the poem was read.
  const block = gate.blocked('post', name, bundle.appKeys);
  if (block) return hold(bot, state, due, block, options);
  gate.enter('post', name, bundle.appKeys);
  const { openX } = options;
  const report = await postLine({
    bot: name,
    post: planned,
    slot: due.slot,
    until: due.until,
    since: sinceOf(state),
    owed: state.owed,
    key: () => keyMark(bot),
    refrain: settings.refrain,
    isRepeated: () => isRepeated(state, planned),
    judge: (outcome) => gate.learn('post', name, bundle.appKeys, outcome),
    price: priced.price,
    ledger,
    x: openX(bundle),
    clock,
  });
  if ('failure' in report) await afterFailure(bot, planned, report.failure, options);
  return clock.now();
}

async function afterFailure(
  bot: Bot,
  { line }: PlannedPost,
  failure: PostFailure,
  options: StepOptions,
): Promise<void> {
  if (failure.kind === 'in-doubt') inDoubt(options, bot, line, failure.reason);
  if (herdCauses.has(failure.kind)) await brakeHerd(options);
}

const hour = 3_600_000;

/** X seldom suspends several accounts of a flock for what one of them did: then the others are stopped before it is their turn. */
async function brakeHerd({ ledger, clock, log, size, isStopped, brake }: StepOptions): Promise<void> {
  const since = clock.now() - hour;
  let count = 0;
  for (const [, { parked }] of ledger.states())
    if (parked && parked.at > since && herdCauses.has(parked.cause ?? '')) count++;
  if (count < Math.max(2, Math.ceil(size() / 10)) || isStopped()) return;
  const why = `X has suspended, locked or called automated ${count} accounts of the flock within an hour`;
  await brake(why);
  const hint = 'sign in as these accounts and see what X has against them; then: flockd resume';
  log.error({ event: 'herd', why, hint }, `the whole flock is stopped: ${why}; ${hint}`);
}

/** Whether its timeline shows nothing that the ledger does not know; of a post without an id, only a later look tells where it is. */
const isLookedAt = ({ last, posts }: BotState, postsThen: number | undefined): boolean =>
  postsThen !== undefined && (last === undefined || last.id !== undefined || posts === postsThen);

/** Whether X may have a text from an earlier line or pass of the same bot. */
function isRepeated({ place, pass, gone = '' }: BotState, { line, lines }: PlannedPost): boolean {
  if (pass > 1) return true;
  const all = prints(place.poem);
  const isDone = (other: number): boolean => other < line || place.ahead.includes(other);
  if (prints(gone).includes(all[line] ?? '')) return true;
  const reads = (from: number): string => all.slice(from, from + lines).join('');
  return all.some((_, other) => other !== line && isDone(other) && reads(other) === reads(line));
}

/** A post that is due waits for what is not about its bot: the ledger says so, once for each reason. */
async function hold(
  bot: Bot,
  { owed }: BotState,
  { slot, until }: Due,
  block: Block,
  { ledger, clock }: StepOptions,
): Promise<NextStep> {
  const { why, reason } = block;
  // A refrain that X has refused stays one.
  if (owed?.why !== why && owed?.why !== 'duplicate') {
    const held = { event: 'held', bot: bot.name, at: clock.now(), slot, until, why, reason } as const;
    await ledger.record({ ...held, retryAt: Math.ceil(block.until) });
  }
  return block.until;
}

type ReadPoem = { again: number } | { lines: readonly Line[]; edit: Edit | undefined };

/**
 * The poem as it counts now. An edit counts once its file has stood still, and nothing is posted from a file that is being
 * written: it is read again.
 */
async function readPoem(bot: Bot, place: Cursor, options: StepOptions): Promise<ReadPoem> {
  const { clock, poems } = options;
  const file = bot.poemFile;
  const lines = await readLines(bot, options);
  if (!lines) return { again: clock.now() + readAgain };
  const read = readingOf(place, lines);
  const { alike, age } = poems.look(file, fingerprints(lines), options.writtenAt(file));
  if (read.poem === place.poem) {
    const wait = readAgain - Math.max(alike, age);
    if (wait > 0) return { again: clock.now() + Math.max(wait, second) };
    poems.forget(file);
    return { lines: read.lines, edit: undefined };
  }
  const otherUnit = bot.settings.unit === 'line' ? 'stanza' : 'line';
  const other = await linesOf(file, otherUnit, options.readPoem);
  const now = { read, lines, other: readingOf(place, other) };
  const edit = editOf(bot.name, place, now, { at: clock.now(), key: () => keyMark(bot) });
  const wait = (needsLongLook(place, edit) ? maxWriting : readAgain) - alike;
  if (wait > 0) return { again: clock.now() + Math.min(Math.max(wait, second), readAgain) };
  poems.forget(file);
  return { lines: read.lines, edit };
}

/** How long an edit that takes most of a poem away has to stand: it may be the first half of an upload. Milliseconds. */
const maxWriting = 60 * second;

function waitForBudget(
  { name: bot }: Bot,
  cap: BudgetExceeded,
  { caps, clock, log }: StepOptions,
  why = describeExceeded(cap),
): NextStep {
  if (caps.isNews(bot, cap.until)) {
    const until = cap.until === undefined ? undefined : new Date(cap.until).toISOString();
    const message = until === undefined ? 'posts nothing until it is raised' : `posts again at ${until}`;
    log.warn(
      { event: 'budget-reached', bot, why, ...(until !== undefined && { until }) },
      `${why}; ${message}`,
    );
  }
  return looksAgain(cap, clock.now()) ?? 'when changed';
}

/** How long a bot waits before it asks again whether all that the flock has spent is known. Milliseconds. */
const patience = 15_000;

function waitForLook({ name: bot }: Bot, awaited: string, { uncounted, clock, log }: StepOptions): NextStep {
  if (uncounted.isNews(awaited)) {
    const why = `${awaited} was restored, and nobody knows yet what it has spent of the flock's budget`;
    log.warn({ event: 'budget-unknown', bot, awaited, why }, `${why}; posts once ${awaited} has looked`);
  }
  return clock.now() + patience;
}

const refusesKey = new Set(['unauthorized', 'reauth']);

/** Looks, before the first post of this process, whether the ledger is the bot's last word. */
async function lookFirst(bot: Bot, state: BotState, due: Due, options: StepOptions): Promise<NextStep> {
  const { clock, ledger, doubts, looked } = options;
  const seen = await firstLook(bot, state, lookOptions(bot, options));
  if (typeof seen === 'string') {
    looked.set(bot.name, stateOf(bot, ledger).posts);
    doubts.settle(bot.name);
    // A key that X takes is not one that it has refused for an hour.
    if (state.owed && refusesKey.has(state.owed.why)) {
      const block: Block = { why: 'seen', reason: 'X takes its key again', until: clock.now() };
      return hold(bot, state, due, block, options);
    }
    return clock.now();
  }
  if ('cap' in seen)
    return waitForBudget(bot, seen.cap, options, `${describeExceeded(seen.cap)}, for a look at its timeline`);
  if ('blockedUntil' in seen) return seen.blockedUntil;
  const { failure, closedUntil } = seen;
  const at = clock.now();
  if (failure.kind === 'in-doubt') {
    const until = closedUntil ?? at + doubts.patience(bot.name);
    const reason = `its timeline cannot be read: ${failure.reason}`;
    return hold(bot, state, due, { why: 'unseen', reason, until }, options);
  }
  const attempt = {
    bot: bot.name,
    owed: state.owed,
    key: keyMark(bot),
    line: state.place.next,
    now: at,
    closedUntil,
  };
  const events = eventsAfter(failure, { ...attempt, refrain: bot.settings.refrain, isRepeated: false });
  const { slot, until } = due;
  await ledger.record(
    ...events.map((event) =>
      event.event === 'refused' ? { ...event, event: 'held' as const, slot, until } : event,
    ),
  );
  if (herdCauses.has(failure.kind)) await brakeHerd(options);
  return at;
}

/** Puts the next line in doubt, as it is after a crash: it may have been posted since the state was saved that was restored. */
async function look(bot: Bot, state: BotState, options: StepOptions): Promise<NextStep> {
  const { ledger, clock } = options;
  const { name, settings } = bot;
  const lines = await readLines(bot, options);
  if (!lines) return clock.now() + readAgain;
  const { poem } = readingOf(state.place, lines);
  const at = clock.now();
  const isOpen = mayHavePosted(state, poem, settings.atEnd);
  await ledger.record(isOpen ? lookFor(name, state, at) : { event: 'checked', bot: name, at });
  return at;
}

async function atEnd(
  bot: Bot,
  { place }: BotState,
  due: Due,
  { ledger, clock }: StepOptions,
): Promise<NextStep> {
  const at = clock.now();
  const loop = bot.settings.atEnd === 'loop';
  await ledger.record(
    loop
      ? { event: 'again', bot: bot.name, at, poem: place.poem }
      : {
          event: 'missed',
          bot: bot.name,
          at,
          until: Math.max(due.until, at - offsetIn(bot.settings.spread, bot.name)),
        },
  );
  return at;
}

/** Looks on the timeline whether the open post is there, or what a restored bot has posted since. */
async function settle(bot: Bot, state: BotState, options: StepOptions): Promise<NextStep> {
  const { clock, doubts, looked } = options;
  const { open } = state;
  if (!open) return clock.now();
  const looking = lookOptions(bot, options);
  const settled =
    open.look === true || state.restored === true
      ? await lookBack(bot, state, open, looking)
      : await reconcile(bot, state, open, { ...looking, isInherited: !looked.has(bot.name) });
  if (settled === 'absent' || 'posted' in settled) {
    looked.set(bot.name, stateOf(bot, options.ledger).posts);
    doubts.settle(bot.name);
    return clock.now();
  }
  return unsettled(bot, open.line, settled, options);
}

function unsettled(bot: Bot, line: number, unseen: Unseen, options: StepOptions): NextStep {
  const { clock, doubts } = options;
  if ('blockedUntil' in unseen) return unseen.blockedUntil;
  if ('cap' in unseen) {
    const why = `${describeExceeded(unseen.cap)}, for a look whether line ${line + 1} was posted`;
    return waitForBudget(bot, unseen.cap, options, why);
  }
  inDoubt(options, bot, line, unseen.unseen);
  return unseen.closedUntil ?? clock.now() + doubts.patience(bot.name);
}

const lookOptions = (bot: Bot, options: StepOptions): ReconcileOptions => ({
  ledger: options.ledger,
  clock: options.clock,
  gate: options.gate,
  purse: options.purse,
  readPoem: options.readPoem,
  x: options.openX(bot.bundle),
  key: () => keyMark(bot),
});

function inDoubt({ log }: StepOptions, { name: bot }: Bot, line: number, reason: string): void {
  log.warn({ event: 'in-doubt', bot, line: line + 1, reason }, `line ${line + 1} is in doubt: ${reason}`);
}

function stateOf(bot: Bot, ledger: Ledger): BotState {
  const state = ledger.state(bot.name);
  if (!state) throw new Error(`${bot.name}: the ledger kept an event and does not show it`);
  return state;
}

/** Whether a bot still owes what a person asked for, be it as a refrain that takes a second way, and may post at once. */
const isAsked = (state: BotState | undefined, next: NextStep, now: number): boolean =>
  state?.owed !== undefined && !state.open && next !== 'when changed' && next <= now;

const notCounted = (bot: string, awaited: string): FlockError =>
  new FlockError(
    'tryLater',
    `${bot} cannot post yet: ${awaited} was restored, and nobody knows what it has spent of the flock's budget`,
    {
      hint: `flockd looks while it runs; ask again after that, or let ${awaited} rest: flockd pause ${awaited}`,
    },
  );

/**
 * Posts a bot's next line now, besides what its schedule wants; the ledger then says what came of it. Nobody else may run
 * the bot meanwhile.
 *
 * @throws {FlockError} where it cannot post now, as {@link eventsOf} says, and as {@link step}; `tryLater` also where nobody
 * knows yet what the flock has spent
 */
export async function postNow(bot: Bot, options: StepOptions): Promise<void> {
  const { ledger, clock, uncounted } = options;
  // In the middle of an upload it may be unreadable for a moment, but whoever waits for the answer is told at once.
  await linesOf(bot.poemFile, bot.settings.unit, options.readPoem);
  const before = ledger.state(bot.name);
  // A bot that is new here begins with a step, and then waits for its slot; one whose key was replaced is freed by one.
  if (!before || (before.parked && before.parked.key !== keyMark(bot))) await step(bot, options);
  const { paused, atEnd } = bot.settings;
  const readiness = { paused, atEnd, isStopped: options.isStopped() };
  const order = { order: 'post', bot: bot.name } as const;
  const events = eventsOf(order, ledger.state(bot.name), clock.now(), readiness);
  const awaited = uncounted.awaited(options.purse());
  if (awaited !== undefined) throw notCounted(bot.name, awaited);
  await ledger.record(...events);
  let next: NextStep = clock.now();
  while (isAsked(ledger.state(bot.name), next, clock.now())) next = await step(bot, options);
}
