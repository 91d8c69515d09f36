import type { TokenPair } from '../keys/bundle.ts';
import { type CallbackAnswer, readCallback } from '../oauth/flows.ts';
import type { Message } from './message-page.ts';

/** Someone who came back, or why what came is for nobody. */
export type Arrival<T> =
  | { who: T; requestToken: TokenPair; answer: CallbackAnswer }
  | { status: number; warning: string; message: Message };

/** A request token is not waited for any longer than providers keep it. Milliseconds. */
export const patience = 15 * 60_000;

/** So many links that are over are told from foreign ones. */
const mostOver = 10_000;

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
    if (this.#over.size >= mostOver) this.#over.clear();
    this.#over.add(token);
  }
}

const unreadable = {
  status: 400,
  warning: 'a callback came without what a provider sends',
  message: {
    mood: 'bad',
    title: 'That was no answer',
    text: 'What came is not what a provider sends. Nothing was changed; begin once more.',
  },
} as const;
/** What Tumblr sends after a no. */
export const nameless = {
  status: 400,
  warning: 'a callback came without a word: perhaps the answer was no',
  message: {
    mood: 'plain',
    title: 'Nothing was authorized',
    text: 'No answer came with you. If you said no, nothing was authorized, and nothing was changed.',
  },
} as const;
const stale = {
  status: 410,
  warning: 'a link was used a second time, or too late',
  message: {
    mood: 'bad',
    title: 'That link was used already',
    text: 'Its answer was taken before, or it came too late. Nothing was changed; begin once more.',
  },
} as const;
const foreign = {
  status: 403,
  warning: 'a callback came that nobody here asked for',
  message: {
    mood: 'bad',
    title: 'Nobody here asked for that',
    text: 'The answer belongs to a link that did not come from this keymaker. Nothing was changed.',
  },
} as const;
