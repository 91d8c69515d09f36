import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallbackAnswer, Callbacks } from '../oauth/callback.ts';
import { isNavigation, plain, type LocalAnswer, type LocalRequest } from './local-exchange.ts';
import { openLocalServer } from './local-server.ts';
import { messagePage, page, type Message } from './message-page.ts';
import { patience, Returning } from './returning.ts';
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
  let told: ((message: Message) => void) | undefined;

  async function answer(request: LocalRequest): Promise<LocalAnswer> {
    const { method, path, query } = request;
    if (method !== 'GET') return plain(405, 'only GET');
    if (path === '/style.css') return styleSheet;
    if (!isNavigation(request)) return plain(403, 'only for people');
    if (path !== '/callback') return page(404, messagePage(nothingHere));
    const arrival = returning.arrive(query, clock.now());
    if ('warning' in arrival) {
      warn(arrival.warning);
      return page(arrival.status, messagePage(arrival.message));
    }
    const outcome = new Promise<Message>((resolve) => (told = resolve));
    arrival.who(arrival.answer);
    return page(200, messagePage(await outcome));
  }

  const failed = (error: unknown): void => {
    warn(messageOf(error));
  };
  const server = await openLocalServer({ port, answer, failed });
  return {
    url: `${server.url}/callback`,
    async wait(requestToken) {
      let callOff = (): void => undefined;
      const answer = await new Promise<CallbackAnswer | undefined>((resolve) => {
        returning.expect(requestToken, resolve, clock.now());
        callOff = clock.at(clock.now() + patience, () => {
          returning.giveUp(requestToken);
          resolve(undefined);
        });
      });
      callOff();
      return answer;
    },
    tell(message) {
      told?.(message);
      told = undefined;
    },
    async [Symbol.asyncDispose]() {
      told?.(lookThere);
      await server[Symbol.asyncDispose]();
    },
  };
}

const lookThere: Message = {
  mood: 'plain',
  title: 'Look at the terminal',
  text: 'It says what came of this. You can close this page.',
};
const nothingHere: Message = {
  mood: 'plain',
  title: 'There is nothing here',
  text: 'keymaker waits here for the page of the provider to send you back.',
};
