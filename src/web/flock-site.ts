import type { Clock } from '../clock.ts';
import type { BotName } from '../flock/bot.ts';
import type { TokenPair } from '../keys/bundle.ts';
import { type Card, flockPage, questionPage } from './flock-page.ts';
import { isNavigation, type LocalAnswer, type LocalRequest, plain } from './local-exchange.ts';
import { type Message, messagePage, page } from './message-page.ts';
import { Returning } from './returning.ts';
import { same, secretWord, type Session, type Sessions } from './sessions.ts';
import { styleSheet } from './style.ts';

/** What can be done on the page. Nothing here throws for what a person can mend: that is told. */
export interface Desk {
  cards(): Promise<Card[]>;
  /** Asks for a link that authorizes a bot. */
  begin(bot: BotName, callback: string): Promise<{ requestToken: TokenPair; link: string } | Message>;
  /** Stores the key where its account is the bot's; nothing of it where a person has yet to say so. */
  finish(bot: BotName, requestToken: TokenPair, verifier: string): Promise<Message | Unconfirmed>;
  check(bot: BotName): Promise<Message>;
  testPost(bot: BotName, text: string): Promise<Message>;
  revoke(bot: BotName): Promise<Message>;
}

/** A key that was granted, whose account may or may not be the bot's. It is in memory alone. */
export interface Unconfirmed {
  bot: BotName;
  /** The screen name of the account. */
  account: string;
  store: () => Promise<Message>;
}

export interface FlockSiteOptions {
  desk: Desk;
  sessions: Sessions;
  clock: Clock;
  /** What the provider is called, and the origin of its authorize page. */
  provider: { title: string; origin: string };
}

/** The pages of `keymaker serve`, from request to answer. */
export class FlockSite {
  readonly #options: FlockSiteOptions;
  readonly #returning = new Returning<BotName>();
  /** Whose accounts a person has yet to confirm, by the word in the question's address; one for each bot. */
  readonly #unconfirmed = new Map<string, Unconfirmed>();

  constructor(options: FlockSiteOptions) {
    this.#options = options;
  }

  async answer(request: LocalRequest): Promise<LocalAnswer> {
    const { method, path, query, headers } = request;
    const { sessions } = this.#options;
    if (method === 'GET' && path === '/style.css') return styleSheet;
    if (!isNavigation(request)) return plain(403, 'only for people');
    if (method === 'GET' && path === '/callback') return this.#welcomeBack(request);
    // Who was sent here by the provider brings no cookie yet, but the word in the address, which nobody else knows.
    if (method === 'GET' && path.startsWith(questions)) return this.#askAccount(path);
    const cookie = path === '/' ? sessions.enter(query.get('key') ?? '') : undefined;
    if (cookie !== undefined) return seeOther('/', { 'set-cookie': cookie });
    const session = sessions.find(headers['cookie']);
    if (!session) return page(403, messagePage(stranger));
    if (method === 'POST' && path.startsWith(questions)) return this.#answerAccount(request, session);
    if (method === 'POST') return this.#post(request, session);
    if (method !== 'GET') return plain(405, 'only GET and POST');
    return path === '/' ? this.#show(request, session) : page(404, messagePage(nothingHere, home));
  }

  async #show(request: LocalRequest, session: Session): Promise<LocalAnswer> {
    const { desk, provider } = this.#options;
    const { csrf, notice } = session;
    session.notice = undefined;
    const callback = `${originOf(request)}/callback`;
    const body = flockPage({
      cards: await desk.cards(),
      questions: new Map(
        Array.from(this.#unconfirmed, ([word, { bot, account }]) => [
          bot,
          { bot, account, to: questions + word },
        ]),
      ),
      csrf,
      notice,
      callback,
      provider: provider.title,
    });
    return page(200, body, {}, provider.origin);
  }

  /** The cookie does not come along from the provider's page, but the request token does, and nobody else knows it. */
  async #welcomeBack({ query }: LocalRequest): Promise<LocalAnswer> {
    const { desk, clock } = this.#options;
    const arrival = this.#returning.arrive(query, clock.now());
    if ('warning' in arrival) return page(arrival.status, messagePage(arrival.message, home));
    const { who, requestToken, answer } = arrival;
    const outcome =
      answer === 'denied' ? declined(who) : await desk.finish(who, requestToken, answer.verifier);
    if ('title' in outcome) return page(200, messagePage(outcome, home));
    // A bot's later key takes the place of an earlier one.
    for (const [word, { bot }] of this.#unconfirmed) if (bot === who) this.#unconfirmed.delete(word);
    const word = secretWord();
    this.#unconfirmed.set(word, outcome);
    return seeOther(questions + word);
  }

  async #askAccount(path: string): Promise<LocalAnswer> {
    const { desk, provider } = this.#options;
    const asked = this.#unconfirmed.get(path.slice(questions.length));
    if (!asked) return page(410, messagePage(answered, home));
    const { bot, account } = asked;
    const card = (await desk.cards()).find((one) => one.bot === bot);
    return page(200, questionPage({ bot, account, to: path }, card?.poem, provider.title));
  }

  async #answerAccount(request: LocalRequest, session: Session): Promise<LocalAnswer> {
    if (request.headers['origin'] !== originOf(request)) return page(403, messagePage(notOurs, home));
    const word = request.path.slice(questions.length);
    const asked = this.#unconfirmed.get(word);
    const answer = request.form.get('answer');
    if (!asked || (answer !== 'yes' && answer !== 'no')) return page(410, messagePage(answered, home));
    this.#unconfirmed.delete(word);
    const message = answer === 'yes' ? await asked.store() : refused(asked, this.#options.provider.title);
    session.notice = { bot: asked.bot, message };
    return seeOther(`/#bot-${asked.bot}`);
  }

  async #post(request: LocalRequest, session: Session): Promise<LocalAnswer> {
    const { path, form, headers } = request;
    if (headers['origin'] !== originOf(request) || !same(form.get('csrf') ?? '', session.csrf))
      return page(403, messagePage(notOurs, home));
    const [, name = '', action = ''] = /^\/bots\/([^/]+)\/([a-z-]+)$/.exec(path) ?? [];
    const card = (await this.#options.desk.cards()).find(({ bot }) => encodeURIComponent(bot) === name);
    const done = card && (await this.#act(card.bot, action, request));
    if (!card || !done) return page(404, messagePage(nothingHere, home));
    if ('link' in done) return seeOther(done.link);
    session.notice = { bot: card.bot, message: done };
    return seeOther(`/#bot-${encodeURIComponent(card.bot)}`);
  }

  /** @returns what came of it, where to go on, or undefined where there is no such action */
  async #act(
    bot: BotName,
    action: string,
    request: LocalRequest,
  ): Promise<Message | { link: string } | undefined> {
    const { desk, clock } = this.#options;
    switch (action) {
      case 'authorize': {
        const begun = await desk.begin(bot, `${originOf(request)}/callback`);
        if ('link' in begun) this.#returning.expect(begun.requestToken, bot, clock.now());
        return begun;
      }
      case 'check':
        return desk.check(bot);
      case 'test-post':
        return desk.testPost(bot, request.form.get('text') ?? '');
      case 'revoke':
        return desk.revoke(bot);
      default:
        return undefined;
    }
  }
}

/** Where it is asked whose account was authorized. */
const questions = '/account/';

const originOf = ({ headers }: LocalRequest): string => `http://${headers['host'] ?? ''}`;

const seeOther = (to: string, headers: Record<string, string> = {}): LocalAnswer => ({
  status: 303,
  headers: { location: to, ...headers },
  body: '',
});

const home = { to: '/', name: 'Back to the flock' };

const declined = (bot: string): Message => ({
  mood: 'plain',
  title: 'Nothing was authorized',
  text: `You said no, so ${bot} is as it was.`,
});
const refused = ({ bot, account }: Unconfirmed, provider: string): Message => ({
  mood: 'plain',
  title: 'Nothing was stored',
  text: `@${account} is not the account of ${bot}, you say. Sign out of ${provider} in this browser, then authorize again: the button opens a fresh link.`,
});
const answered: Message = {
  mood: 'plain',
  title: 'That question was answered',
  text: 'The page of the flock shows what came of it.',
};
const notOurs: Message = {
  mood: 'bad',
  title: 'That form was not ours',
  text: 'It came from another page, or from one that was opened before keymaker was started. Nothing was changed.',
};
const nothingHere: Message = {
  mood: 'plain',
  title: 'There is nothing here',
  text: 'The flock is on the front page.',
};
const stranger: Message = {
  mood: 'plain',
  title: 'Open the address from the terminal',
  text: 'keymaker serve prints an address that lets one browser in, once. For another browser, start it again.',
};
