import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallbackAnswer, Callbacks } from '../oauth/flows.ts';
import type { TokenPair } from '../oauth/signature.ts';
import { html, type Html } from './html.ts';
import { type Message, messagePage, page, styleSheet } from './layout.ts';
import { isNavigation, type LocalAnswer, type LocalRequest, openLocalServer, plain } from './server.ts';
import { nameless, patience, Returning, same, secretWord } from './sessions.ts';

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
  let told: ((message: Message) => void) | undefined;

  /** Only the page that asks for it knows this word, so that no other page can end the waiting. */
  const giveUpWord = secretWord();

  async function answer(request: LocalRequest): Promise<LocalAnswer> {
    const { method, path, query } = request;
    if (method === 'POST' && path === giveUpPath) return giveUp(request);
    if (method !== 'GET') return plain(405, 'only GET');
    if (path === '/style.css') return styleSheet();
    if (!isNavigation(request)) return plain(403, 'only for people');
    if (path !== '/callback') return page(404, messagePage(nothingHere));
    const arrival = returning.arrive(query, clock.now());
    if ('warning' in arrival) {
      warn(arrival.warning);
      const form = arrival === nameless && waiting ? giveUpForm(giveUpWord) : undefined;
      return page(arrival.status, messagePage(arrival.message, form));
    }
    return tellOutcome(() => {
      arrival.who(arrival.answer);
    });
  }

  async function giveUp({ headers, form }: LocalRequest): Promise<LocalAnswer> {
    const isOurs = headers['origin'] === `http://${headers['host'] ?? ''}`;
    if (!isOurs || !same(form.get('word') ?? '', giveUpWord)) return plain(403, 'only for forms of its own');
    if (!waiting) return page(404, messagePage(nothingHere));
    const { requestToken, answered } = waiting;
    returning.giveUp(requestToken);
    return tellOutcome(() => {
      answered('denied');
    });
  }

  /** The page of whoever came back waits until the terminal says what came of it. */
  async function tellOutcome(answered: () => void): Promise<LocalAnswer> {
    const outcome = new Promise<Message>((resolve) => (told = resolve));
    answered();
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
        waiting = { requestToken, answered: resolve };
        returning.expect(requestToken, resolve, clock.now());
        callOff = clock.at(clock.now() + patience, () => {
          returning.giveUp(requestToken);
          resolve(undefined);
        });
      });
      callOff();
      waiting = undefined;
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

const giveUpPath = '/nothing-authorized';

/** The way to say no where the provider's page did not say it. */
const giveUpForm = (word: string): Html =>
  html`<form method="post" action="${giveUpPath}">
    <input type="hidden" name="word" value="${word}" />
    <p>The terminal still waits for an answer.</p>
    <button>I said no: go on without this key</button>
  </form>`;

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
