import { html } from 'hono/html';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type CallbackAnswer, type Callbacks, readCallback } from '../oauth/flows.ts';
import type { TokenPair } from '../oauth/signature.ts';
import { addKeymakerStyle, type Html, type Message, messagePage } from './layout.ts';
import { openWebServer, same, secretWord, webApp, type WebContext } from './server.ts';

export interface CallbackListener extends Callbacks, AsyncDisposable {
  /** Tells the person who came back last what came of it. Until then their page waits. */
  tell(message: Message): void;
}

interface CallbackListenerOptions {
  port: number;
  clock: Clock;
  /** Told of callbacks that nobody waits for. */
  warn: (message: string) => void;
}

const maxBody = 64 * 1024;

/** How long the last page may take to reach its reader once all is done. Milliseconds. */
const grace = 2000;

/**
 * Waits on 127.0.0.1 for the people that a provider sends back, one at a time.
 *
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export async function openCallbackListener({
  port,
  clock,
  warn,
}: CallbackListenerOptions): Promise<CallbackListener> {
  const returning = new Returning<(answer: CallbackAnswer) => void>();
  let waiting: { requestToken: TokenPair; answered: (answer: CallbackAnswer) => void } | undefined;
  let showOutcome: ((message: Message) => void) | undefined;

  /** Only the page that asks for it has this word, so that no other page can end the waiting. */
  const giveUpWord = secretWord();

  /** The page of whoever came back waits until the terminal says what came of it. */
  async function pageOfOutcome(c: WebContext, answered: () => void): Promise<Response> {
    const outcome = new Promise<Message>((resolve) => (showOutcome = resolve));
    answered();
    return c.html(messagePage(await outcome));
  }

  const failed = (error: unknown): void => {
    warn(messageOf(error));
  };
  const app = webApp({ maxBody, failed, errorsAreIn: 'the terminal' });
  addKeymakerStyle(app);
  app.get('/callback', (c) => {
    const arrival = returning.arrive(new URL(c.req.url).searchParams, clock.now());
    if (!('warning' in arrival)) {
      return pageOfOutcome(c, () => {
        arrival.who(arrival.answer);
      });
    }
    warn(arrival.warning);
    const form = arrival === nameless && waiting ? giveUpForm(giveUpWord) : undefined;
    return c.html(messagePage(arrival.message, form), arrival.status);
  });
  app.post(giveUpPath, async (c) => {
    const { word } = giveUpFields.parse(await c.req.parseBody());
    if (!same(word, giveUpWord)) return c.text('only for forms of its own\n', 403);
    if (!waiting) return c.notFound();
    const { requestToken, answered } = waiting;
    returning.giveUp(requestToken);
    return pageOfOutcome(c, () => {
      answered('denied');
    });
  });
  app.notFound((c) => c.html(messagePage(nothingHere), 404));
  const address = { kind: 'port', host: '127.0.0.1', port, flag: '--port' } as const;
  const server = await openWebServer(app, { address, grace, failed });
  return {
    url: `${server.shown}/callback`,
    async wait(requestToken) {
      let callOff = (): void => undefined;
      const answer = await new Promise<CallbackAnswer | undefined>((resolve) => {
        waiting = { requestToken, answered: resolve };
        returning.expect(requestToken, resolve, clock.now());
        callOff = clock.at(clock.now() + requestTokenLife, () => {
          returning.giveUp(requestToken);
          resolve(undefined);
        });
      });
      callOff();
      waiting = undefined;
      return answer;
    },
    tell(message) {
      showOutcome?.(message);
      showOutcome = undefined;
    },
    async [Symbol.asyncDispose]() {
      showOutcome?.(lookThere);
      await server[Symbol.asyncDispose]();
    },
  };
}

const giveUpPath = '/nothing-authorized';
const giveUpFields = z.object({ word: z.string().catch('') });

/** The way to say no where the provider's page did not say it. */
const giveUpForm = (word: string): Html =>
  html`<form method="post" action="${giveUpPath}">
    <input type="hidden" name="word" value="${word}" />
    <p>The terminal still waits for an answer.</p>
    <button>I said no: go on without this key</button>
  </form>`;

const lookThere: Message = {
  tone: 'plain',
  title: 'Look at the terminal',
  text: 'It says what came of this. You can close this page.',
};
const nothingHere: Message = {
  tone: 'plain',
  title: 'There is nothing here',
  text: 'keymaker waits here for the page of the provider to send you back.',
};

/** Someone who came back, or why what came is for nobody. */
export type Arrival<T> =
  | { who: T; requestToken: TokenPair; answer: CallbackAnswer }
  | { status: 400 | 403 | 410; warning: string; message: Message };

/** A request token is waited for as long as providers keep it. Milliseconds. */
export const requestTokenLife = 15 * 60_000;

/** So many links that are over are told from foreign ones. */
const maxOver = 10_000;

/** The people that a provider is to send back, each known by the request token that was asked for on their behalf. */
export class Returning<T> {
  readonly #waiting = new Map<string, { who: T; requestToken: TokenPair; until: number }>();
  readonly #over = new Set<string>();

  /** @param now - milliseconds since 1970 */
  expect(requestToken: TokenPair, who: T, now: number): void {
    this.#waiting.set(requestToken.reveal().token, { who, requestToken, until: now + requestTokenLife });
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
const nameless = {
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
