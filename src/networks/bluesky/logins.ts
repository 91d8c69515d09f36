import type { Clock } from '../../clock.ts';
import type { HttpAnswer } from '../../http/exchange.ts';

/*
 * How often bots may sign in, so that a start of a thousand is not refused.
 *
 * A server counts the logins of each account: 30 in 5 minutes and 300 a day (the source of @atproto/pds, createSession.ts; an
 * address counts as well, but all bots here have the same). Some may count all accounts of an address together. The headers of
 * the answers tell: then an answer counts more logins than the account's own.
 */

interface Limit {
  max: number;
  /** Milliseconds. */
  length: number;
}

const second = 1000;
const day = 24 * 60 * 60 * second;
const usual: Limit = { max: 30, length: 5 * 60 * second };
const ofAccount: readonly Limit[] = [usual, { max: 300, length: day }];

/** Logins that are counted together. All times are monotonic milliseconds. */
class Counter {
  /** When each login began, oldest first. */
  readonly begun: number[] = [];
  /** No login before this time. */
  heldUntil = -Infinity;
  /** The logins that wait since then. */
  #waiting = 0;

  /** How long until another login may begin; 0 if it may now. Each window has room for as many as its limit says. */
  delay(limits: readonly Limit[], now: number): number {
    const free = this.freeIn(limits, now);
    const [first] = limits;
    if (free === 0) this.#waiting = 0;
    if (free === 0 || !first) return free;
    return free + Math.floor(this.#waiting++ / first.max) * first.length;
  }

  /** How long until the first login may begin. */
  freeIn(limits: readonly Limit[], now: number): number {
    while (this.begun[0] !== undefined && this.begun[0] <= now - day) this.begun.shift();
    return Math.max(0, Math.max(this.heldUntil, ...limits.map((limit) => this.#freeAt(limit))) - now);
  }

  #freeAt({ max, length }: Limit): number {
    const blocking = this.begun.at(-max);
    return blocking === undefined ? -Infinity : blocking + length;
  }

  /** The logins since an instant. */
  since(instant: number): number {
    return this.begun.filter((at) => at > instant).length;
  }
}

interface Server extends Counter {
  /** The limit of all accounts together, as far as the answers tell; `none` for good. */
  shared?: Limit | 'none';
  /** The last login that was the only one in its count. */
  alone?: { did: string; at: number };
}

/** How exact the time of a reset is: whole seconds. Milliseconds. */
const rounding = 2 * second;

export class Logins {
  readonly #clock: Clock;
  readonly #servers = new Map<string, Server>();
  readonly #accounts = new Map<string, Counter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a login that begins now. @returns if it may not, when it may. Milliseconds since 1970 */
  begin(server: string, did: string): number | undefined {
    const now = this.#clock.elapsed();
    const [all, own] = this.#countersOf(server, did);
    let ofServer = 0;
    // As long as the answers do not tell, the next login may begin soon.
    if (all.shared === undefined) ofServer = Math.min(all.freeIn([usual], now), second);
    else if (all.shared !== 'none') ofServer = all.delay([all.shared], now);
    const delay = Math.max(ofServer, own.delay(ofAccount, now));
    if (delay > 0) return Math.ceil(this.#clock.now() + delay);
    for (const counter of [all, own]) counter.begun.push(now);
    return undefined;
  }

  /** Learns from the headers of a login's answer; none if there was no answer. */
  end(server: string, did: string, headers: HttpAnswer['headers']): void {
    const now = this.#clock.elapsed();
    const [all, own] = this.#countersOf(server, did);
    const seen = limitIn(headers);
    if (!seen) {
      if ('date' in headers) all.shared ??= 'none';
      return;
    }
    const { limit, remaining, resetIn } = seen;
    if (all.shared !== 'none') {
      const isAlone = limit.max - remaining <= own.since(now - limit.length);
      if (!isAlone) all.shared = limit;
      // Two accounts within one window: a common count would have both.
      else if (all.alone && all.alone.did !== did && now - all.alone.at < limit.length - rounding) {
        all.shared = 'none';
        all.heldUntil = -Infinity;
      } else all.alone = { did, at: now };
    }
    if (remaining > 0) return;
    const counter = typeof all.shared === 'object' ? all : own;
    counter.heldUntil = now + resetIn;
  }

  #countersOf(server: string, did: string): [Server, Counter] {
    return [counterIn(this.#servers, server), counterIn(this.#accounts, `${server} ${did}`)];
  }
}

function counterIn(counters: Map<string, Counter>, key: string): Counter {
  const known = counters.get(key) ?? new Counter();
  counters.set(key, known);
  return known;
}

/** The limit that an answer reports, with the milliseconds until it is reset. */
function limitIn(
  headers: HttpAnswer['headers'],
): { limit: Limit; remaining: number; resetIn: number } | undefined {
  const [, max, seconds] = /^(\d{1,9});w=(\d{1,9})$/.exec(headers['ratelimit-policy'] ?? '') ?? [];
  const remaining = Number(headers['ratelimit-remaining'] ?? NaN);
  if (max === undefined || Number.isNaN(remaining)) return undefined;
  const limit = { max: Number(max), length: Number(seconds) * second };
  // Both by the server's clock.
  const left = Number(headers['ratelimit-reset'] ?? NaN) * second - Date.parse(headers['date'] ?? '');
  return { limit, remaining, resetIn: Math.min(Math.max(Number.isNaN(left) ? limit.length : left, 0), day) };
}
