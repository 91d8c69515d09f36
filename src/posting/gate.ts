import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Outcome, TimeAnswer } from '../networks/x/client.ts';
import { describeSkew, type XFailure } from '../networks/x/failure.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { PostFailure } from './post.ts';

const second = 1000;
const minute = 60 * second;

/** What holds several bots back at once. */
export type Cause = 'no-credit' | 'app-refused' | 'outage' | 'clock' | 'foreign' | 'limit';

/** Why a bot may not try now, and when it asks again. Instants in milliseconds since 1970. */
export interface Block {
  why: Cause | 'never-sent' | 'unseen' | 'seen';
  reason: string;
  until: number;
}

/** How a closed gate is tried: after how long first, and how long between two tries at most; each wait is twice the last. */
interface Pace {
  first: number;
  most: number;
}

const paces: Record<Exclude<Cause, 'limit'>, Pace> = {
  'no-credit': { first: 15 * minute, most: 60 * minute },
  'app-refused': { first: 15 * second, most: 15 * minute },
  outage: { first: 30 * second, most: 5 * minute },
  clock: { first: 5 * second, most: 10 * second },
  foreign: { first: 10 * second, most: minute },
};

/** What X names is the app's, and what X cannot have named is everybody's. */
const ofApp: ReadonlySet<Cause> = new Set(['app-refused', 'outage', 'limit']);

/** So many bots without a success of anybody within this time, and it is not about them. */
const minPerOutage = 3;
const minPerForeign = 2;
const window = 10 * minute;

/** A wall clock that has moved this much against the one that nobody sets was set. Milliseconds. */
const maxDrift = 30 * second;
/** X refuses a signature that is older or newer than this (code 135). Milliseconds. */
const maxSkew = 5 * minute;

/** A step of a bot has ended after this time. Milliseconds. */
const maxTry = 2 * minute;
/** How long the others wait before they ask what came of a try. */
const whileTried = 5 * second;
/** A bot that has tried in vain comes so many seconds after the others at most. */
const maxTurns = 5;

interface Closure {
  why: Cause;
  reason: string;
  /** When it may be tried next, on the clock that nobody sets, and how long the wait after that is. */
  next: number;
  wait: number;
  pace: Pace;
  /** Who tries it now. */
  probe: string | undefined;
  /** How often each bot has tried it in vain: whoever has done so less comes first. */
  tried: Map<string, number>;
}

export interface GateOptions {
  clock: Clock;
  log: Logger;
  /** What time it is at X. */
  askTime: () => Promise<TimeAnswer>;
  /** Called where it opens: whoever waits may go on. */
  opened: () => void;
}

/**
 * What hits several bots at once is not about one of them: they wait, one of them tries now and then, and all go on once it is
 * over. Closed by X's word on the app, on credit or on the clock, by several bots' refusals that name nothing, and by answers
 * that are not X's. Posts and looks at the timeline have a gate each, since X may refuse the one and grant the other.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #askTime: () => Promise<TimeAnswer>;
  readonly #opened: () => void;
  /** By what they close: `post`, `look`, or `post` and an app. */
  readonly #closures = new Map<string, Closure>();
  /** Bots that were refused without a reason, by the app or the gate, and when. */
  readonly #suspects = new Map<string, Map<string, number>>();
  /** The difference of the two clocks when X's time was near ours last. */
  #sureOf: number | undefined;
  #asking: Promise<Block | undefined> | undefined;
  #asked: { block: Block; again: number } | undefined;
  #isClockWrong = false;
  #isClockUnknown = false;

  constructor({ clock, log, askTime, opened }: GateOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#askTime = askTime;
    this.#opened = opened;
  }

  /** What keeps a bot from a post or a look now, or undefined where nothing does. */
  blocked(what: 'post' | 'look', bot: string, appKeys: TokenPair): Block | undefined {
    for (const closure of this.#closuresOf(what, appKeys)) {
      const wait = this.#waitFor(closure, bot);
      const { why, reason } = closure;
      if (wait > 0) return { why, reason, until: this.#in(wait) };
    }
    return undefined;
  }

  /** Lets a bot that nothing keeps back try now; it tells {@link learn} what came of it. Where a gate is closed, no other one tries meanwhile. */
  enter(what: 'post' | 'look', bot: string, appKeys: TokenPair): void {
    for (const closure of this.#closuresOf(what, appKeys)) {
      closure.probe = bot;
      // Should it never tell what came of it, another one tries.
      closure.next = this.#clock.elapsed() + maxTry;
    }
  }

  /**
   * Learns what came of a post or a look.
   *
   * @returns what a failure means now that the others are known, and until when the bot waits where it is not about it alone
   */
  learn(
    what: 'post' | 'look',
    bot: string,
    appKeys: TokenPair,
    outcome: Outcome<unknown>,
  ): { failure: PostFailure; closedUntil: number | undefined } | undefined {
    this.#hear(outcome.time);
    if ('ok' in outcome) {
      this.#forget(what, appKeys);
      this.#open(what, appKeys, () => true);
      return undefined;
    }
    const failure = this.#judge(what, bot, appKeys, outcome.failure);
    const why = causeOf(failure);
    if (why === undefined) {
      this.#answered(what, bot, appKeys, failure);
      return { failure, closedUntil: undefined };
    }
    const closedUntil = this.#close(what, bot, appKeys, { why, failure });
    return { failure, closedUntil };
  }

  /** Whether what the wall clock shows may be built on. */
  get isSure(): boolean {
    return this.#sureOf !== undefined && Math.abs(this.#drift() - this.#sureOf) <= maxDrift;
  }

  /** Makes sure of the clock by X's; resolves with why not, and when to ask again, where it is not right. */
  checkClock(): Promise<Block | undefined> {
    if (this.isSure) return Promise.resolve(undefined);
    const { again, block } = this.#asked ?? {};
    if (again !== undefined && block && this.#clock.elapsed() < again)
      return Promise.resolve({ ...block, until: this.#in(again - this.#clock.elapsed()) });
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<Block | undefined> {
    const answer = await this.#askTime();
    const wait = paces.clock.first;
    const until = this.#in(wait);
    if ('unreachable' in answer) {
      this.#sayClockUnknown(answer.unreachable);
      return { why: 'never-sent', reason: answer.unreachable, until };
    }
    const { ahead = 0, isOfX } = answer;
    if (Math.abs(ahead) <= maxSkew) {
      this.#beSure();
      return undefined;
    }
    const reason = isOfX
      ? describeSkew(ahead)
      : "an answer that is not X's has another time than this machine, whose clock may be wrong";
    const block: Block = { why: isOfX ? 'clock' : 'foreign', reason, until };
    this.#asked = { block, again: this.#clock.elapsed() + wait };
    if (isOfX) this.#sayClockWrong(reason);
    else this.#sayClockUnknown(reason);
    return block;
  }

  /** X's time in an answer that came with a signature that it took or refused. */
  #hear(time: number | undefined): void {
    if (time !== undefined && Math.abs(time - this.#clock.now()) <= maxSkew) this.#beSure();
  }

  #beSure(): void {
    this.#sureOf = this.#drift();
    this.#asked = undefined;
    if (this.#isClockUnknown) {
      this.#isClockUnknown = false;
      this.#log.info({ event: 'clock-known' }, 'goes on: X has told the time');
    }
    // A gate that X's word on the clock has closed is over only once a try has shown it.
    const isClosed = [...this.#closures.values()].some(({ why }) => why === 'clock');
    if (this.#isClockWrong && !isClosed) this.#sayClockRight();
  }

  /** Nobody is to wonder why a flock that begins without a network posts nothing. */
  #sayClockUnknown(why: string): void {
    if (this.#isClockUnknown || this.#isClockWrong) return;
    this.#isClockUnknown = true;
    this.#log.warn({ event: 'clock-unknown', why }, `posts nothing before X has told the time: ${why}`);
  }

  #sayClockRight(): void {
    this.#isClockWrong = false;
    this.#log.info({ event: 'clock-right' }, 'goes on: the clock is right again');
  }

  /** The instant so many milliseconds from now; whole, as instants are written down. */
  #in(wait: number): number {
    return Math.ceil(this.#clock.now() + wait);
  }

  #drift(): number {
    return this.#clock.now() - this.#clock.elapsed();
  }

  /** For how long a bot has to wait for a closed gate; 0 where it is its turn to try it. Milliseconds. */
  #waitFor({ probe, tried, next }: Closure, bot: string): number {
    const now = this.#clock.elapsed();
    if (probe === bot) return 0;
    if (probe !== undefined) return Math.max(0, Math.min(next - now, whileTried));
    return Math.max(0, next + Math.min(tried.get(bot) ?? 0, maxTurns) * second - now);
  }

  /** Those that close a gate to the bots of an app. A limit is over at its instant; everything else only once it is seen to be. */
  #closuresOf(what: 'post' | 'look', appKeys: TokenPair): Closure[] {
    const found: Closure[] = [];
    for (const key of keysOf(what, appKeys)) {
      const closure = this.#closures.get(key);
      if (!closure) continue;
      if (closure.why === 'limit' && closure.next <= this.#clock.elapsed()) this.#closures.delete(key);
      else found.push(closure);
    }
    return found;
  }

  /** Bots that get a 401 that names nothing, several of them and nobody a success: X refuses everybody. */
  #judge(what: 'post' | 'look', bot: string, appKeys: TokenPair, failure: XFailure): PostFailure {
    if (failure.kind !== 'unauthorized') return failure;
    const key = `${what} ${appKeys.reveal().token}`;
    const suspects = this.#suspect(`401 ${key}`, bot);
    if (this.#closures.get(key)?.why !== 'outage' && suspects < minPerOutage) return failure;
    return { kind: 'outage', reason: `${failure.reason}; X says so to several bots of this app` };
  }

  /** @returns how many bots are suspect for the same reason */
  #suspect(key: string, bot: string): number {
    const now = this.#clock.elapsed();
    const known = this.#suspects.get(key) ?? new Map<string, number>();
    for (const [other, at] of known) if (at < now - window) known.delete(other);
    this.#suspects.set(key, known.set(bot, now));
    return known.size;
  }

  #forget(what: 'post' | 'look', appKeys: TokenPair): void {
    this.#suspects.delete(`foreign ${what}`);
    this.#suspects.delete(`401 ${what} ${appKeys.reveal().token}`);
  }

  /** @returns until when the bot waits */
  #close(
    what: 'post' | 'look',
    bot: string,
    appKeys: TokenPair,
    { why, failure }: { why: Cause; failure: PostFailure },
  ): number | undefined {
    if (why === 'foreign' && this.#suspect(`foreign ${what}`, bot) < minPerForeign) {
      this.#answered(what, bot, appKeys, failure);
      return undefined;
    }
    const key = ofApp.has(why) ? `${what} ${appKeys.reveal().token}` : what;
    const now = this.#clock.elapsed();
    const { reason } = failure;
    if (failure.kind === 'wait') {
      const wait = failure.until - this.#clock.now();
      const pace = { first: wait, most: wait };
      this.#closures.set(key, {
        why,
        reason,
        next: now + wait,
        wait,
        pace,
        probe: undefined,
        tried: new Map(),
      });
      return failure.until;
    }
    const pace = paces[why === 'limit' ? 'foreign' : why];
    const known = this.#closures.get(key);
    const again = known?.why === why ? known : undefined;
    const closure: Closure = again ?? {
      why,
      reason,
      next: now,
      wait: pace.first,
      pace,
      probe: undefined,
      tried: new Map(),
    };
    // Those that were under way when it closed tell nothing new.
    if (!again || again.probe === bot) {
      closure.next = now + closure.wait;
      closure.wait = Math.min(closure.wait * 2, pace.most);
      closure.tried.set(bot, (closure.tried.get(bot) ?? 0) + 1);
      closure.probe = undefined;
      closure.reason = reason;
    }
    this.#closures.set(key, closure);
    if (!again) this.#say(why, reason, what);
    return this.#in(Math.max(0, closure.next - now));
  }

  /** A try that failed for a reason of the bot's own: what closed the gate is over, unless the answer does not tell. */
  #answered(what: 'post' | 'look', bot: string, appKeys: TokenPair, failure: PostFailure): void {
    const tells = failure.kind !== 'in-doubt' && failure.kind !== 'never-sent';
    this.#open(what, appKeys, (closure) => closure.probe === bot && tells);
    for (const key of keysOf(what, appKeys)) {
      const closure = this.#closures.get(key);
      if (closure?.probe !== bot) continue;
      closure.probe = undefined;
      closure.next = this.#clock.elapsed() + closure.wait;
      closure.tried.set(bot, (closure.tried.get(bot) ?? 0) + 1);
    }
  }

  #open(what: 'post' | 'look', appKeys: TokenPair, isOver: (closure: Closure) => boolean): void {
    let opened = false;
    for (const key of keysOf(what, appKeys)) {
      const closure = this.#closures.get(key);
      if (!closure || !isOver(closure)) continue;
      this.#closures.delete(key);
      opened = true;
      if (closure.why !== 'clock')
        this.#log.info({ event: 'gate-opened', why: closure.why, what }, `goes on: ${over[closure.why]}`);
      else if (this.#isClockWrong) this.#sayClockRight();
    }
    if (opened) this.#opened();
  }

  #say(why: Cause, reason: string, what: 'post' | 'look'): void {
    if (why === 'clock') this.#sayClockWrong(reason);
    else if (why === 'app-refused')
      this.#log.error(
        { event: 'app-refused', why: reason, hint: consoleHint },
        `X serves no bot of this app: ${reason}; all of them wait, and one tries now and then`,
      );
    else
      this.#log.warn(
        { event: 'gate-closed', why, what, reason },
        `${reason}; the others wait, and one tries now and then`,
      );
  }

  #sayClockWrong(reason: string): void {
    if (this.#isClockWrong) return;
    this.#isClockWrong = true;
    this.#log.error(
      {
        event: 'clock-wrong',
        why: reason,
        hint: 'timedatectl set-ntp true; the flock goes on once it is right',
      },
      `posts nothing: ${reason}`,
    );
  }
}

/** Where a person mends what X has against an app. @see docs.x.com, error client-not-enrolled */
const consoleHint =
  "in X's developer console: Manage apps, the app, Move to package, Pay-per-use, Production; check its credit and that it is not suspended; then flockd goes on by itself";

const over: Record<Exclude<Cause, 'clock'>, string> = {
  'no-credit': 'there is credit again',
  'app-refused': 'X serves the app again',
  outage: 'X takes keys of the app again',
  foreign: 'X answers again',
  limit: 'the limit of the app is over',
};

const keysOf = (what: 'post' | 'look', appKeys: TokenPair): [flock: string, app: string] => [
  what,
  `${what} ${appKeys.reveal().token}`,
];

function causeOf(failure: PostFailure): Cause | undefined {
  const { kind } = failure;
  if (kind === 'in-doubt') return failure.foreign ? 'foreign' : undefined;
  if (kind === 'wait') return failure.scope === 'app' ? 'limit' : undefined;
  return kind === 'no-credit' || kind === 'app-refused' || kind === 'outage' || kind === 'clock'
    ? kind
    : undefined;
}
