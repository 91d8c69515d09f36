import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import * as z from 'zod';
import { attemptAsync, FlockError } from '../errors.ts';
import type { BotName } from '../poems/bot-name.ts';
import type { LinkIssuer } from '../keys/issuers.ts';
import { PendingCallbacks } from './callback.ts';
import { type Card, KeyService, type UnconfirmedKey } from './key-service.ts';
import { botPage, flockPage, questionPage } from './keymaker-pages.ts';
import { bad, type Message, messagePage, openKeymakerServer, plain } from './layout.ts';
import { same, secretWord, type WebApp, type WebContext } from './server.ts';

/*
 * `keymaker serve`: who may use it, and what each address does. Its pages are in keymaker-pages.ts.
 */

type SiteOptions = ConstructorParameters<typeof KeyService>[0];

/**
 * Opens the pages of `keymaker serve` on 127.0.0.1.
 *
 * @param port - 0 takes any that is free
 * @param failed - called with an error that no route expects
 * @returns `entrance`: the address that lets one browser in, once; `callback`: where the provider redirects browsers
 * @throws {FlockError} `unavailable` if the port cannot be had
 */
export async function openKeymakerSite(port: number, failed: (error: unknown) => void, options: SiteOptions) {
  const site = new KeymakerSite(options);
  const server = await openKeymakerServer(port, failed, (app) => site.addTo(app), {
    formTargets: () => site.service.origins,
  });
  return {
    entrance: `${server.shown}/?key=${site.key}`,
    callback: `${server.shown}/callback`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The session of the one browser that was let in. */
interface Session {
  /** The value of its cookie, which no script can read. */
  id: string;
  /** Proves that a form came from a page of this site. */
  csrf: string;
  /** What came of the last action, to be shown once. */
  notice: Message | undefined;
  /** The bot that was authorized last. */
  last: BotName | undefined;
}

type Answer = Response | Promise<Response>;
type Handler = (c: WebContext, session: Session) => Answer;

/** Something that a person does about a bot. @returns what came of it, or the link to go on to */
type BotAction = (
  bot: BotName,
  given: Record<'text' | 'handle' | 'password' | 'callback', string>,
) => Promise<Message | { link: string }>;

const cookieName = 'keymaker_session';

class KeymakerSite {
  /** The secret in the address that lets one browser in. */
  readonly key = secretWord();
  readonly service: KeyService;
  readonly #options: SiteOptions;
  readonly #callbacks = new PendingCallbacks<{ bot: BotName; issuer: LinkIssuer }>();
  /** The keys whose accounts a person has not confirmed, by the secret in the question's address; one for each bot. */
  readonly #unconfirmed = new Map<string, UnconfirmedKey>();
  #session: Session | undefined;

  constructor(options: SiteOptions) {
    this.service = new KeyService(options);
    this.#options = options;
  }

  addTo(app: WebApp): void {
    const inSession =
      (handle: Handler, otherwise: (c: WebContext) => Answer = refuseStranger) =>
      async (c: WebContext) => {
        const session = this.#session;
        if (!session || !same(getCookie(c, cookieName) ?? '', session.id)) return otherwise(c);
        const page = await asMessage(Promise.resolve(handle(c, session)));
        return page instanceof Response ? page : c.html(messagePage(page, home), 500);
      };
    app.get('/', (c) => this.#enter(c) ?? inSession((_, session) => this.#showFlock(c, session))(c));
    app.get(
      '/bots/:bot',
      inSession((c, session) => this.#showBot(c, session)),
    );
    app.get('/callback', (c) => this.#receiveCallback(c));
    app.get(
      returnedPath,
      inSession(
        (c) => c.redirect('/', 303),
        (c) => c.html(messagePage(returned)),
      ),
    );
    app.get(`${questionPath}:secret`, (c) => this.#askAccount(c));
    const answer = inSession((c, session) => this.#answerAccount(c, session));
    app.post(`${questionPath}:secret`, answer);
    const actions: Record<string, BotAction> = {
      authorize: (bot, given) => this.#authorize(bot, given),
      check: (bot) => this.service.check(bot),
      'test-post': (bot, { text }) => this.service.testPost(bot, text),
      revoke: (bot) => this.service.revoke(bot),
    };
    for (const [name, act] of Object.entries(actions)) {
      const handle = inSession((c, session) => this.#act(c, session, act));
      app.post(`/bots/:bot/${name}`, handle);
    }
    app.notFound(inSession(missing));
  }

  #enter(c: WebContext): Response | undefined {
    if (this.#session || !same(c.req.query('key') ?? '', this.key)) return undefined;
    this.#session = { id: secretWord(), csrf: secretWord(), notice: undefined, last: undefined };
    setCookie(c, cookieName, this.#session.id, { path: '/', httpOnly: true, sameSite: 'Strict' });
    return c.redirect('/', 303);
  }

  async #showFlock(c: WebContext, session: Session): Promise<Response> {
    const flock = await this.service.flock();
    const { poems } = this.#options;
    const { state, q } = filterSchema.parse(c.req.query());
    const { csrf, last, notice } = this.#takeShown(session);
    const questions = new Map(
      Array.from(this.#unconfirmed, ([secret, key]) => [key.bot, questionOf(secret, key)]),
    );
    const filter = { state, q: q.trim() };
    return c.html(
      flockPage({
        ...flock,
        questions,
        filter,
        last,
        csrf,
        notice,
        poems,
        callback: callbackOf(c),
      }),
    );
  }

  async #showBot(c: WebContext, session: Session): Promise<Response> {
    const card = await this.#cardOf(c.req.param('bot'));
    if (!card) return missing(c);
    const asked = Array.from(this.#unconfirmed).find(([, { bot }]) => bot === card.bot);
    if (asked) return c.html(questionPage(questionOf(...asked), card));
    return c.html(botPage(card, this.#takeShown(session)));
  }

  /** What a page shows of the session; the notice is shown once. */
  #takeShown(session: Session): Session {
    const shown = { ...session };
    session.notice = undefined;
    return shown;
  }

  async #cardOf(bot: string | undefined): Promise<Card | undefined> {
    const { cards } = await this.service.flock();
    return cards.find((card) => card.bot === bot);
  }

  /** The browser sends no cookie from the provider's page, but the request token, which nobody else knows. */
  async #receiveCallback(c: WebContext): Promise<Response> {
    const { clock } = this.#options.context;
    const arrival = this.#callbacks.arrive(new URL(c.req.url).searchParams, clock.now());
    if ('warning' in arrival) return c.html(messagePage(arrival.message, home), arrival.status);
    const { who, requestToken, answer } = arrival;
    const { bot, issuer } = who;
    const outcome =
      answer === 'denied'
        ? declined(bot)
        : await asMessage(this.service.finish(bot, issuer, { requestToken, verifier: answer.verifier }));
    if ('title' in outcome) {
      if (this.#session) this.#session.notice = outcome;
      // With the cookie, which the browser sends from a page of this site, the flock is shown at once.
      c.header('refresh', `0; url=${returnedPath}`);
      return c.html(messagePage(outcome, home));
    }
    return c.redirect(this.#ask(outcome), 303);
  }

  /** @returns the path of the question whose account a key is for */
  #ask(key: UnconfirmedKey): string {
    // A bot's later key replaces an earlier one.
    for (const [secret, { bot }] of this.#unconfirmed) if (bot === key.bot) this.#unconfirmed.delete(secret);
    const secret = secretWord();
    this.#unconfirmed.set(secret, key);
    return questionPath + secret;
  }

  /** A browser that the provider redirected sends no cookie yet, but the secret in the address, which nobody else knows. */
  async #askAccount(c: WebContext): Promise<Response> {
    const asked = this.#unconfirmed.get(c.req.param('secret') ?? '');
    if (!asked) return c.html(messagePage(answered, home), 410);
    const secret = c.req.param('secret') ?? '';
    const card = await asMessage(this.#cardOf(asked.bot));
    return c.html(questionPage(questionOf(secret, asked), card && 'bot' in card ? card : undefined));
  }

  async #answerAccount(c: WebContext, session: Session): Promise<Response> {
    const secret = c.req.param('secret') ?? '';
    const asked = this.#unconfirmed.get(secret);
    const { answer } = formSchema.parse(await c.req.parseBody());
    if (!asked || (answer !== 'yes' && answer !== 'no')) return c.html(messagePage(answered, home), 410);
    this.#unconfirmed.delete(secret);
    session.notice = answer === 'yes' ? await asMessage(asked.store()) : refused(asked);
    return c.redirect('/', 303);
  }

  async #act(c: WebContext, session: Session, act: BotAction): Promise<Response> {
    const { csrf, ...fields } = formSchema.parse(await c.req.parseBody());
    if (!same(csrf, session.csrf)) return c.html(messagePage(notOurs, home), 403);
    const bot = (await this.#cardOf(c.req.param('bot')))?.bot;
    if (bot === undefined) return missing(c);
    const done = await asMessage(act(bot, { ...fields, callback: callbackOf(c) }));
    if ('link' in done) return c.redirect(done.link, 303);
    session.notice = done;
    return c.redirect(`/bots/${encodeURIComponent(bot)}`, 303);
  }

  async #authorize(
    bot: BotName,
    { callback, ...credentials }: Parameters<BotAction>[1],
  ): Promise<Message | { link: string }> {
    const issuer = await this.service.issuerOf(bot);
    if (this.#session) this.#session.last = bot;
    if (issuer.by === 'password') {
      if (credentials.password === '') return { link: `/bots/${encodeURIComponent(bot)}` };
      const outcome = await this.service.signIn(bot, issuer, credentials);
      return 'title' in outcome ? outcome : { link: this.#ask(outcome) };
    }
    const { requestToken, link } = await this.service.begin(bot, issuer, callback);
    this.#callbacks.expect(requestToken, { bot, issuer }, this.#options.context.clock.now());
    return { link };
  }
}

/** Returns a failure that the person can repair as a message. */
async function asMessage<T>(work: Promise<T>): Promise<T | Message> {
  const result = await attemptAsync(work);
  if (!(result instanceof FlockError)) return result;
  const { message, hint = '' } = result;
  const sentence = hint === '' ? '' : ` ${hint.charAt(0).toUpperCase()}${hint.slice(1)}.`;
  return bad('That did not work', `${message}.${sentence}`);
}

const field = z.string().catch('');
const formSchema = z.object({ csrf: field, answer: field, text: field, handle: field, password: field });

const filterSchema = z.object({ state: field, q: field });

const questionPath = '/account/';
const returnedPath = '/returned';

/** The question of an account, and the path of its answer. */
const questionOf = (secret: string, { bot, account, issuer }: UnconfirmedKey) => ({
  bot,
  account,
  issuer,
  action: questionPath + secret,
});

const callbackOf = (c: WebContext): string => `http://${c.req.header('host') ?? ''}/callback`;

const home = html`<p><a class="button" href="/">Back to the flock</a></p>`;

const declined = (bot: string): Message =>
  plain('Nothing was authorized', `You said no, so ${bot} is as it was.`);
const refused = ({ bot, account, issuer }: UnconfirmedKey): Message =>
  plain(
    'Nothing was stored',
    `@${account} is not the account of ${bot}, you say. Sign out of ${issuer} in this browser, then authorize again: the button opens a fresh link.`,
  );
const answered = plain('That question was answered', 'The page of the flock shows what came of it.');
const notOurs = bad(
  'That form was not ours',
  'It came from another page, or from one that was opened before keymaker was started. Nothing was changed.',
);
const nothingHere = plain('There is nothing here', 'The flock is on the front page.');
const missing = (c: WebContext): Answer => c.html(messagePage(nothingHere, home), 404);
const stranger = plain(
  'Open the address from the terminal',
  'keymaker serve prints an address that lets one browser in, once. For another browser, start it again.',
);
const refuseStranger = (c: WebContext): Answer => c.html(messagePage(stranger), 403);
const returned = plain(
  'Go back to the other browser',
  'The page of the flock, which you opened there, says what came of this. You can close this page.',
);
