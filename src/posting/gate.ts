import { type Failure, type Outcome, type TimeAnswer, describeSkew } from '../networks/network.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { placeOf, reachOf } from '../networks/networks.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { PostFailure } from './post.ts';

const second = 1000;
const minute = 60 * second;

interface CauseTraits {
  /** How a closed gate is tried: the first wait and the longest one, in milliseconds. Each wait is twice the last. */
  first: number;
  max: number;
  /** Whether it holds back the bots of one app, and not all bots of the network. */
  ofApp?: true;
  /** What the log says when it is over. @param network - its name */
  over: (network: string) => string;
}

/** What holds several bots back at once. A limit names its own end. */
const causes = {
  'no-credit': {
    first: 15 * minute,
    max: 60 * minute,
    ofApp: true,
    over: () => 'there is credit again',
  },
  'app-refused': {
    first: 15 * second,
    max: 15 * minute,
    ofApp: true,
    over: (network) => `${network} serves the app again`,
  },
  outage: {
    first: 30 * second,
    max: 5 * minute,
    ofApp: true,
    over: (network) => `${network} takes keys of the app again`,
  },
  clock: { first: 5 * second, max: 10 * second, over: () => 'the clock is right again' },
  foreign: { first: 10 * second, max: minute, over: (network) => `${network} answers again` },
  limit: { first: 0, max: 0, ofApp: true, over: () => 'the limit of the app is over' },
} satisfies Record<string, CauseTraits>;

type Cause = keyof typeof causes;

/** Why a bot may not try now, and when it asks again. Milliseconds since 1970. */
export interface Block {
  why: Cause | 'never-sent' | 'unseen' | 'seen';
  reason: string;
  until: number;
}

/** How many bots must fail within a time, without a success of any bot, before it is not about them. */
const minPerOutage = 3;
const minPerForeign = 2;
const suspectWindow = 10 * minute;

/** If the wall clock moves more than this against the monotonic clock, somebody has set it. Milliseconds. */
const maxDrift = 30 * second;
/** X refuses a signature that is older or newer than this (code 135). Milliseconds. */
const maxSkew = 5 * minute;

/** The longest that a step of a bot takes. Milliseconds. */
const maxProbe = 2 * minute;
/** How long the other bots wait before they ask for the result of a probe. Milliseconds. */
const probeRecheck = 5 * second;
/** The longest that a bot whose probes failed lets other bots go first. Seconds. */
const maxHandicap = 5;

interface Closure {
  why: Cause;
  reason: string;
  /** When it may be tried next, on the monotonic clock, and how long the wait after that is. */
  next: number;
  wait: number;
  /** The bot that tries it now. */
  probe: string | undefined;
  /** How often each bot has tried it in vain: the bot that has done so less goes first. */
  failures: Map<string, number>;
}

type Action = 'post' | 'look';

/** What a bot is about to do, where, and by which app. */
interface Attempt {
  action: Action;
  bot: string;
  /** The network, as people know it: `X`, `mastodon.social`. */
  place: string;
  /** The keys of the gates that the attempt passes: the one for all bots of the network, and the one for those of its app. */
  gates: [network: string, app: string];
}

function attemptOf(action: Action, { name: bot, bundle }: BotWithKey): Attempt {
  const { network, app } = reachOf(bundle);
  return { action, bot, place: placeOf(bundle), gates: [`${action} ${network}`, `${action} ${app}`] };
}

/** A bot, and the key that says where it posts. */
interface BotWithKey {
  name: string;
  bundle: BotKey;
}

interface GateOptions {
  clock: Clock;
  log: Logger;
  /** What time it is at the network of a key. */
  askTime: (key: BotKey) => Promise<TimeAnswer>;
  /** Called when a gate opens: bots that wait may go on. */
  opened: () => void;
}

/**
 * Holds bots back for what is not about one of them. While a gate is closed, one bot tries from time to time, and all go on
 * when it is over. A gate is closed by the network's word on the app, the credit or the clock, by refusals of several bots that
 * give no reason, and by answers that are not the network's. Posts and looks at the timeline have a gate each, because the one
 * may be refused and the other granted.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #askTime: GateOptions['askTime'];
  readonly #opened: () => void;
  /** By the key of their gate. */
  readonly #closures = new Map<string, Closure>();
  /** When bots failed for a reason that may not be about them, by reason and gate, then by bot. */
  readonly #suspects = new Map<string, Map<string, number>>();
  /** The difference of the two clocks when a network's time was last near ours. */
  #trustedDrift: number | undefined;
  /** By network. */
  readonly #asking = new Map<string, Promise<Block | undefined>>();
  readonly #asked = new Map<string, { block: Block; again: number }>();
  #isClockWrong = false;
  #isClockUnknown = false;

  constructor({ clock, log, askTime, opened }: GateOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#askTime = askTime;
    this.#opened = opened;
  }

  /** What holds a bot back from a post or a look now, or undefined if nothing does. */
  blocked(action: Action, bot: BotWithKey): Block | undefined {
    for (const closure of this.#closuresOf(attemptOf(action, bot))) {
      const wait = this.#waitFor(closure, bot.name);
      const { why, reason } = closure;
      if (wait > 0) return { why, reason, until: this.#in(wait) };
    }
    return undefined;
  }

  /** Lets a bot try that nothing holds back; {@link learn} gets the outcome. Until then, no other bot tries a closed gate. */
  enter(action: Action, bot: BotWithKey): void {
    for (const closure of this.#closuresOf(attemptOf(action, bot))) {
      closure.probe = bot.name;
      // If the outcome never comes, another bot tries.
      closure.next = this.#clock.elapsed() + maxProbe;
    }
  }

  /**
   * Learns the outcome of a post or a look.
   *
   * @returns what a failure means with the other bots in view, and until when the bot waits if it is not about it alone
   */
  learn(
    action: Action,
    bot: BotWithKey,
    outcome: Outcome<unknown>,
  ): { failure: PostFailure; closedUntil: number | undefined } | undefined {
    const attempt = attemptOf(action, bot);
    const { time } = outcome;
    if (time !== undefined && Math.abs(time - this.#clock.now()) <= maxSkew) this.#trustClock(attempt.place);
    if ('ok' in outcome) {
      for (const gate of attempt.gates) this.#suspects.delete(gate);
      this.#open(attempt, () => true);
      return undefined;
    }
    const failure = this.#judge(attempt, outcome.failure);
    const cause = causeOf(failure);
    const isOfOneBot =
      !cause || (cause === 'foreign' && this.#suspect(attempt.gates[0], bot.name) < minPerForeign);
    if (!isOfOneBot) return { failure, closedUntil: this.#close(attempt, cause, failure) };
    this.#endProbe(attempt, failure);
    return { failure, closedUntil: undefined };
  }

  /** Whether the wall clock can be trusted. */
  get isSure(): boolean {
    return this.#trustedDrift !== undefined && Math.abs(this.#drift() - this.#trustedDrift) <= maxDrift;
  }

  /**
   * Checks the wall clock by that of the bot's network: any network's is enough for all.
   *
   * @returns why it cannot be trusted, and when to ask again
   */
  checkClock(key: BotKey): Promise<Block | undefined> {
    if (this.isSure) return Promise.resolve(undefined);
    const { network } = reachOf(key);
    const { again, block } = this.#asked.get(network) ?? {};
    if (again !== undefined && block && this.#clock.elapsed() < again)
      return Promise.resolve({ ...block, until: this.#in(again - this.#clock.elapsed()) });
    const asking =
      this.#asking.get(network) ?? this.#ask(key, network).finally(() => this.#asking.delete(network));
    this.#asking.set(network, asking);
    return asking;
  }

  async #ask(key: BotKey, network: string): Promise<Block | undefined> {
    const answer = await this.#askTime(key);
    // Another network may have told the time meanwhile.
    if (this.isSure) return undefined;
    const place = placeOf(key);
    const wait = causes.clock.first;
    const until = this.#in(wait);
    if ('unreachable' in answer) {
      this.#logClockUnknown(place, answer.unreachable);
      return { why: 'never-sent', reason: answer.unreachable, until };
    }
    const { ahead = 0, isOwn } = answer;
    if (Math.abs(ahead) <= maxSkew) {
      this.#trustClock(place);
      return undefined;
    }
    const reason = isOwn
      ? describeSkew(ahead, place)
      : `an answer that is not ${place}'s has another time than this machine, whose clock may be wrong`;
    const block: Block = { why: isOwn ? 'clock' : 'foreign', reason, until };
    this.#asked.set(network, { block, again: this.#clock.elapsed() + wait });
    if (isOwn) this.#logClockWrong(reason);
    else this.#logClockUnknown(place, reason);
    return block;
  }

  #trustClock(place: string): void {
    this.#trustedDrift = this.#drift();
    this.#asked.clear();
    if (this.#isClockUnknown) {
      this.#isClockUnknown = false;
      this.#log.info({ event: 'clock-known' }, `goes on: ${place} has told the time`);
    }
    // A gate that is closed for the clock is open only after a probe has shown it.
    const isClosed = [...this.#closures.values()].some(({ why }) => why === 'clock');
    if (this.#isClockWrong && !isClosed) this.#logClockRight();
  }

  /** The instant this many milliseconds from now; whole, as the ledger has instants. */
  #in(wait: number): number {
    return Math.ceil(this.#clock.now() + wait);
  }

  #drift(): number {
    return this.#clock.now() - this.#clock.elapsed();
  }

  /** How long a bot has to wait for a closed gate; 0 if it is its turn to try. Milliseconds. */
  #waitFor({ probe, failures, next }: Closure, bot: string): number {
    const now = this.#clock.elapsed();
    if (probe === bot) return 0;
    if (probe !== undefined) return Math.max(0, Math.min(next - now, probeRecheck));
    return Math.max(0, next + Math.min(failures.get(bot) ?? 0, maxHandicap) * second - now);
  }

  /** The closed gates of an attempt. A limit is over at its instant; everything else only after a probe has shown it. */
  #closuresOf({ gates }: Attempt): Closure[] {
    return gates.flatMap((gate) => {
      const closure = this.#closures.get(gate);
      const isOver = closure?.why === 'limit' && closure.next <= this.#clock.elapsed();
      if (isOver) this.#closures.delete(gate);
      return closure && !isOver ? [closure] : [];
    });
  }

  /** If several bots get a 401 without a reason, and no bot succeeds, the network refuses all bots of the app. */
  #judge({ bot, gates: [, gate] }: Attempt, failure: Failure): PostFailure {
    if (failure.kind !== 'unauthorized') return failure;
    const suspects = this.#suspect(gate, bot);
    if (this.#closures.get(gate)?.why !== 'outage' && suspects < minPerOutage) return failure;
    return { kind: 'outage', reason: `${failure.reason}, and those of other bots of this app` };
  }

  /** @returns how many bots failed lately at a gate: at an app's by a 401, at the network's by an answer that is not its own */
  #suspect(gate: string, bot: string): number {
    const now = this.#clock.elapsed();
    const known = this.#suspects.get(gate) ?? new Map<string, number>();
    for (const [other, at] of known) if (at < now - suspectWindow) known.delete(other);
    this.#suspects.set(gate, known.set(bot, now));
    return known.size;
  }

  /** @returns until when the bot waits */
  #close({ action, bot, gates: [network, app] }: Attempt, why: Cause, failure: PostFailure): number {
    const { reason } = failure;
    const { first, max, ofApp }: CauseTraits = causes[why];
    const gate = ofApp ? app : network;
    const now = this.#clock.elapsed();
    const known = this.#closures.get(gate);
    const again = known?.why === why && why !== 'limit' ? known : undefined;
    const wait = failure.kind === 'wait' ? failure.until - this.#clock.now() : first;
    const closure: Closure = again ?? { why, reason, next: now, wait, probe: undefined, failures: new Map() };
    // Attempts that were under way when it closed have nothing new.
    if (!again || again.probe === bot) {
      closure.reason = reason;
      this.#failProbe(closure, bot);
      closure.wait = Math.min(closure.wait * 2, max);
    }
    this.#closures.set(gate, closure);
    if (!again && why !== 'limit') this.#logClosed(why, action, reason);
    return this.#in(Math.max(0, closure.next - now));
  }

  /** Ends a probe that failed for a reason of the bot's own: the gate opens, unless the answer says nothing of the gate. */
  #endProbe(attempt: Attempt, { kind }: PostFailure): void {
    const { bot, gates } = attempt;
    const isAnswer = kind !== 'in-doubt' && kind !== 'never-sent';
    this.#open(attempt, ({ probe }) => probe === bot && isAnswer);
    for (const gate of gates) {
      const closure = this.#closures.get(gate);
      if (closure?.probe === bot) this.#failProbe(closure, bot);
    }
  }

  #failProbe(closure: Closure, bot: string): void {
    closure.probe = undefined;
    closure.next = this.#clock.elapsed() + closure.wait;
    closure.failures.set(bot, (closure.failures.get(bot) ?? 0) + 1);
  }

  #open({ action, place, gates }: Attempt, isOver: (closure: Closure) => boolean): void {
    let opened = false;
    for (const gate of gates) {
      const closure = this.#closures.get(gate);
      if (!closure || !isOver(closure)) continue;
      this.#closures.delete(gate);
      opened = true;
      const { why } = closure;
      if (why !== 'clock')
        this.#log.info({ event: 'gate-opened', why, what: action }, `goes on: ${causes[why].over(place)}`);
      else if (this.#isClockWrong) this.#logClockRight();
    }
    if (opened) this.#opened();
  }

  #logClosed(why: Cause, action: Action, reason: string): void {
    if (why === 'clock') this.#logClockWrong(reason);
    else if (why === 'app-refused')
      this.#log.error(
        { event: 'app-refused', why: reason, hint: consoleHint },
        `${reason}; all bots of this app wait, and one tries now and then`,
      );
    else
      this.#log.warn(
        { event: 'gate-closed', why, what: action, reason },
        `${reason}; the others wait, and one tries now and then`,
      );
  }

  #logClockWrong(reason: string): void {
    if (this.#isClockWrong) return;
    this.#isClockWrong = true;
    const hint = 'timedatectl set-ntp true; the flock goes on once it is right';
    this.#log.error({ event: 'clock-wrong', why: reason, hint }, `posts nothing: ${reason}`);
  }

  #logClockRight(): void {
    this.#isClockWrong = false;
    this.#log.info({ event: 'clock-right' }, `goes on: ${causes.clock.over()}`);
  }

  /** A flock that starts without a network has to say why it posts nothing. */
  #logClockUnknown(place: string, why: string): void {
    if (this.#isClockUnknown || this.#isClockWrong) return;
    this.#isClockUnknown = true;
    this.#log.warn(
      { event: 'clock-unknown', why },
      `posts nothing before ${place} has told the time: ${why}`,
    );
  }
}

/** How to repair what X has against an app; no other network refuses one. @see docs.x.com, error client-not-enrolled */
const consoleHint =
  "in X's developer console: Manage apps, the app, Move to package, Pay-per-use, Production; check its credit and that it is not suspended; then flockd goes on by itself";

const ofSeveral = ['no-credit', 'app-refused', 'outage', 'clock'] as const;

/** What of a failure is not about one bot; undefined if nothing is. */
function causeOf(failure: PostFailure): Cause | undefined {
  if (failure.kind === 'in-doubt') return failure.foreign ? 'foreign' : undefined;
  if (failure.kind === 'wait') return failure.scope === 'app' ? 'limit' : undefined;
  return ofSeveral.find((cause) => cause === failure.kind);
}
