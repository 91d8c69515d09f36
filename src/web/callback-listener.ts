import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { readCallback, type CallbackAnswer, type Callbacks } from '../oauth/callback.ts';
import { plain, type LocalAnswer, type LocalRequest } from './local-exchange.ts';
import { openLocalServer } from './local-server.ts';
import { messagePage, page, type Message } from './message-page.ts';
import { styleSheet } from './style.ts';

export interface CallbackListener extends Callbacks, AsyncDisposable {
  /** Tells the person who came back last what came of it. Until then their page waits. */
  tell(message: Message): void;
}

export interface CallbackListenerOptions {
  port: number;
  clock: Clock;
  /** Told of callbacks that nobody waits for. */
  warn: (message: string) => void;
}

/** A request token is not waited for any longer than providers keep it. Milliseconds. */
const patience = 15 * 60_000;

/** Those who are waited for, and those who were, by their request tokens. */
interface Visitors {
  waiting: Map<string, (answer: CallbackAnswer | undefined) => void>;
  over: Set<string>;
}

/**
 * Waits on 127.0.0.1 for the people that a provider sends back, and tells denied, stale and foreign callbacks apart.
 *
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export async function openCallbackListener({
  port,
  clock,
  warn,
}: CallbackListenerOptions): Promise<CallbackListener> {
  const visitors: Visitors = { waiting: new Map(), over: new Set() };
  let told: ((message: Message) => void) | undefined;

  async function answer({ method, path, query }: LocalRequest): Promise<LocalAnswer> {
    if (method !== 'GET') return plain(405, 'only GET');
    if (path === '/style.css') return styleSheet;
    if (path !== '/callback') return page(404, messagePage(nothingHere));
    const found = receive(query, visitors);
    if ('arrived' in found) {
      const outcome = new Promise<Message>((resolve) => (told = resolve));
      found.arrived();
      return page(200, messagePage(await outcome));
    }
    warn(found.warning);
    return page(found.status, messagePage(found.message));
  }

  const failed = (error: unknown): void => {
    warn(messageOf(error));
  };
  const server = await openLocalServer({ port, answer, failed });
  return {
    url: `${server.url}/callback`,
    async wait(requestToken) {
      const { token } = requestToken.reveal();
      const { promise, resolve } = withResolvers<CallbackAnswer | undefined>();
      visitors.waiting.set(token, resolve);
      const callOff = clock.at(clock.now() + patience, () => {
        visitors.waiting.delete(token);
        visitors.over.add(token);
        resolve(undefined);
      });
      const answer = await promise;
      callOff();
      return answer;
    },
    tell(message) {
      told?.(message);
      told = undefined;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Finds who a callback is for, or why it is for nobody. */
function receive(
  query: URLSearchParams,
  { waiting, over }: Visitors,
): { arrived: () => void } | { status: number; warning: string; message: Message } {
  const callback = readCallback(query);
  if (callback.kind === 'unreadable')
    return { status: 400, warning: 'a callback came without what a provider sends', message: unreadable };
  const arrived = waiting.get(callback.token);
  if (arrived) {
    waiting.delete(callback.token);
    over.add(callback.token);
    const answer = callback.kind === 'denied' ? 'denied' : { verifier: callback.verifier };
    return {
      arrived() {
        arrived(answer);
      },
    };
  }
  return over.has(callback.token)
    ? { status: 410, warning: 'a link was used a second time', message: staleLink }
    : { status: 403, warning: 'a callback came that nobody here asked for', message: foreign };
}

const nothingHere: Message = {
  mood: 'plain',
  title: 'There is nothing here',
  text: 'keymaker waits here for the page of the provider to send you back.',
};
const unreadable: Message = {
  mood: 'bad',
  title: 'That was no answer',
  text: 'What came is not what a provider sends. Open the link from the terminal once more.',
};
const staleLink: Message = {
  mood: 'bad',
  title: 'That link was used already',
  text: 'Its answer was taken, or it came too late. The terminal shows what to do next.',
};
const foreign: Message = {
  mood: 'bad',
  title: 'Nobody here asked for that',
  text: 'The answer belongs to a link that did not come from this keymaker. Nothing was changed.',
};
