import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { type Bot, splitOf } from '../config/flock-file.ts';
import { FlockError, systemCode } from '../errors.ts';
import { mustBeItsAccount } from '../keys/right-account.ts';
import type { LedgerEvent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import { type BotState, type Cursor, fingerprints, type Owed, timesAbsent } from '../ledger/state.ts';
import type { EventLog } from '../log.ts';
import type { Network, OpenAccount, TimeAnswer } from '../networks/network.ts';
import { networkFor, placeOf, reachOf } from '../networks/networks.ts';
import type { BotKey } from '../oauth/signature.ts';
import { type Line, linesOf, PoemWatch } from '../poems/poem.ts';
import { BotSchedule } from '../schedule/schedule.ts';
import { iso } from '../text.ts';
import {
  type BudgetExceeded,
  describeExceeded,
  looksAgain,
  type FlockBudget,
  UnreconciledBots,
  budgetAt,
} from './budget.ts';
import { eventsOf } from './commands.ts';
import { decide, type Decision, inDoubtFor, movePost } from './decide.ts';
import { type Edit, needsLongLook, type PoemText, readFor } from './edits.ts';
import { type Block, Gate } from './gate.ts';
import { eventsAfter, postLine } from './post.ts';
import { beginLook, InDoubtTimers, Reconciler } from './reconcile.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** When a bot is to take its next step: at an instant, or only after something about it changed. */
type NextStep = number | 'when changed';

export interface RunnerOptions {
  ledger: Ledger;
  clock: Clock;
  log: EventLog;
  openAccount: OpenAccount;
  /** What time it is at the network of a key. */
  askTime: (key: BotKey) => Promise<TimeAnswer>;
  /** The longest that one request takes. Milliseconds. */
  deadline: number;
  /** The flock's current budget. */
  flockBudget: () => FlockBudget;
  /** Whether the whole flock is stopped. */
  isStopped: () => boolean;
  /** All bots of the flock. */
  bots: () => Iterable<Bot>;
  /** Whether the flock has a bot of that name, and flock.json does not pause it. */
  isUp: (bot: string) => boolean;
  /** Called when bots that waited may go on. */
  opened: () => void;
  /** Stops the whole flock until a person resumes it. */
  brake: (why: string) => Promise<void>;
  /** The text of a poem's file. */
  readPoem: (file: string) => Promise<string>;
  /** Called with each text before it is sent. */
  sends?: ((bot: string, text: string) => void) | undefined;
  /** When a poem's file was last written, in milliseconds since 1970, or undefined if it has no time stamp. */
  writtenAt: (file: string) => number | undefined;
  /** Replaces parts of the runner's own memory. */
  memory?: Partial<Memory>;
}

/** What a runner keeps in memory of its bots; nothing of it is needed after its end. */
export interface Memory {
  gate: Gate;
  poems: PoemWatch;
  /** The bots whose timeline this process has looked at, so that their ledger is up to date, and how many posts each had then. */
  looked: Map<string, number>;
}

/** Why a look told nothing. */
type Unseen = Extract<Awaited<ReturnType<Reconciler['settle']>>, { unseen: string }>;

/** What is known of a bot in one step, read once. */
interface Step {
  bot: Bot;
  state: BotState;
  now: number;
  decision: Decision;
  schedule: BotSchedule;
  flockBudget: FlockBudget;
  /** {@link keyMark} */
  key: string;
}

type Due = Extract<Decision, { do: 'post' }>;
type MoveToPost = Extract<ReturnType<typeof movePost>, { do: 'post' }>;

/** When a poem is read again that may be in the middle of an upload. Milliseconds. */
export const rereadDelay = 5 * second;
/** How long a poem may be unreadable, as in the middle of an upload, before it is an error. Milliseconds. */
const maxUnread = 20 * second;
/** How long an edit that removes most of a poem has to stand: it may be the first half of an upload. Milliseconds. */
const maxWriting = 60 * second;
/** The interval at which a bot asks whether all that the flock has spent is known. Milliseconds. */
const spendingRecheck = 15 * second;

const refusesKey = new Set(['unauthorized', 'reauth']);
/** If this happens to many accounts of a flock, it may be about the flock: then no bot should go on. */
const herdCauses: ReadonlySet<string> = new Set(['suspended', 'locked', 'automated']);

/**
 * Takes the bots of a flock one step at a time: decides what is due, does it, and says when the next step is. A bot must not
 * have another runner meanwhile.
 */
export class BotRunner {
  readonly #options: RunnerOptions;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #poems: PoemWatch;
  readonly #looked: Map<string, number>;
  readonly #doubts: InDoubtTimers;
  readonly #unreconciled: UnreconciledBots;

  constructor(options: RunnerOptions) {
    const { ledger, clock, memory = {} } = options;
    this.#options = options;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#gate = memory.gate ?? new Gate(options);
    this.#poems = memory.poems ?? new PoemWatch(clock);
    this.#looked = memory.looked ?? new Map<string, number>();
    this.#doubts = new InDoubtTimers(clock);
    this.#unreconciled = new UnreconciledBots(ledger, options.isUp);
  }

  /**
   * Takes one bot one step further.
   *
   * @returns when the next step is due; an instant in the past means at once
   * @throws {FlockError} `io` if the ledger can keep nothing more, `data` if the poem cannot be read or the key is for another
   * account
   */
  async step(bot: Bot): Promise<NextStep> {
    const known = this.#ledger.state(bot.name);
    mustBeItsAccount(bot, known?.account);
    let step = known && this.#look(bot, known);
    if (step && isTimeless(step.decision)) return this.#act(step);
    // A decision for a slot, a day or a month must not be undone by a clock that is set a minute later.
    if (!this.#gate.isSure) {
      const block = await this.#gate.checkClock(bot.bundle);
      if (block) return step?.decision.do === 'post' ? this.#hold(step, step.decision, block) : block.until;
      step = known && this.#look(bot, known);
    }
    return step ? this.#act(step) : this.#begin(bot);
  }

  /**
   * Posts a bot's next line now, besides its schedule; the ledger then has the outcome.
   *
   * @throws {FlockError} if it cannot post now, as {@link eventsOf} and {@link step}; `tryLater` also while it is unknown what
   * the flock has spent
   */
  async postNow(bot: Bot): Promise<void> {
    const ledger = this.#ledger;
    // A poem that cannot be read, perhaps in the middle of an upload, is an error at once: a person waits for the answer.
    await linesOf(bot.poemFile, splitOf(bot), this.#options.readPoem);
    const before = ledger.state(bot.name);
    // A new bot begins with a step, and then waits for its slot; a bot whose key was replaced is freed by one.
    if (!before || (before.parked && before.parked.key !== keyMark(bot))) await this.step(bot);
    const { paused, atEnd } = bot.settings;
    const readiness = { paused, atEnd, isStopped: this.#options.isStopped() };
    const order = { order: 'post', bot: bot.name } as const;
    const events = eventsOf(order, ledger.state(bot.name), this.#clock.now(), readiness);
    const awaited = this.#unreconciled.awaited(this.#options.flockBudget());
    if (awaited !== undefined) throw spendingUnknown(bot.name, awaited);
    await ledger.record(...events);
    let next: NextStep = this.#clock.now();
    while (isAsked(ledger.state(bot.name), next, this.#clock.now())) next = await this.step(bot);
  }

  #look(bot: Bot, state: BotState): Step {
    const { deadline, isStopped, flockBudget } = this.#options;
    const now = this.#clock.now();
    const { name, settings } = bot;
    const network = networkFor(bot.bundle);
    const schedule = new BotSchedule(name, settings);
    const key = keyMark(bot);
    const openFor = state.open ? this.#doubts.ageOf(state.open) : 0;
    const { findsByMark } = network;
    const known = { bot: name, state, settings, schedule, now, key, openFor, deadline, findsByMark };
    const decision = decide({ ...known, isStopped: isStopped() });
    return {
      bot,
      state,
      now,
      decision,
      schedule,
      flockBudget: budgetAt(network, flockBudget()),
      key,
    };
  }

  #act(step: Step): NextStep | Promise<NextStep> {
    const { decision } = step;
    switch (decision.do) {
      case 'wait':
        return decision.until;
      case 'rest':
        return 'when changed';
      case 'record':
        return this.#record(decision.event);
      case 'reconcile':
        return this.#reconcile(step);
      case 'look':
        return this.#beginLook(step);
      case 'post':
        return this.#post(step, decision);
    }
  }

  /** @returns that the next step is due at once */
  async #record(...events: LedgerEvent[]): Promise<NextStep> {
    await this.#ledger.record(...events);
    return this.#clock.now();
  }

  /** A new bot begins at its first line, and posts it at its next slot. */
  async #begin(bot: Bot): Promise<NextStep> {
    const poem = await this.#readPoem(bot);
    const at = this.#clock.now();
    if (!poem) return at + rereadDelay;
    const { userId: account } = bot.bundle;
    const begun = { event: 'begun', bot: bot.name, at, poem: fingerprints(poem.lines) } as const;
    await this.#ledger.record(account === undefined ? begun : { ...begun, account });
    return this.#act(this.#look(bot, this.#stateOf(bot)));
  }

  async #post(step: Step, due: Due): Promise<NextStep> {
    const { bot, state, now, schedule, flockBudget, key } = step;
    const { name, settings } = bot;
    const closed = this.#gate.blocked('post', bot);
    if (closed) return this.#hold(step, due, closed);
    const awaited = this.#unreconciled.awaited(flockBudget);
    if (awaited !== undefined) return this.#waitForLook(bot, awaited);
    const text = await this.#readPoem(bot);
    if (!text) return this.#clock.now() + rereadDelay;
    const poem = readFor(name, state.place, text, { at: now, key });
    const reread = this.#untilStill(bot, state.place, text, poem.edit);
    if (reread !== undefined) return reread;
    if (poem.edit && isRepeated(bot, state)) {
      const wait = await this.#lookForOwed(step, state.owed, text.lines);
      if (wait !== undefined) return wait;
    }
    const flock = { history: this.#ledger.history(), flockBudget };
    const { until } = due;
    const { offset } = schedule;
    const read = { ...poem, rules: bot.rules };
    const move = movePost({ bot: name, state, settings, until, offset, poem: read, flock, now });
    if (move.do === 'record' || move.do === 'finish') return this.#record(move.event);
    if (move.do === 'wait for budget') return this.#waitForBudget(bot, move.cap);
    if (!isLookedAt(state, this.#looked.get(name))) return this.#lookFirst(step, due, text.lines);
    // Another bot may have closed the gate while the poem was read.
    const block = this.#gate.blocked('post', bot);
    if (block) return this.#hold(step, due, block);
    return this.#send(step, due, move);
  }

  async #send(
    { bot, state, key }: Step,
    { slot, until }: Due,
    { post, price }: MoveToPost,
  ): Promise<NextStep> {
    const { name, settings, bundle } = bot;
    const network = networkFor(bundle);
    this.#gate.enter('post', bot);
    this.#options.sends?.(name, post.text);
    const mark = markOf(network, state, this.#clock.now());
    const report = await postLine({
      bot: name,
      state,
      post,
      slot,
      until,
      mark,
      key,
      network,
      settings,
      judge: (outcome) => this.#gate.learn('post', bot, outcome),
      price,
      ledger: this.#ledger,
      account: this.#options.openAccount(bundle),
      clock: this.#clock,
    });
    if ('failure' in report) {
      const { kind, reason } = report.failure;
      if (kind === 'in-doubt') this.#warnInDoubt(bot, post.line, reason);
      if (herdCauses.has(kind)) await this.#brakeHerd(bot);
    }
    return this.#clock.now();
  }

  /** A bot's current poem, or undefined if it cannot be read just now. @throws {FlockError} `data` if that lasts */
  async #readPoem(bot: Bot): Promise<PoemText | undefined> {
    const { poemFile: file } = bot;
    const split = splitOf(bot);
    const { readPoem, writtenAt } = this.#options;
    try {
      const text = await readPoem(file);
      return { text, split, lines: await linesOf(file, split, () => Promise.resolve(text)) };
    } catch (error) {
      if (!(error instanceof FlockError) || !mayBeUpload(error)) throw error;
      const now = this.#clock.now();
      const age = now - (writtenAt(file) ?? now);
      if (age >= maxUnread || this.#poems.unread(file) >= maxUnread) throw error;
      return undefined;
    }
  }

  /**
   * When to read a poem again that is being written, or undefined if it has stood still. Until then nothing is posted, and an
   * edit does not count.
   */
  #untilStill(bot: Bot, place: Cursor, { lines }: PoemText, edit: Edit | undefined): number | undefined {
    const file = bot.poemFile;
    const { alike, age } = this.#poems.look(file, fingerprints(lines), this.#options.writtenAt(file));
    const wait = edit
      ? (needsLongLook(place, edit) ? maxWriting : rereadDelay) - alike
      : rereadDelay - Math.max(alike, age);
    if (wait > 0) return this.#clock.now() + Math.min(Math.max(wait, second), rereadDelay);
    this.#poems.forget(file);
    return undefined;
  }

  /** A due post waits for something that is not about its bot: recorded once for each reason. */
  async #hold({ bot, state: { owed } }: Step, { slot, until }: Due, block: Block): Promise<NextStep> {
    const { why, reason } = block;
    // A refrain that X has refused stays one.
    if (owed?.why !== why && owed?.why !== 'duplicate') {
      const held = { event: 'held', bot: bot.name, at: this.#clock.now(), slot, until, why, reason } as const;
      await this.#ledger.record({ ...held, retryAt: Math.ceil(block.until) });
    }
    return block.until;
  }

  /** @param purpose - what the money is for, if not for a post */
  #waitForBudget({ name: bot }: Bot, cap: BudgetExceeded, purpose?: string): NextStep {
    const why = purpose === undefined ? describeExceeded(cap) : `${describeExceeded(cap)}, for ${purpose}`;
    const until = cap.until === undefined ? undefined : iso(cap.until);
    const message = until === undefined ? 'posts nothing until it is raised' : `posts again at ${until}`;
    this.#options.log
      .once(`budget ${bot}`, until)
      .warn(
        { event: 'budget-reached', bot, why, ...(until !== undefined && { until }) },
        `${why}; ${message}`,
      );
    return looksAgain(cap, this.#clock.now()) ?? 'when changed';
  }

  #waitForLook({ name: bot }: Bot, awaited: string): NextStep {
    const why = `${awaited} was restored, and nobody knows yet what it has spent of the flock's budget`;
    this.#options.log
      .once('budget-unknown', awaited)
      .warn({ event: 'budget-unknown', bot, awaited, why }, `${why}; posts once ${awaited} has looked`);
    return this.#clock.now() + spendingRecheck;
  }

  /** Before the first post of this process: looks whether the ledger has all posts of the account. */
  async #lookFirst(step: Step, due: Due, lines: readonly Line[]): Promise<NextStep> {
    const { bot, state, key } = step;
    const reconciler = this.#reconciler(step, () => Promise.resolve(lines));
    const seen = await reconciler.firstLook(state);
    if (seen === 'not yet') return this.#clock.now();
    if (typeof seen === 'string') {
      this.#setLooked(bot);
      if (!state.owed || !refusesKey.has(state.owed.why)) return this.#clock.now();
      // The key has just been taken: that it was refused for an hour does not count any more.
      return this.#hold(step, due, {
        why: 'seen',
        reason: `${networkFor(bot.bundle).title} takes its key again`,
        until: this.#clock.now(),
      });
    }
    if ('cap' in seen) return this.#waitForBudget(bot, seen.cap, 'a look at its timeline');
    if ('blockedUntil' in seen) return seen.blockedUntil;
    const { failure, closedUntil } = seen;
    const now = this.#clock.now();
    if (failure.kind === 'in-doubt') {
      const until = closedUntil ?? now + this.#doubts.nextDelay(bot.name);
      const reason = `its timeline cannot be read: ${failure.reason}`;
      return this.#hold(step, due, { why: 'unseen', reason, until });
    }
    const events = eventsAfter(failure, {
      bot: bot.name,
      state,
      key,
      network: networkFor(bot.bundle),
      refrain: bot.settings.refrain,
      isRepeated: false,
      now,
      closedUntil,
    });
    const { slot, until } = due;
    // The look was refused and not a post: the post waits.
    await this.#ledger.record(
      ...events.map((event) =>
        event.event === 'refused' ? { ...event, event: 'held' as const, slot, until } : event,
      ),
    );
    if (herdCauses.has(failure.kind)) await this.#brakeHerd(bot);
    return now;
  }

  /**
   * Before an edit is followed: whether the owed post has arrived since it was absent. Nothing more arrives when no request of its
   * can be under way.
   *
   * @returns when the next step is due, or undefined if it is absent
   */
  async #lookForOwed(step: Step, owed: Owed, lines: readonly Line[]): Promise<NextStep | undefined> {
    const { bot, state, now } = step;
    const { at = 0 } = owed;
    const until = at + inDoubtFor({}, bot.settings, this.#options);
    if (at <= now && now < until) return until;
    const found = await this.#reconciler(step, () => Promise.resolve(lines)).lookForOwed(state, owed);
    if (found === 'absent') return undefined;
    if ('posted' in found) return this.#clock.now();
    return this.#unseen(step, found, `a look whether line ${state.place.next + 1} was posted`);
  }

  /** Puts the next line of a restored bot in doubt: the bot may have posted it since the export. */
  async #beginLook({ bot, state }: Step): Promise<NextStep> {
    const poem = await this.#readPoem(bot);
    const at = this.#clock.now();
    if (!poem) return at + rereadDelay;
    const { atEnd } = bot.settings;
    const { rules } = bot;
    return this.#record(beginLook(bot.name, state, { lines: poem.lines, rules, atEnd }, at));
  }

  /** Looks on the timeline for the open post, or for what a restored bot has posted since. */
  async #reconcile(step: Step): Promise<NextStep> {
    const { bot, state } = step;
    const { open } = state;
    if (!open) return step.now;
    // The timeline decides whether the poem is needed at all.
    let lines: Promise<readonly Line[]> | undefined;
    const reconciler = this.#reconciler(
      step,
      () => (lines ??= linesOf(bot.poemFile, splitOf(bot), this.#options.readPoem)),
    );
    const settled =
      open.look === true || state.restored === true
        ? await reconciler.lookBack(state, open)
        : await reconciler.settle(state, open, { isInherited: !this.#looked.has(bot.name) });
    if (settled === 'absent' || 'posted' in settled) {
      const isByMark = networkFor(bot.bundle).findsByMark && open.attempt !== undefined;
      // A mark tells of its own post only.
      if (!isByMark || state.restored === true || this.#looked.has(bot.name)) this.#setLooked(bot);
      return this.#clock.now();
    }
    if (!('blockedUntil' in settled) && !('cap' in settled))
      this.#warnInDoubt(bot, open.line, settled.unseen);
    return this.#unseen(step, settled, `a look whether line ${open.line + 1} was posted`);
  }

  /** When a look is tried again. @param purpose - what the money is for */
  #unseen({ bot }: Step, unseen: Unseen, purpose: string): NextStep {
    if ('blockedUntil' in unseen) return unseen.blockedUntil;
    if ('cap' in unseen) return this.#waitForBudget(bot, unseen.cap, purpose);
    return unseen.closedUntil ?? this.#clock.now() + this.#doubts.nextDelay(bot.name);
  }

  /** From now on the ledger is known to have all posts of the bot. */
  #setLooked(bot: Bot): void {
    this.#looked.set(bot.name, this.#stateOf(bot).posts);
    this.#doubts.settle(bot.name);
  }

  #stateOf({ name }: Bot): BotState {
    const state = this.#ledger.state(name);
    if (!state) throw new Error(`${name}: the ledger kept an event and does not show it`);
    return state;
  }

  #reconciler({ bot, flockBudget, key }: Step, lines: () => Promise<readonly Line[]>): Reconciler {
    const account = this.#options.openAccount(bot.bundle);
    const [ledger, clock, gate] = [this.#ledger, this.#clock, this.#gate];
    return new Reconciler({ bot, ledger, clock, gate, flockBudget, account, lines, key });
  }

  #warnInDoubt({ name: bot }: Bot, line: number, reason: string): void {
    this.#options.log.warn(
      { event: 'in-doubt', bot, line: line + 1, reason },
      `line ${line + 1} is in doubt: ${reason}`,
    );
  }

  /**
   * A network seldom suspends several accounts of a flock for what one of them did: the others stop before it is their turn. If all
   * bots are of one app, the whole flock is stopped; otherwise those of this app at this network need a person.
   */
  async #brakeHerd({ bundle }: Bot): Promise<void> {
    const { log, bots, isStopped, brake } = this.#options;
    const now = this.#clock.now();
    const all = [...bots()];
    const { app } = reachOf(bundle);
    const herd = all.filter((bot) => reachOf(bot.bundle).app === app);
    const hit = herd.filter(({ name }) => {
      const parked = this.#ledger.state(name)?.parked;
      return parked !== undefined && parked.at > now - hour && herdCauses.has(parked.cause ?? '');
    });
    if (hit.length < Math.max(2, Math.ceil(herd.length / 10)) || isStopped()) return;
    const place = placeOf(bundle);
    const why = `${place} has suspended, locked or called automated ${hit.length} accounts of the flock within an hour`;
    const see = `sign in as these accounts and see what ${place} has against them`;
    if (herd.length === all.length) {
      const hint = `${see}; then: flockd resume`;
      await brake(why);
      log.error({ event: 'herd', why, hint }, `the whole flock is paused: ${why}; ${hint}`);
      return;
    }
    const hint = `${see}; then: flockd resume --all`;
    const others = herd.filter(({ name }) => this.#ledger.state(name)?.parked === undefined);
    const parked = others.map((bot): LedgerEvent => {
      return { event: 'parked', bot: bot.name, at: now, why, hint, key: keyMark(bot), cause: 'herd' };
    });
    await this.#ledger.record(...parked.filter(({ bot }) => this.#ledger.state(bot) !== undefined));
    log.error({ event: 'herd', why, hint }, `the bots at ${place} are stopped: ${why}; ${hint}`);
  }
}

/**
 * The mark of the attempt that was in doubt, or a new one; undefined where the network has none. Where the timeline decides, a
 * mark is used twice at most: some servers give the same failure again for it.
 */
function markOf(
  { newMark, findsByMark }: Network,
  { owed, last }: BotState,
  now: number,
): string | undefined {
  if (owed?.attempt !== undefined && (findsByMark || timesAbsent(owed) < 2)) return owed.attempt;
  return newMark?.(now, last?.id);
}

/** Whether the owed post is an attempt that was in doubt, at a network that finds it by its mark. */
const isRepeated = ({ bundle }: Bot, state: BotState): state is BotState & { owed: Owed } =>
  state.owed?.attempt !== undefined && networkFor(bundle).findsByMark;

/** What is decided without the time of day, or is decided again when the time has come. */
const isTimeless = ({ do: what }: Decision): boolean =>
  what === 'wait' || what === 'rest' || what === 'reconcile';

/** Tells a key from the one that replaces it. Nothing can be signed with it. */
export function keyMark({ bundle }: Pick<Bot, 'bundle'>): string {
  const pairs = [bundle.appKeys.reveal(), bundle.accessToken.reveal()];
  const values = pairs.flatMap(({ token, secret }) => [token, secret]).join('\n');
  return hash('sha256', values, 'base64url').slice(0, 10);
}

/** A file that is empty, cut within a letter or missing for a moment. A file that cannot be read at all is no upload. */
const mayBeUpload = ({ exit, cause }: FlockError): boolean =>
  exit === 'data' && (cause === undefined || systemCode(cause) === 'ENOENT');

/** Whether the ledger is known to have all posts of the account. The place of a post without an id shows only in a later look. */
const isLookedAt = ({ last, posts }: BotState, postsThen: number | undefined): boolean =>
  postsThen !== undefined && (last === undefined || last.id !== undefined || posts === postsThen);

/** Whether a bot still owes what a person asked for, perhaps as a refrain that is tried in a second way, and may post at once. */
const isAsked = (state: BotState | undefined, next: NextStep, now: number): boolean =>
  state?.owed !== undefined && !state.open && next !== 'when changed' && next <= now;

const spendingUnknown = (bot: string, awaited: string): FlockError =>
  new FlockError(
    'tryLater',
    `${bot} cannot post yet: ${awaited} was restored, and nobody knows what it has spent of the flock's budget`,
    {
      hint: `flockd looks while it runs; ask again after that, or let ${awaited} rest: flockd pause ${awaited}`,
    },
  );
