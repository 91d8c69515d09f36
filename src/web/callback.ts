import { html } from 'hono/html';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Callbacks } from '../oauth/client.ts';
import type { TokenPair } from '../oauth/signature.ts';
import { bad, type Html, type Message, messagePage, openKeymakerServer, plain } from './layout.ts';
import { same, secretWord, type WebContext } from './server.ts';

/*
 * Receives the callbacks of OAuth: tells a browser that the provider redirects here from any other request, and whose request
 * token it brings.
 */

type CallbackAnswer = NonNullable<Awaited<ReturnType<Callbacks['wait']>>>;

export interface CallbackListener extends Callbacks, AsyncDisposable {
  /** Shows the result on the page of the last callback, which waits for it. */
  tell(message: Message): void;
}

/**
 * Waits on 127.0.0.1 for callbacks, one at a time.
 *
 * @param warn - called with callbacks that nothing waits for
 * @throws {FlockError} `unavailable` if the port cannot be had
 */
export async function openCallbackListener(
  port: number,
  clock: Clock,
  warn: (message: string) => void,
): Promise<CallbackListener> {
  const callbacks = new PendingCallbacks<(answer: CallbackAnswer) => void>();
  let waiting:
    { requestToken: TokenPair; answered: (answer: CallbackAnswer | undefined) => void } | undefined;
  let showOutcome: ((message: Message) => void) | undefined;

  /** Only the page that asks for it has this secret, so that no other page can end the waiting. */
  const giveUpSecret = secretWord();

  /** The page waits until the terminal says what came of the answer. */
  async function pageOfOutcome(c: WebContext, answered: () => void): Promise<Response> {
    const outcome = new Promise<Message>((resolve) => (showOutcome = resolve));
    answered();
    return c.html(messagePage(await outcome));
  }

  const failed = (error: unknown): void => warn(messageOf(error));
  const server = await openKeymakerServer(port, failed, (app) => {
    app.get('/callback', (c) => {
      const arrival = callbacks.arrive(new URL(c.req.url).searchParams, clock.now());
      if (!('warning' in arrival)) return pageOfOutcome(c, () => arrival.who(arrival.answer));
      warn(arrival.warning);
      const form = arrival === rejections.nameless && waiting ? giveUpForm(giveUpSecret) : undefined;
      return c.html(messagePage(arrival.message, form), arrival.status);
    });
    app.post(giveUpPath, async (c) => {
      const { word } = giveUpFields.parse(await c.req.parseBody());
      if (!same(word, giveUpSecret)) return c.text('only for forms of its own\n', 403);
      if (!waiting) return c.notFound();
      const { requestToken, answered } = waiting;
      callbacks.giveUp(requestToken);
      return pageOfOutcome(c, () => answered('denied'));
    });
    app.notFound((c) => c.html(messagePage(nothingHere), 404));
  });
  return {
    url: `${server.shown}/callback`,
    async wait(requestToken) {
      let cancel = (): void => undefined;
      const answer = await new Promise<CallbackAnswer | undefined>((resolve) => {
        waiting = { requestToken, answered: resolve };
        callbacks.expect(requestToken, resolve, clock.now());
        cancel = clock.at(clock.now() + requestTokenLife, () => {
          callbacks.giveUp(requestToken);
          resolve(undefined);
        });
      });
      cancel();
      waiting = undefined;
      return answer;
    },
    tell(message) {
      showOutcome?.(message);
      showOutcome = undefined;
    },
    async [Symbol.asyncDispose]() {
      waiting?.answered(undefined);
      showOutcome?.(lookThere);
      await server[Symbol.asyncDispose]();
    },
  };
}

const giveUpPath = '/nothing-authorized';
const giveUpFields = z.object({ word: z.string().catch('') });

/** Denies the request token if the provider did not name it. */
const giveUpForm = (word: string): Html =>
  html`<form method="post" action="${giveUpPath}">
    <input type="hidden" name="word" value="${word}" />
    <p>The terminal still waits for an answer.</p>
    <button>I said no: go on without this key</button>
  </form>`;

const lookThere = plain('Look at the terminal', 'It says what came of this. You can close this page.');
const nothingHere = plain(
  'There is nothing here',
  'keymaker waits here for the page of the provider to send you back.',
);

/** A callback that was expected, or why it was not. */
export type Arrival<T> =
  | { who: T; requestToken: TokenPair; answer: CallbackAnswer }
  | { status: 400 | 403 | 410; warning: string; message: Message };

/** How long a callback is waited for: as long as providers keep a request token. Milliseconds. */
export const requestTokenLife = 15 * 60_000;

/** The maximum of spent request tokens that are kept, to tell a link that is used twice from a foreign one. */
const maxSpent = 10_000;

/** The callbacks that are expected, each by its request token. `T` says who asked for it. */
export class PendingCallbacks<T> {
  readonly #waiting = new Map<string, { who: T; requestToken: TokenPair; until: number }>();
  readonly #spent = new Set<string>();

  /** @param now - milliseconds since 1970 */
  expect(requestToken: TokenPair, who: T, now: number): void {
    this.#waiting.set(requestToken.reveal().token, { who, requestToken, until: now + requestTokenLife });
  }

  /** Ends the wait for a request token. */
  giveUp(requestToken: TokenPair): void {
    this.#end(requestToken.reveal().token);
  }

  /** Tells denied, stale and foreign callbacks apart. Each request token is good for one callback. */
  arrive(query: URLSearchParams, now: number): Arrival<T> {
    for (const [token, { until }] of this.#waiting) if (until <= now) this.#end(token);
    const callback = readCallback(query);
    // Any page elsewhere can lead its reader here with an empty query, so that ends nothing.
    if (callback.kind === 'unreadable' || callback.kind === 'nameless') return rejections[callback.kind];
    const found = this.#waiting.get(callback.token);
    if (!found) return rejections[this.#spent.has(callback.token) ? 'stale' : 'foreign'];
    this.#end(callback.token);
    const answer = callback.kind === 'denied' ? 'denied' : { verifier: callback.verifier };
    return { who: found.who, requestToken: found.requestToken, answer };
  }

  #end(token: string): void {
    this.#waiting.delete(token);
    if (this.#spent.size >= maxSpent) this.#spent.clear();
    this.#spent.add(token);
  }
}

/** The query of a callback, read. `nameless`: the person denied a request token that the provider does not name. */
export type Callback =
  | { kind: 'granted'; token: string; verifier: string }
  | { kind: 'denied'; token: string }
  | { kind: 'nameless' }
  | { kind: 'unreadable' };

/**
 * Reads the query of a callback. When the person denies, X sends `denied=TOKEN`; others name a problem, leave the verifier out,
 * or (Tumblr) send nothing. Mastodon sends the state of the link, with a code or an error. A query with a repeated field is
 * unreadable.
 *
 * @see RFC 5849 section 2.2; RFC 6749 section 4.1.2
 */
export function readCallback(query: URLSearchParams): Callback {
  if (query.size === 0) return { kind: 'nameless' };
  const denied = only(query, 'denied');
  const isOAuth1 = ['oauth_token', 'oauth_verifier', 'denied'].some((name) => query.has(name));
  const token = isOAuth1 ? (only(query, 'oauth_token') ?? denied) : only(query, 'state');
  if (token === undefined || query.size !== new Set(query.keys()).size) return { kind: 'unreadable' };
  const verifier = only(query, isOAuth1 ? 'oauth_verifier' : 'code');
  const noes = isOAuth1 ? ['denied', 'oauth_problem'] : ['error'];
  const isDenied = verifier === undefined || noes.some((name) => query.has(name));
  return isDenied ? { kind: 'denied', token } : { kind: 'granted', token, verifier };
}

const shape = /^[\x21-\x7e]{1,512}$/;

function only(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  return value !== undefined && more.length === 0 && shape.test(value) ? value : undefined;
}

/** Why a callback is refused: what the terminal warns of, and what the page says. */
const rejections = {
  unreadable: {
    status: 400,
    warning: 'a callback came without what a provider sends',
    message: bad(
      'That was no answer',
      'What came is not what a provider sends. Nothing was changed; begin once more.',
    ),
  },
  /** Tumblr sends no query when the person denies. */
  nameless: {
    status: 400,
    warning: 'a callback came without a word: perhaps the answer was no',
    message: plain(
      'Nothing was authorized',
      'No answer came with you. If you said no, nothing was authorized, and nothing was changed.',
    ),
  },
  stale: {
    status: 410,
    warning: 'a link was used a second time, or too late',
    message: bad(
      'That link was used already',
      'Its answer was taken before, or it came too late. Nothing was changed; begin once more.',
    ),
  },
  foreign: {
    status: 403,
    warning: 'a callback came that nobody here asked for',
    message: bad(
      'Nobody here asked for that',
      'The answer belongs to a link that did not come from this keymaker. Nothing was changed.',
    ),
  },
} as const;
