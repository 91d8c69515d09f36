import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import type { Bot } from '../flock/load-flock.ts';
import type { Logger } from '../log.ts';
import { linesOf } from '../poems/lines-of.ts';
import { nextAfter } from '../schedule/slots.ts';
import { offsetIn } from '../schedule/spread.ts';
import type { OpenXClient } from '../x/x-client.ts';
import type { BotState } from './bot-state.ts';
import { describeCap, type Cap, type Purse } from './budget.ts';
import type { Closures } from './closures.ts';
import { decide, type Decision } from './decide.ts';
import type { Doubts } from './doubts.ts';
import { readingOf, type Reading } from './follow-split.ts';
import type { LedgerEvent } from './ledger-event.ts';
import { lookBack } from './look-back.ts';
import { lookFor, mayHavePosted } from './look-for.ts';
import type { Ledger } from './ledger.ts';
import { fingerprints } from './place.ts';
import { planPost } from './plan-post.ts';
import { postLine } from './post-line.ts';
import { looksAgain, priceOf, type Caps } from './price-post.ts';
import { reconcile } from './reconcile.ts';
import type { Uncounted } from './uncounted.ts';

export interface StepOptions {
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  openX: OpenXClient;
  /** The most one request takes. Milliseconds. */
  deadline: number;
  doubts: Doubts;
  closures: Closures;
  caps: Caps;
  uncounted: Uncounted;
  /** What the flock may spend now. */
  purse: () => Purse;
  /** Whether the whole flock is to rest now. */
  isStopped: () => boolean;
  /** The text of a poem's file. */
  readPoem: (file: string) => Promise<string>;
}

/** When a bot wants its next step: at an instant, or only when something about it changes. */
export type NextStep = number | 'when changed';

/**
 * Takes one bot one step on: decides what is due and does it.
 *
 * @returns when the next step is due; an instant that is past means at once
 * @throws {FlockError} `io` where the ledger can keep nothing more, `data` where the poem cannot be read
 */
export async function step(bot: Bot, options: StepOptions): Promise<NextStep> {
  const { ledger, clock } = options;
  const state = ledger.state(bot.name) ?? (await begin(bot, options));
  checkAccount(bot, state);
  const decision = decide(situationOf(bot, state, options));
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

/** @throws {FlockError} `data` where the ledger is of another flock, or the bundle of another account */
function checkAccount({ name, bundle }: Bot, { account }: BotState): void {
  if (account === undefined || bundle.userId === undefined || account === bundle.userId) return;
  throw new FlockError(
    'data',
    `${name} has posted as the account ${account}, but its key is for ${bundle.userId}`,
    {
      hint: 'is this the state folder of another flock? else make the key again with the right account',
    },
  );
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
    key: state.parked ? keyMark(bot) : '',
    openFor: state.open ? doubts.ageOf(state.open) : 0,
    doubt: deadline + settle,
  };
}

/** A bot that is new here begins at its first line, at its next slot. */
async function begin(bot: Bot, options: StepOptions): Promise<BotState> {
  const { ledger, clock } = options;
  const poem = fingerprints(await linesOf(bot.poemFile, bot.settings.unit, options.readPoem));
  const { userId } = bot.bundle;
  const begun = { event: 'begun', bot: bot.name, at: clock.now(), poem } as const;
  await ledger.record(userId === undefined ? begun : { ...begun, account: userId });
  return stateOf(bot, ledger);
}

async function post(bot: Bot, state: BotState, due: Due, options: StepOptions): Promise<NextStep> {
  const { ledger, clock, log, openX, closures, uncounted } = options;
  const closed = closures.closedUntil(bot.bundle.appKeys);
  if (closed > clock.now()) return closed;
  const awaited = uncounted.awaited(options.purse());
  if (awaited !== undefined) return waitForLook(bot, awaited, options);
  const read = readingOf(state.place, await linesOf(bot.poemFile, bot.settings.unit, options.readPoem));
  const edit = editOf(bot, state, read, clock.now());
  if (edit) {
    await ledger.record(edit);
    return clock.now();
  }
  const joinRefrain = state.owed?.why === 'duplicate' && bot.settings.refrain === 'join';
  const texts = read.lines.map(({ text }) => text);
  const planned = planPost(state.place, texts, joinRefrain);
  if (!planned) return atEnd(bot, state, due, options);
  const spender = { state, settings: bot.settings, history: ledger.history(), purse: options.purse() };
  const priced = priceOf(planned.text, spender, clock.now());
  if ('cap' in priced) return waitForBudget(bot, priced.cap, options);
  const report = await postLine({
    bot: bot.name,
    post: planned,
    ...due,
    since: state.last?.id,
    owed: state.owed,
    key: () => keyMark(bot),
    refrain: bot.settings.refrain,
    price: priced.price,
    ledger,
    x: openX(bot.bundle),
    clock,
  });
  if ('failure' in report) {
    const { failure } = report;
    if (failure.kind === 'in-doubt') inDoubt(log, bot, planned.line, failure.reason);
    closures.learn(bot.bundle.appKeys, failure, stateOf(bot, ledger).owed?.retryAt ?? clock.now());
  }
  return clock.now();
}

function waitForBudget({ name: bot }: Bot, cap: Cap, { caps, clock, log }: StepOptions): NextStep {
  if (caps.isNews(bot, cap.until)) {
    const why = describeCap(cap);
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

/** Puts the next line in doubt, as it is after a crash: it may have been posted since the state was saved that was restored. */
async function look(bot: Bot, state: BotState, options: StepOptions): Promise<NextStep> {
  const { ledger, clock } = options;
  const { name, settings } = bot;
  const { poem } = readingOf(state.place, await linesOf(bot.poemFile, settings.unit, options.readPoem));
  const at = clock.now();
  const isOpen = mayHavePosted(state, poem, settings.atEnd);
  await ledger.record(isOpen ? lookFor(name, state, at) : { event: 'checked', bot: name, at });
  return at;
}

type Due = Pick<Extract<Decision, { do: 'post' }>, 'slot' | 'until'>;

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

/** What to write down where the poem is not as the bot knew it. */
function editOf(
  bot: Bot,
  { place }: BotState,
  { poem, place: found }: Reading,
  at: number,
): LedgerEvent | undefined {
  if (poem === place.poem) return undefined;
  if (found) return { event: 'edited', bot: bot.name, at, poem, next: found.next, ahead: [...found.ahead] };
  return {
    event: 'parked',
    bot: bot.name,
    at,
    why: 'its poem has become another one, and its place in it is lost',
    hint: `put the poem back, then: flockd resume ${bot.name}; or begin this one: flockd resume ${bot.name} --line 1`,
    key: keyMark(bot),
  };
}

/** Looks on the timeline whether the open post is there, or what a restored bot has posted since. */
async function settle(bot: Bot, state: BotState, options: StepOptions): Promise<NextStep> {
  const { ledger, clock, log, openX, doubts, readPoem } = options;
  const { open } = state;
  if (!open) return clock.now();
  const x = openX(bot.bundle);
  const purse = options.purse();
  const { userId } = bot.bundle;
  const settled =
    open.look === true || state.restored === true
      ? await lookBack(bot, state, open, { ledger, x, clock, purse, readPoem })
      : await reconcile({ bot: bot.name, open, userId, ledger, x, clock, prices: purse.prices });
  if (settled === 'absent' || 'posted' in settled) {
    doubts.settle(bot.name);
    return clock.now();
  }
  inDoubt(log, bot, open.line, settled.unreadable);
  return clock.now() + doubts.patience(bot.name);
}

function inDoubt(log: Logger, { name: bot }: Bot, line: number, reason: string): void {
  log.warn({ event: 'in-doubt', bot, line: line + 1, reason }, `line ${line + 1} is in doubt: ${reason}`);
}

function stateOf(bot: Bot, ledger: Ledger): BotState {
  const state = ledger.state(bot.name);
  if (!state) throw new Error(`${bot.name}: the ledger kept an event and does not show it`);
  return state;
}
