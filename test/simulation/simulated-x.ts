import type { TimelinePost, TimelineStart, XClient } from '../../src/x/x-client.ts';
import type { XFailure } from '../../src/x/x-failure.ts';
import type { Faults, PostFault } from './faults.ts';
import { never, type Death, type Life } from './life.ts';
import type { Random } from './random.ts';
import type { SimulatedClock } from './simulated-clock.ts';

/** A post as X has it: the truth. */
export interface Accepted {
  bot: string;
  id: number;
  text: string;
  at: number;
  /** When it was sent. */
  sent: number;
  /** From when on the timeline shows it. */
  shown: number;
}

export interface SimulatedXOptions {
  clock: SimulatedClock;
  faults: Faults;
  random: Random;
  /** Every request ends within this, on both sides. Milliseconds. */
  deadline: number;
  /** The timeline shows every post within this, and not later than this and the deadline after it was sent. */
  settle: number;
  /** For how long a text that was accepted is refused as a repetition; 0, as a rule, so that nothing hides. */
  duplicateWindow: number;
  /** X refuses a request whose timestamp is far from its own clock. */
  checksClock: boolean;
  trace?: ((happened: string) => void) | undefined;
}

type Answer<T> = { ok: T } | { failure: XFailure };

/** How far a request's timestamp may be off; what is held up for longer is refused. */
const tolerance = 300_000;

/** An X that takes every post as often as it is sent, unless told otherwise, and remembers. */
export class SimulatedX {
  readonly log: Accepted[] = [];
  /** Posts under way that will be accepted yet. */
  readonly coming = new Map<string, number>();
  /** Texts that were refused as a repetition, bot and text. */
  readonly repetitions = new Set<string>();
  readonly #options: SimulatedXOptions;

  constructor(options: SimulatedXOptions) {
    this.#options = options;
  }

  clientOf(bot: string, life: Life): XClient {
    const { trace } = this.#options;
    return {
      post: (text) => (life.over ? never() : this.#post(bot, text, life)),
      me: () => this.#look(life, 'me', () => ({ userId: `user-${bot}`, screenName: bot })),
      timeline: (_, from) =>
        this.#look(life, trace ? `timeline from ${JSON.stringify(from)}` : '', () =>
          this.#timeline(bot, from),
        ),
    };
  }

  /** How many lines X has of a bot, or is about to have. */
  linesOf(bot: string): number {
    const accepted = this.log.filter((post) => post.bot === bot);
    return accepted.reduce((lines, { text }) => lines + text.split('\n').length, this.coming.get(bot) ?? 0);
  }

  #post(bot: string, text: string, life: Life): Promise<Answer<string>> {
    const { clock, faults, random, deadline, trace } = this.#options;
    const fault = faults.post(bot);
    trace?.(`X: ${bot} posts ${JSON.stringify(text)}${fault === undefined ? '' : `: ${fault}`}`);
    const refusal = this.#refusalOf(fault);
    if (refusal) return this.#answer(life, 100, { failure: refusal });
    const time = 50 + random.int(deadline - 50);
    const willAccept = fault === undefined || /after|late|held up/.test(fault);
    if (willAccept && this.#isRepetition(bot, text)) {
      this.repetitions.add(`${bot} ${text}`);
      return this.#answer(life, 100, { failure: { kind: 'duplicate', reason: '403 duplicate content' } });
    }
    let id: string | undefined;
    if (willAccept) {
      const late = fault?.endsWith('late') === true;
      const latest = fault === 'held up' ? tolerance : deadline;
      const at = late || fault === 'held up' ? time + random.int(latest - time + 1) : Math.floor(time / 2);
      this.coming.set(bot, (this.coming.get(bot) ?? 0) + text.split('\n').length);
      const sent = clock.trueNow();
      clock.after(at, () => (id = this.#accept(bot, text, sent)));
    }
    const death = deathIn(fault);
    if (death !== undefined) {
      clock.after(time, () => life.die(death));
      return this.#never(life);
    }
    return this.#answer(life, time, () =>
      fault === undefined && id !== undefined
        ? { ok: id }
        : { failure: { kind: 'in-doubt', reason: fault ?? 'no answer' } },
    );
  }

  #accept(bot: string, text: string, sent: number): string {
    const { clock, random, deadline, settle, trace } = this.#options;
    const at = clock.trueNow();
    const lag = Math.min(settle, sent + deadline + settle - at);
    const id = 100 + this.log.length;
    this.log.push({ bot, id, text, at, sent, shown: at + random.int(lag) });
    this.coming.set(bot, (this.coming.get(bot) ?? 0) - text.split('\n').length);
    trace?.(`X: accepted ${JSON.stringify(text)} of ${bot} as ${id}`);
    return String(id);
  }

  #refusalOf(fault: PostFault | undefined): XFailure | undefined {
    const { clock, random } = this.#options;
    if (this.#isClockOff()) return { kind: 'reauth', reason: '401 timestamp out of bounds' };
    if (fault === '429' || fault === '429 for the app') {
      const until = clock.now() + 1000 * (1 + random.int(900));
      return { kind: 'wait', reason: '429', until, scope: fault === '429' ? 'bot' : 'app' };
    }
    if (fault === 'never sent') return { kind: 'never-sent', reason: 'connection refused' };
    if (fault === '401') return { kind: 'reauth', reason: '401' };
    return fault === '402' ? { kind: 'no-credit', reason: '402' } : undefined;
  }

  #isRepetition(bot: string, text: string): boolean {
    const { clock, duplicateWindow } = this.#options;
    const since = clock.trueNow() - duplicateWindow;
    return (
      duplicateWindow > 0 &&
      this.log.some((post) => post.bot === bot && post.text === text && post.at > since)
    );
  }

  #isClockOff(): boolean {
    const { clock, checksClock } = this.#options;
    return checksClock && Math.abs(clock.now() - clock.trueNow()) > tolerance;
  }

  #timeline(bot: string, from: TimelineStart): TimelinePost[] {
    const now = this.#options.clock.trueNow();
    return this.log
      .filter((post) => post.bot === bot && post.shown <= now)
      .filter(({ id, at }) => ('sinceId' in from ? id > Number(from.sinceId) : at >= from.start))
      .map(({ id, text }) => ({ id: String(id), text }))
      .reverse();
  }

  #look<T>(life: Life, what: string, see: () => T): Promise<Answer<T>> {
    if (life.over) return never();
    const { clock, faults, random, deadline, trace } = this.#options;
    const fault = faults.look();
    trace?.(`X: ${what}${fault === undefined ? '' : `: ${fault}`}`);
    const time = 50 + random.int(deadline - 50);
    if (fault === 'kill' || fault === 'power cut') {
      clock.after(time, () => life.die(fault));
      return this.#never(life);
    }
    const unreadable = { failure: { kind: 'in-doubt' as const, reason: 'unreadable' } };
    return this.#answer(
      life,
      time,
      fault === 'unreadable' || this.#isClockOff() ? unreadable : { ok: see() },
    );
  }

  /** Answers after a while, during which the bot waits. */
  #answer<T>(life: Life, time: number, answer: Answer<T> | (() => Answer<T>)): Promise<Answer<T>> {
    const { clock, trace } = this.#options;
    return new Promise((resolve) => {
      life.leave();
      clock.after(time, () => {
        if (life.over) return;
        life.enter();
        const said = typeof answer === 'function' ? answer() : answer;
        trace?.(`X: answers ${JSON.stringify(said)}`);
        resolve(said);
      });
    });
  }

  #never(life: Life): Promise<never> {
    life.leave();
    return never();
  }
}

function deathIn(fault: PostFault | undefined): Death | undefined {
  if (fault?.startsWith('kill') === true) return 'kill';
  return fault?.startsWith('power cut') === true ? 'power cut' : undefined;
}
