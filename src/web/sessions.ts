import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type CallbackAnswer, readCallback } from '../oauth/flows.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { Message } from './layout.ts';

/** What is known of one browser that was let in. */
export interface Session {
  /** Proves that a form came from a page of ours. */
  csrf: string;
  /** What came of the last action, to be shown once. */
  notice: { bot: string; message: Message } | undefined;
}

/** A word that nobody can guess. */
export const secretWord = (): string => randomBytes(32).toString('base64url');

/** Who may use the page: the browser that opened the one-time address, by a cookie that no script can read. */
export class Sessions {
  /** The secret in the one-time address; gone once it was used. */
  #key: string | undefined = secretWord();
  readonly #sessions = new Map<string, Session>();

  /** The query of the address that lets one browser in. */
  get query(): string {
    return `?key=${this.#key ?? ''}`;
  }

  /** Lets a browser in that has the key. @returns the id of its session, or undefined */
  enter(key: string): string | undefined {
    if (this.#key === undefined || !same(key, this.#key)) return undefined;
    this.#key = undefined;
    const id = secretWord();
    this.#sessions.set(id, { csrf: secretWord(), notice: undefined });
    return id;
  }

  /** @param id - what its cookie says */
  find(id: string | undefined): Session | undefined {
    return id === undefined ? undefined : this.#sessions.get(id);
  }
}

/** Whether two secrets are equal, told without telling how much of them is. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Someone who came back, or why what came is for nobody. */
export type Arrival<T> =
  | { who: T; requestToken: TokenPair; answer: CallbackAnswer }
  | { status: 400 | 403 | 410; warning: string; message: Message };

/** A request token is not waited for any longer than providers keep it. Milliseconds. */
export const patience = 15 * 60_000;

/** So many links that are over are told from foreign ones. */
const maxOver = 10_000;

/** The people that a provider is to send back, each known by the request token that was asked for on their behalf. */
export class Returning<T> {
  readonly #waiting = new Map<string, { who: T; requestToken: TokenPair; until: number }>();
  readonly #over = new Set<string>();

  /** @param now - milliseconds since 1970 */
  expect(requestToken: TokenPair, who: T, now: number): void {
    this.#waiting.set(requestToken.reveal().token, { who, requestToken, until: now + patience });
  }

  /** Nobody is waited for any longer under that token. */
  giveUp(requestToken: TokenPair): void {
    this.#end(requestToken.reveal().token);
  }

  /** Tells denied, stale and foreign callbacks apart. Each token is good for one arrival. */
  arrive(query: URLSearchParams, now: number): Arrival<T> {
    for (const [token, { until }] of this.#waiting) if (until <= now) this.#end(token);
    const callback = readCallback(query);
    if (callback.kind === 'unreadable') return unreadable;
    // Any page elsewhere can lead its reader here, so this ends nothing.
    if (callback.kind === 'nameless') return nameless;
    const found = this.#waiting.get(callback.token);
    if (!found) return this.#over.has(callback.token) ? stale : foreign;
    this.#end(callback.token);
    const answer = callback.kind === 'denied' ? 'denied' : { verifier: callback.verifier };
    return { who: found.who, requestToken: found.requestToken, answer };
  }

  #end(token: string): void {
    this.#waiting.delete(token);
    if (this.#over.size >= maxOver) this.#over.clear();
    this.#over.add(token);
  }
}

const unreadable = {
  status: 400,
  warning: 'a callback came without what a provider sends',
  message: {
    tone: 'bad',
    title: 'That was no answer',
    text: 'What came is not what a provider sends. Nothing was changed; begin once more.',
  },
} as const;
/** What Tumblr sends after a no. */
export const nameless = {
  status: 400,
  warning: 'a callback came without a word: perhaps the answer was no',
  message: {
    tone: 'plain',
    title: 'Nothing was authorized',
    text: 'No answer came with you. If you said no, nothing was authorized, and nothing was changed.',
  },
} as const;
const stale = {
  status: 410,
  warning: 'a link was used a second time, or too late',
  message: {
    tone: 'bad',
    title: 'That link was used already',
    text: 'Its answer was taken before, or it came too late. Nothing was changed; begin once more.',
  },
} as const;
const foreign = {
  status: 403,
  warning: 'a callback came that nobody here asked for',
  message: {
    tone: 'bad',
    title: 'Nobody here asked for that',
    text: 'The answer belongs to a link that did not come from this keymaker. Nothing was changed.',
  },
} as const;
