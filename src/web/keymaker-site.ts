import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import * as z from 'zod';
import { attemptAsync, FlockError } from '../errors.ts';
import type { BotName } from '../poems/bot-name.ts';
import { counted } from '../text.ts';
import { PendingCallbacks } from './callback.ts';
import { KeyService, type UnconfirmedKey } from './key-service.ts';
import {
  bad,
  type Html,
  keymakerPage,
  type Message,
  messagePage,
  openKeymakerServer,
  plain,
} from './layout.ts';
import { same, secretWord, type WebApp, type WebContext } from './server.ts';

/*
 * The pages of `keymaker serve`: one card for each poem, with its key, and the question whose account was authorized.
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
  const formTarget = new URL(options.provider.authorizeUrl).origin;
  const server = await openKeymakerServer(port, failed, (app) => site.addTo(app), { formTarget });
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
  notice: { bot: string; message: Message } | undefined;
}

type Handler = (c: WebContext, session: Session) => Response | Promise<Response>;

/** Something that a person does about a bot. @returns what came of it, or the link to go on to */
type BotAction = (
  bot: BotName,
  given: { text: string; callback: string },
) => Promise<Message | { link: string }>;

const cookieName = 'keymaker_session';

class KeymakerSite {
  /** The secret in the address that lets one browser in. */
  readonly key = secretWord();
  readonly #service: KeyService;
  readonly #options: SiteOptions;
  readonly #callbacks = new PendingCallbacks<BotName>();
  /** The keys whose accounts a person has not confirmed, by the secret in the question's address; one for each bot. */
  readonly #unconfirmed = new Map<string, UnconfirmedKey>();
  #session: Session | undefined;

  constructor(options: SiteOptions) {
    this.#service = new KeyService(options);
    this.#options = options;
  }

  addTo(app: WebApp): void {
    const inSession = (handle: Handler) => (c: WebContext) => {
      const session = this.#session;
      return session && same(getCookie(c, cookieName) ?? '', session.id)
        ? handle(c, session)
        : c.html(messagePage(stranger), 403);
    };
    app.get('/', (c) => this.#enter(c) ?? inSession((_, session) => this.#show(c, session))(c));
    app.get('/callback', (c) => this.#receiveCallback(c));
    app.get(`${questionPath}:secret`, (c) => this.#askAccount(c));
    const answer = inSession((c, session) => this.#answerAccount(c, session));
    app.post(`${questionPath}:secret`, answer);
    const actions: Record<string, BotAction> = {
      authorize: (bot, { callback }) => this.#authorize(bot, callback),
      check: (bot) => this.#service.check(bot),
      'test-post': (bot, { text }) => this.#service.testPost(bot, text),
      revoke: (bot) => this.#service.revoke(bot),
    };
    for (const [name, act] of Object.entries(actions)) {
      const handle = inSession((c, session) => this.#act(c, session, act));
      app.post(`/bots/:bot/${name}`, handle);
    }
    app.notFound(inSession((c) => c.html(messagePage(nothingHere, home), 404)));
  }

  #enter(c: WebContext): Response | undefined {
    if (this.#session || !same(c.req.query('key') ?? '', this.key)) return undefined;
    this.#session = { id: secretWord(), csrf: secretWord(), notice: undefined };
    setCookie(c, cookieName, this.#session.id, { path: '/', httpOnly: true, sameSite: 'Strict' });
    return c.redirect('/', 303);
  }

  async #show(c: WebContext, session: Session): Promise<Response> {
    const shown = { ...session };
    session.notice = undefined;
    const questions = new Map(
      Array.from(this.#unconfirmed, ([secret, key]) => [key.bot, { ...key, action: questionPath + secret }]),
    );
    const cards = await this.#service.cards();
    return c.html(flockPage(cards, questions, shown, callbackOf(c), this.#options.provider.title));
  }

  /** The browser sends no cookie from the provider's page, but the request token, which nobody else knows. */
  async #receiveCallback(c: WebContext): Promise<Response> {
    const { clock } = this.#options.context;
    const arrival = this.#callbacks.arrive(new URL(c.req.url).searchParams, clock.now());
    if ('warning' in arrival) return c.html(messagePage(arrival.message, home), arrival.status);
    const { who, requestToken, answer } = arrival;
    const outcome =
      answer === 'denied'
        ? declined(who)
        : await asMessage(this.#service.finish(who, requestToken, answer.verifier));
    if ('title' in outcome) return c.html(messagePage(outcome, home));
    // A bot's later key replaces an earlier one.
    for (const [secret, { bot }] of this.#unconfirmed) if (bot === who) this.#unconfirmed.delete(secret);
    const secret = secretWord();
    this.#unconfirmed.set(secret, outcome);
    return c.redirect(questionPath + secret, 303);
  }

  /** A browser that the provider redirected sends no cookie yet, but the secret in the address, which nobody else knows. */
  async #askAccount(c: WebContext): Promise<Response> {
    const asked = this.#unconfirmed.get(c.req.param('secret') ?? '');
    if (!asked) return c.html(messagePage(answered, home), 410);
    const { bot, account } = asked;
    const poem = (await this.#service.cards()).find((card) => card.bot === bot)?.poem;
    return c.html(questionPage({ bot, account, action: c.req.path }, poem, this.#options.provider.title));
  }

  async #answerAccount(c: WebContext, session: Session): Promise<Response> {
    const secret = c.req.param('secret') ?? '';
    const asked = this.#unconfirmed.get(secret);
    const { answer } = formSchema.parse(await c.req.parseBody());
    if (!asked || (answer !== 'yes' && answer !== 'no')) return c.html(messagePage(answered, home), 410);
    this.#unconfirmed.delete(secret);
    const { title } = this.#options.provider;
    const message = answer === 'yes' ? await asMessage(asked.store()) : refused(asked, title);
    session.notice = { bot: asked.bot, message };
    return c.redirect(`/#bot-${asked.bot}`, 303);
  }

  async #act(c: WebContext, session: Session, act: BotAction): Promise<Response> {
    const { csrf, text } = formSchema.parse(await c.req.parseBody());
    if (!same(csrf, session.csrf)) return c.html(messagePage(notOurs, home), 403);
    const card = (await this.#service.cards()).find(({ bot }) => bot === c.req.param('bot'));
    if (!card) return c.html(messagePage(nothingHere, home), 404);
    const { bot } = card;
    const done = await asMessage(act(bot, { text, callback: callbackOf(c) }));
    if ('link' in done) return c.redirect(done.link, 303);
    session.notice = { bot, message: done };
    return c.redirect(`/#bot-${encodeURIComponent(bot)}`, 303);
  }

  async #authorize(bot: BotName, callback: string): Promise<{ link: string }> {
    const { requestToken, link } = await this.#service.begin(bot, callback);
    this.#callbacks.expect(requestToken, bot, this.#options.context.clock.now());
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
const formSchema = z.object({ csrf: field, answer: field, text: field });

const questionPath = '/account/';

const callbackOf = (c: WebContext): string => `http://${c.req.header('host') ?? ''}/callback`;

const home = html`<p><a class="button" href="/">Back to the flock</a></p>`;

const declined = (bot: string): Message =>
  plain('Nothing was authorized', `You said no, so ${bot} is as it was.`);
const refused = ({ bot, account }: UnconfirmedKey, provider: string): Message =>
  plain(
    'Nothing was stored',
    `@${account} is not the account of ${bot}, you say. Sign out of ${provider} in this browser, then authorize again: the button opens a fresh link.`,
  );
const answered = plain('That question was answered', 'The page of the flock shows what came of it.');
const notOurs = bad(
  'That form was not ours',
  'It came from another page, or from one that was opened before keymaker was started. Nothing was changed.',
);
const nothingHere = plain('There is nothing here', 'The flock is on the front page.');
const stranger = plain(
  'Open the address from the terminal',
  'keymaker serve prints an address that lets one browser in, once. For another browser, start it again.',
);

type Card = Awaited<ReturnType<KeyService['cards']>>[number];

interface AccountQuestion extends Pick<UnconfirmedKey, 'bot' | 'account'> {
  /** The path of the answer. */
  action: string;
}

/** The page with one card for each poem. It shows no secret, only the accounts of the keys. */
function flockPage(
  cards: readonly Card[],
  questions: ReadonlyMap<BotName, AccountQuestion>,
  { csrf, notice }: Session,
  callback: string,
  provider: string,
): Html {
  const made = cards.filter(({ key }) => key.state === 'good').length;
  return keymakerPage(
    'Your flock',
    html`<header class="top">
        <p class="brand">keymaker <span>one account for each poem</span></p>
        <h1>${summary(made, cards.length)}</h1>
        <p class="small">
          ${provider} sends you back to <code>${callback}</code>, which must be registered with the app. You
          are asked to sign in each time: mind whose account it is.
        </p>
        ${notice && !cards.some(({ bot }) => bot === notice.bot) && noticeOf(notice.message)}
      </header>
      <main class="bots">
        ${cards.map((card) => cardOf(card, csrf, questions.get(card.bot), notice))}
        ${cards.length === 0 && html`<p>There are no poems here yet. A poem is a text file in the poems folder.</p>`}
      </main>`,
  );
}

/** The page that asks whether an account is a bot's, before anything of its key is stored. */
function questionPage(question: AccountQuestion, poem: Card['poem'], provider: string): Html {
  const { bot, account } = question;
  return keymakerPage(
    `Is @${account} the account of ${bot}?`,
    html`<main class="card question">
      <p class="brand">keymaker</p>
      <h1>Is @${account} the account of ${bot}?</h1>
      <dl>
        <dt>You signed in as</dt>
        <dd>@${account}</dd>
        <dt>The bot</dt>
        <dd>${bot} ${poem && html`<blockquote>${poem.first}</blockquote>`}</dd>
      </dl>
      <p>Nothing is stored yet. After a yes, flockd posts this poem as <strong>@${account}</strong>.</p>
      ${answersTo(question)}
      <p class="small">
        After a no, the key is forgotten. Sign out of ${provider} in this browser before you authorize again.
      </p>
    </main>`,
  );
}

const answersTo = ({ bot, account, action }: AccountQuestion): Html =>
  html`<form class="answers" method="post" action="${action}">
    <button class="primary" name="answer" value="yes">
      Yes, store the key<span class="unseen"> of @${account} for ${bot}</span>
    </button>
    <button name="answer" value="no">
      No<span class="unseen">, @${account} is not the account of ${bot}</span>
    </button>
  </form>`;

const summary = (made: number, all: number): string =>
  made === all && all > 0
    ? `All ${all} ${all === 1 ? 'bot has its key' : 'bots have their keys'}`
    : `${made} of ${all} bots ${made === 1 ? 'has its key' : 'have their keys'}`;

const noticeOf = ({ tone, title, text }: Message): Html =>
  html`<div class="notice" data-tone="${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    <strong>${title}</strong>
    <p>${text}</p>
  </div>`;

function cardOf(
  card: Card,
  csrf: string,
  question: AccountQuestion | undefined,
  notice: Session['notice'],
): Html {
  const { bot, poem, key } = card;
  return html`<article class="bot" id="bot-${bot}" aria-labelledby="name-${bot}">
    <header>
      <h2 id="name-${bot}">${bot}</h2>
      ${stateOf(card)}
    </header>
    ${poem && html`<blockquote>${poem.first}</blockquote>`}
    <p class="facts small">${factsOf(card)}</p>
    ${key.state === 'bad' && html`<p class="why">${key.why}${key.hint !== undefined && html`<br />${key.hint}`}</p>`}
    ${notice?.bot === bot && noticeOf(notice.message)}
    ${
      question &&
      html`<div class="notice asks">
        <strong>Is @${question.account} the account of ${bot}?</strong>
        <p>You signed in as it. Nothing is stored yet.</p>
        ${answersTo(question)}
      </div>`
    }
    ${!question && html`<div class="actions">${actionsOf(card, csrf)}</div>`}
  </article>`;
}

function stateOf({ key }: Card): Html {
  if (key.state === 'none') return html`<span class="state" data-state="none">no key yet</span>`;
  if (key.state === 'bad') return html`<span class="state" data-state="bad">key unusable</span>`;
  const { screenName, userId } = key.bundle;
  return html`<span class="state" data-state="good">@${screenName ?? userId ?? 'unknown'}</span>`;
}

function factsOf({ poem, key, expected }: Card): string {
  const { userId, provider } = key.state === 'good' ? key.bundle : {};
  const facts = [
    poem ? `${poem.file}, ${counted(poem.lines, 'line')}` : 'its poem is not in the folder',
    userId !== undefined && `id ${userId}`,
    provider !== undefined && `at ${provider}`,
    key.state !== 'good' && expected !== undefined && `to be @${expected}`,
  ];
  return facts.filter((fact) => fact !== false).join(' · ');
}

function actionsOf({ bot, key }: Card, csrf: string): Html[] {
  if (key.state !== 'good') return [actionOf(bot, 'authorize', 'Authorize', csrf, 'primary')];
  return [
    actionOf(bot, 'check', 'Check', csrf),
    actionOf(bot, 'authorize', 'Re-authorize', csrf),
    html`<details name="more-${bot}">
      <summary>Send a test post…</summary>
      <form method="post" action="/bots/${bot}/test-post">
        <input type="hidden" name="csrf" value="${csrf}" />
        <label
          >Text
          <input type="text" name="text" value="${bot} clears its throat." maxlength="280" autocomplete="off"
        /></label>
        <p class="small">
          It stays on the account until you delete it there, and X charges about $0.015 for it.
        </p>
        <button class="primary">Post it<span class="unseen"> as ${bot}</span></button>
      </form>
    </details>`,
    html`<details name="more-${bot}">
      <summary>Revoke…</summary>
      <p>
        The key is ended where it was made, and its bundle is removed. ${bot} posts nothing until it has a new
        one.
      </p>
      ${actionOf(bot, 'revoke', 'Revoke the key', csrf, 'danger')}
    </details>`,
  ];
}

const actionOf = (bot: string, action: string, name: string, csrf: string, look = ''): Html =>
  html`<form method="post" action="/bots/${bot}/${action}">
    <input type="hidden" name="csrf" value="${csrf}" />
    <button class="${look}">${name}<span class="unseen"> (${bot})</span></button>
  </form>`;
