import { html } from 'hono/html';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallbackAnswer, Callbacks } from '../oauth/flows.ts';
import type { TokenPair } from '../oauth/signature.ts';
import { addKeymakerStyle, type Html, type Message, messagePage } from './layout.ts';
import { openWebServer, webApp, type WebContext } from './server.ts';
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
