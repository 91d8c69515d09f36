import type {
  Account,
  Failure,
  PageWanted,
  TimeAnswer,
  TimelinePage,
  TimelinePost,
  TimelineStart,
} from '../../src/networks/network.ts';
import { readingCost, usualPrices } from '../../src/cost.ts';
import { asWritten } from '../../src/poems/tweet-text.ts';
import { costOf } from '../../src/posting/budget.ts';
import { alterations, shortenLinks, showText } from '../../src/sandbox/world.ts';
import type { Faults, PostFault } from './faults.ts';
import { type Death, type Life, never } from './life.ts';
import type { Random } from './random.ts';
import type { SimulatedClock } from './simulated-clock.ts';

/**
 * What a repeated mark gets at Mastodon: the first post; another one; an error if there is a post; an error whatever the first
 * answer was; or the first answer, whoever asks.
 */
export const keyManners = ['honours', 'ignores', '500', '400', 'replays'] as const;

/** Another network than X, and its manner. */
export type OtherNetwork = { name: 'mastodon'; key: (typeof keyManners)[number] } | { name: 'bluesky' };

/** A post as the network has it: the truth. */
export interface Accepted {
  bot: string;
  id: number;
  /** Its id as the network gives it. */
  ref: string;
  text: string;
  at: number;
  /** When it was sent. */
  sent: number;
  /** From when on the timeline shows it. */
  shown: number;
}

export interface SimulatedNetworkOptions {
  clock: SimulatedClock;
  faults: Faults;
  random: Random;
  /** Every request ends within this, on both sides. Milliseconds. */
  deadline: number;
  /** The timeline shows every post within this, but for what it lags, and not later than this and the deadline after it was sent. */
  settle: number;
  lag: number;
  /** For how long a text that was accepted is refused as a repetition; 0, as a rule, so that nothing hides. */
  duplicateWindow: number;
  /** X refuses a request whose timestamp is far from its own clock. */
  checksClock: boolean;
  /** Each look shows texts otherwise than they were sent, and some show posts from before where it was to begin. */
  alters: boolean;
  /** The network that it stands for, if that is not X. */
  other?: OtherNetwork | undefined;
  trace?: ((happened: string) => void) | undefined;
}

type Answer<T> = ({ ok: T } | { failure: Failure }) & { time?: number };

/** What keeps X from serving anybody for a while. */
export type Spell = 'front' | 'outage' | 'app refused' | 'no credit' | 'down';

const everyAlteration = Object.values(alterations);

/** How far a request's timestamp may be off; what is held up for longer is refused. */
const tolerance = 300_000;

/** An X that takes every post as often as it is sent, unless told otherwise, and remembers. */
export class SimulatedNetwork {
  readonly log: Accepted[] = [];
  /** Posts under way that will arrive yet. */
  readonly #coming = new Set<Sending>();
  /** Texts that were refused as a repetition, bot and text. */
  readonly repetitions = new Set<string>();
  /** What X charges, and when. Micros. */
  readonly bill: { at: number; micros: number }[] = [];
  /** What everybody gets for a while, and until when of true time. */
  #spell: { what: Spell; until: number } | undefined;
  /** The first answer to each mark, by mark; by bot and mark where a server keeps them for each account. */
  readonly #marks = new Map<string, Answer<string>>();
  readonly #options: SimulatedNetworkOptions;

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  clientOf(bot: string, life: Life): Account {
    const { trace, other } = this.#options;
    return {
      post: (text, options = {}) =>
        life.over ? never() : this.#post({ bot, text, mark: options.mark ?? '' }, life),
      ...(other?.name === 'bluesky' && {
        find: (mark: string) => this.#look(life, 'find', () => this.#find(bot, mark)),
      }),
      me: () =>
        this.#look(life, 'me', () => {
          this.#charge(readingCost({ accounts: 1 }, usualPrices));
          return { userId: `user-${bot}`, screenName: bot };
        }),
      timeline: (_, from, page) =>
        this.#look(life, trace ? `timeline from ${JSON.stringify(from)}` : '', () =>
          this.#timeline(bot, from, page),
        ),
    };
  }

  /** Serves nobody for a while. @param lasts - milliseconds */
  fallIll(what: Spell, lasts: number): void {
    this.#spell = { what, until: this.#options.clock.trueNow() + lasts };
  }

  /** What X's clock shows, to whoever asks without a key. */
  time(): TimeAnswer {
    const { clock } = this.#options;
    const ill = this.#ill();
    if (ill === 'down') return { unreachable: 'no route' };
    return ill === 'front'
      ? { ahead: undefined, isOwn: false }
      : { ahead: clock.trueNow() - clock.now(), isOwn: true };
  }

  /** How many lines X has of a bot, or is about to have. */
  linesOf(bot: string): number {
    const accepted = this.log.filter((post) => post.bot === bot);
    return accepted.reduce((lines, { text }) => lines + text.split('\n').length, this.comingOf(bot));
  }

  /** How many lines of a bot are under way and will be accepted. */
  comingOf(bot: string): number {
    const arriving = [...this.#coming].filter((sending) => sending.bot === bot && !this.#again(sending));
    const { other } = this.#options;
    const once = other ? new Map(arriving.map((sending) => [sending.mark, sending])).values() : arriving;
    return [...once].reduce((lines, { text }) => lines + text.split('\n').length, 0);
  }

  /** The line that comes next, counted from 0, for somebody who reads a bot's posts along its poem: they may have passed over some. */
  nextOf(bot: string, poem: readonly string[]): number {
    const said = this.log.filter((post) => post.bot === bot).flatMap(({ text }) => text.split('\n'));
    return said.reduce((next, text) => {
      const ahead = poem.findIndex((_, away) => poem[(next + away) % poem.length] === text);
      return (next + Math.max(ahead, 0) + 1) % poem.length;
    }, 0);
  }

  #post(sending: Sending, life: Life): Promise<Answer<string>> {
    const { bot, text } = sending;
    const { clock, faults, random, deadline, trace } = this.#options;
    const fault = faults.post(bot);
    const ahead = (): number => clock.now() - clock.elapsed();
    const before = ahead();
    trace?.(`X: ${bot} posts ${JSON.stringify(text)}${fault === undefined ? '' : `: ${fault}`}`);
    const refusal = this.#illness('post') ?? this.#refusalOf(fault);
    if (refusal?.kind === 'wait')
      // How long to wait is reckoned when the answer is there, by what the wall clock shows then.
      return this.#answer(life, 100, () => ({
        failure: { ...refusal, until: refusal.until + ahead() - before },
      }));
    if (refusal) return this.#answer(life, 100, () => this.#refuse(sending, refusal));
    const time = 50 + random.int(deadline - 50);
    const willAccept = fault === undefined || /after|late|held up/.test(fault);
    const isForeign = fault?.startsWith('page') === true;
    if (willAccept && this.#isRepetition(bot, text)) {
      this.repetitions.add(`${bot} ${text}`);
      return this.#answer(life, 100, { failure: { kind: 'duplicate', reason: '403 duplicate content' } });
    }
    let taken: Answer<string> | undefined;
    if (willAccept) {
      const late = fault?.endsWith('late') === true;
      const latest = fault === 'held up' ? tolerance : deadline;
      const at = late || fault === 'held up' ? time + random.int(latest - time + 1) : Math.floor(time / 2);
      this.#coming.add(sending);
      const sent = clock.trueNow();
      clock.after(at, () => (taken = this.#accept(sending, sent)));
    }
    const death = deathIn(fault);
    if (death !== undefined) {
      clock.after(time, () => life.die(death));
      return this.#never(life);
    }
    return this.#answer(life, time, () =>
      fault === undefined && taken !== undefined
        ? taken
        : { failure: inDoubt(fault ?? 'no answer', isForeign) },
    );
  }

  /** A request arrives. */
  #accept(sending: Sending, sent: number): Answer<string> {
    this.#coming.delete(sending);
    const first = this.#again(sending);
    if (first) return first;
    const made = { ok: this.#make(sending, sent) };
    this.#remember(sending, made);
    return made;
  }

  /** The answer to a mark that was used before, or undefined if it counts for nothing. */
  #again(sending: Sending): Answer<string> | undefined {
    const { other, trace } = this.#options;
    const first = this.#marks.get(this.#markOf(sending));
    if (!first || !other) return undefined;
    trace?.(`the mark ${sending.mark} was used before`);
    if (other.name === 'bluesky') return first;
    switch (other.key) {
      case 'ignores':
        return undefined;
      case 'honours':
        return 'ok' in first ? first : undefined;
      case '500':
        return 'ok' in first ? { failure: inDoubt('500', false) } : undefined;
      case '400':
        return { failure: { kind: 'in-doubt', reason: '400 Duplicate idempotency key' } };
      case 'replays':
        return first;
    }
  }

  #refuse(sending: Sending, failure: Failure): Answer<string> {
    const again = failure.kind === 'never-sent' ? undefined : this.#again(sending);
    if (again) return again;
    const { other } = this.#options;
    const isKept = other?.name === 'mastodon' && (other.key === '400' || other.key === 'replays');
    // What something in between has answered did not get there.
    const hasArrived = failure.kind !== 'never-sent' && failure.kind !== 'in-doubt';
    if (isKept && hasArrived) this.#remember(sending, { failure });
    return { failure };
  }

  #remember(sending: Sending, answer: Answer<string>): void {
    if (this.#options.other) this.#marks.set(this.#markOf(sending), answer);
  }

  #markOf({ bot, mark }: Sending): string {
    const { other } = this.#options;
    return other?.name === 'mastodon' && other.key === 'replays' ? mark : `${bot} ${mark}`;
  }

  #make({ bot, text, mark }: Sending, sent: number): string {
    const { clock, random, deadline, settle, lag, trace, other } = this.#options;
    const at = clock.trueNow();
    const within = Math.min(settle, sent + deadline + settle - at);
    const id = 100 + this.log.length;
    // Ids of Mastodon's servers have no order that a reader could use.
    const ref = other?.name === 'bluesky' ? mark : other ? `p${(id * 7919) % 100_003}` : String(id);
    const shown = other?.name === 'bluesky' ? at : at + lag + random.int(within);
    this.log.push({ bot, id, ref, text, at, sent, shown });
    this.#charge(costOf(text, usualPrices));
    trace?.(`X: accepted ${JSON.stringify(text)} of ${bot} as ${ref}`);
    return ref;
  }

  #charge(micros: number): void {
    const { clock, other } = this.#options;
    if (!other) this.bill.push({ at: clock.trueNow(), micros });
  }

  #find(bot: string, mark: string): TimelinePost | undefined {
    const found = this.log.find((post) => post.bot === bot && post.ref === mark);
    return found && { id: mark, text: found.text, at: found.at };
  }

  #refusalOf(fault: PostFault | undefined): Failure | undefined {
    const { clock, random, other } = this.#options;
    if (other && (fault === 'limit' || fault === 'app refused' || fault === '402'))
      return { kind: 'never-sent', reason: 'connection refused' };
    if (this.#isClockOff()) return { kind: 'clock', reason: '401 timestamp out of bounds' };
    if (fault === '429' || fault === '429 for the app') {
      const until = clock.now() + 1000 * (1 + random.int(900));
      return { kind: 'wait', reason: '429', until, scope: fault === '429' ? 'bot' : 'app' };
    }
    if (fault === 'never sent') return { kind: 'never-sent', reason: 'connection refused' };
    // A key that is refused for an hour rightly parks the bot: one refusal more must not lengthen an outage.
    if (fault === '401' && this.#spell?.what !== 'outage') return { kind: 'unauthorized', reason: '401' };
    if (fault === '401') return { kind: 'never-sent', reason: 'connection refused' };
    if (fault === '401, a dead key') return { kind: 'reauth', reason: '401 code 89' };
    if (fault === 'limit') return { kind: 'limit', reason: '403 code 185' };
    if (fault === 'app refused') return { kind: 'app-refused', reason: '403 code 453' };
    return fault === '402' ? { kind: 'no-credit', reason: '402' } : undefined;
  }

  #ill(): Spell | undefined {
    const { clock } = this.#options;
    return this.#spell && clock.trueNow() < this.#spell.until ? this.#spell.what : undefined;
  }

  /** What a request gets while X is ill. What is refused so has not reached X. */
  #illness(what: 'post' | 'look'): Failure | undefined {
    switch (this.#ill()) {
      case 'front':
        return inDoubt('403 with a web page', true);
      case 'down':
        return { kind: 'never-sent', reason: 'no route' };
      case 'outage':
        return { kind: 'unauthorized', reason: '401' };
      case 'app refused':
        return what === 'post' ? { kind: 'app-refused', reason: '403 client-not-enrolled' } : undefined;
      case 'no credit':
        return what === 'post' ? { kind: 'no-credit', reason: '402' } : undefined;
      case undefined:
        return undefined;
    }
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

  #timeline(bot: string, from: TimelineStart, { maxPosts, token = '0', isKnown }: PageWanted): TimelinePage {
    const { clock, other } = this.#options;
    const now = clock.trueNow();
    const since = typeof from === 'object' && 'sinceId' in from ? from.sinceId : undefined;
    const last = this.log.findIndex((post) => post.bot === bot && post.ref === since);
    const all = this.log
      .filter(
        (post, index) =>
          post.bot === bot &&
          post.shown <= now &&
          (since === undefined ? isFrom(from, post.at) : index > last),
      )
      .map(({ ref, text, at }) => ({ id: ref, text: this.#shown(text, isKnown), ...(other && { at }) }))
      .reverse();
    const end = Number(token) + maxPosts;
    const posts = all.slice(Number(token), end);
    this.#charge(readingCost({ posts: posts.length }, usualPrices));
    return { posts, next: end < all.length ? String(end) : undefined };
  }

  /** A text as a look at the timeline gives it. */
  #shown(text: string, isKnown: PageWanted['isKnown']): string {
    const { alters, random, trace, other } = this.#options;
    if (other?.name === 'mastodon' && random.chance(0.3)) {
      // HTML that lost a part of the text; the original is there for who asks for it.
      const html = text.replace(/[^\p{L}]+\S*$/u, '…');
      return isKnown?.(html) === false ? text : html;
    }
    if (!alters || other) return text;
    const kept = { id: '1', accountId: '1', instant: 0, deleted: false, text, links: shortenLinks(text) };
    const alter = everyAlteration[random.int(everyAlteration.length)];
    const shown = asWritten(alter?.(showText(kept).text) ?? text, []);
    trace?.(`X: shows ${JSON.stringify(text)} as ${JSON.stringify(shown)}`);
    return shown;
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
    const ill = this.#illness('look');
    if (ill) return this.#answer(life, time, { failure: ill });
    if (this.#isClockOff()) return this.#answer(life, time, { failure: { kind: 'clock', reason: '401' } });
    // X has served what gets lost on its way back, and charges for it.
    if (fault === 'unreadable') see();
    if (fault) return this.#answer(life, time, { failure: inDoubt(fault, fault === 'page') });
    return this.#answer(life, time, { ok: see() });
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
        resolve(isOwn(said) ? { ...said, time: clock.trueNow() } : said);
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

const inDoubt = (reason: string, isForeign: boolean): Failure =>
  isForeign ? { kind: 'in-doubt', foreign: true, reason } : { kind: 'in-doubt', isServed: true, reason };

/** Only what X answers is dated by it. */
const isOwn = (answer: Answer<unknown>): boolean =>
  'ok' in answer || (answer.failure.kind !== 'in-doubt' && answer.failure.kind !== 'never-sent');

const isFrom = (from: TimelineStart, at: number): boolean =>
  typeof from !== 'object' || from.start === undefined || at >= from.start;

/** A request to post. */
interface Sending {
  bot: string;
  text: string;
  mark: string;
}
