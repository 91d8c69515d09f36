import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { type FlockFile, readFlockFile } from '../config/flock-file.ts';
import type { Context } from '../context.ts';
import { FlockError } from '../errors.ts';
import { knownBots } from '../flock/load.ts';
import { judgeGrant, type MadeKey, type NewKey, storeGrant } from '../keys/authorize.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import { expectedName } from '../keys/right-account.ts';
import type { OAuth1Client } from '../oauth/client.ts';
import type { Provider } from '../oauth/providers.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { findPoems, type FoundPoems, type PoemFile, poemFileIn, readPoem } from '../poems/find.ts';
import { splitPoem } from '../poems/poem.ts';
import { fitsInPost } from '../poems/tweet-text.ts';
import { Returning } from './callback.ts';
import { type Card, flockPage, questionPage } from './keymaker-page.ts';
import { addKeymakerStyle, type Message, messagePage } from './layout.ts';
import { same, secretWord, webApp, type WebApp, type WebContext } from './server.ts';

/** What can be done on the page. Nothing here throws for what a person can mend: that is told. */
interface KeyService {
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
interface Unconfirmed {
  bot: BotName;
  /** The screen name of the account. */
  account: string;
  store: () => Promise<Message>;
}

/** What is known of one browser that was let in. */
interface Session {
  /** Proves that a form came from a page of ours. */
  csrf: string;
  /** What came of the last action, to be shown once. */
  notice: { bot: string; message: Message } | undefined;
}

/** Who may use the page: the browser that opened the one-time address, by a cookie that no script can read. */
export class Sessions {
  /** The secret in the one-time address; gone once it was used. */
  #key: string | undefined = secretWord();
  readonly #sessions = new Map<string, Session>();

  /** The query of the address that lets one browser in. */
  get query(): string {
    return `?key=${this.#key ?? ''}`;
  }

  /** Lets a browser in that has the key. @returns the id of its session, or undefined */
  enter(key: string): string | undefined {
    if (this.#key === undefined || !same(key, this.#key)) return undefined;
    this.#key = undefined;
    const id = secretWord();
    this.#sessions.set(id, { csrf: secretWord(), notice: undefined });
    return id;
  }

  /** @param id - what its cookie says */
  find(id: string | undefined): Session | undefined {
    return id === undefined ? undefined : this.#sessions.get(id);
  }
}

interface KeymakerSiteOptions {
  service: KeyService;
  sessions: Sessions;
  clock: Clock;
  /** What the provider is called, and the origin of its authorize page. */
  provider: { title: string; origin: string };
  /** Called with an error that nothing here expects. */
  failed: (error: unknown) => void;
}

type Handler = (c: WebContext, session: Session) => Response | Promise<Response>;

const maxBody = 64 * 1024;
const cookieName = 'keymaker_session';

/** The pages of `keymaker serve`. */
export class KeymakerSite {
  readonly app: WebApp;
  readonly #options: KeymakerSiteOptions;
  readonly #returning = new Returning<BotName>();
  /** Whose accounts a person has yet to confirm, by the word in the question's address; one for each bot. */
  readonly #unconfirmed = new Map<string, Unconfirmed>();

  constructor(options: KeymakerSiteOptions) {
    this.#options = options;
    const { sessions, provider, failed } = options;
    const app = webApp({
      allow: { formTarget: provider.origin },
      maxBody,
      failed,
      errorsAreIn: 'the terminal',
    });
    const ofSession = (handle: Handler) => (c: WebContext) => {
      const session = sessions.find(getCookie(c, cookieName));
      return session ? handle(c, session) : c.html(messagePage(stranger), 403);
    };
    addKeymakerStyle(app);
    app.get('/callback', (c) => this.#welcomeBack(c));
    app.get(`${questions}:word`, (c) => this.#askAccount(c));
    app.get('/', (c, next) => this.#enter(c) ?? next());
    app.get('/', ofSession((c, session) => this.#show(c, session))); // prettier-ignore
    app.post(`${questions}:word`, ofSession((c, session) => this.#answerAccount(c, session))); // prettier-ignore
    app.post('/bots/:bot/:action', ofSession((c, session) => this.#act(c, session))); // prettier-ignore
    app.notFound(ofSession((c) => c.html(messagePage(nothingHere, home), 404)));
    this.app = app;
  }

  #enter(c: WebContext): Promise<Response> | undefined {
    const id = this.#options.sessions.enter(c.req.query('key') ?? '');
    if (id === undefined) return undefined;
    setCookie(c, cookieName, id, { path: '/', httpOnly: true, sameSite: 'Strict' });
    return Promise.resolve(c.redirect('/', 303));
  }

  async #show(c: WebContext, session: Session): Promise<Response> {
    const { service, provider } = this.#options;
    const { csrf, notice } = session;
    session.notice = undefined;
    const questionsByBot = Array.from(
      this.#unconfirmed,
      ([word, { bot, account }]) => [bot, { bot, account, to: questions + word }] as const,
    );
    const page = flockPage({
      cards: await service.cards(),
      questions: new Map(questionsByBot),
      csrf,
      notice,
      callback: callbackOf(c),
      provider: provider.title,
    });
    return c.html(page);
  }

  /** The cookie does not come along from the provider's page, but the request token does, and nobody else knows it. */
  async #welcomeBack(c: WebContext): Promise<Response> {
    const { service, clock } = this.#options;
    const arrival = this.#returning.arrive(new URL(c.req.url).searchParams, clock.now());
    if ('warning' in arrival) return c.html(messagePage(arrival.message, home), arrival.status);
    const { who, requestToken, answer } = arrival;
    const outcome =
      answer === 'denied' ? declined(who) : await service.finish(who, requestToken, answer.verifier);
    if ('title' in outcome) return c.html(messagePage(outcome, home));
    // A bot's later key takes the place of an earlier one.
    for (const [word, { bot }] of this.#unconfirmed) if (bot === who) this.#unconfirmed.delete(word);
    const word = secretWord();
    this.#unconfirmed.set(word, outcome);
    return c.redirect(questions + word, 303);
  }

  /** Whom the provider sent here brings no cookie yet, but the word in the address, which nobody else knows. */
  async #askAccount(c: WebContext): Promise<Response> {
    const { service, provider } = this.#options;
    const asked = this.#unconfirmed.get(c.req.param('word') ?? '');
    if (!asked) return c.html(messagePage(answered, home), 410);
    const { bot, account } = asked;
    const card = (await service.cards()).find((one) => one.bot === bot);
    return c.html(questionPage({ bot, account, to: c.req.path }, card?.poem, provider.title));
  }

  async #answerAccount(c: WebContext, session: Session): Promise<Response> {
    const word = c.req.param('word') ?? '';
    const asked = this.#unconfirmed.get(word);
    const { answer } = formSchema.parse(await c.req.parseBody());
    if (!asked || (answer !== 'yes' && answer !== 'no')) return c.html(messagePage(answered, home), 410);
    this.#unconfirmed.delete(word);
    const message = answer === 'yes' ? await asked.store() : refused(asked, this.#options.provider.title);
    session.notice = { bot: asked.bot, message };
    return c.redirect(`/#bot-${asked.bot}`, 303);
  }

  async #act(c: WebContext, session: Session): Promise<Response> {
    const { csrf, text } = formSchema.parse(await c.req.parseBody());
    if (!same(csrf, session.csrf)) return c.html(messagePage(notOurs, home), 403);
    const card = (await this.#options.service.cards()).find(({ bot }) => bot === c.req.param('bot'));
    const action = actionSchema.safeParse(c.req.param('action'));
    if (!card || !action.success) return c.html(messagePage(nothingHere, home), 404);
    const { bot } = card;
    const done = await this.#outcomeOf(action.data, bot, { text, callback: callbackOf(c) });
    if ('link' in done) return c.redirect(done.link, 303);
    session.notice = { bot, message: done };
    return c.redirect(`/#bot-${encodeURIComponent(bot)}`, 303);
  }

  /** @returns what came of it, or where to go on */
  async #outcomeOf(
    action: Action,
    bot: BotName,
    { text, callback }: { text: string; callback: string },
  ): Promise<Message | { link: string }> {
    const { service, clock } = this.#options;
    switch (action) {
      case 'authorize': {
        const begun = await service.begin(bot, callback);
        if ('link' in begun) this.#returning.expect(begun.requestToken, bot, clock.now());
        return begun;
      }
      case 'check':
        return service.check(bot);
      case 'test-post':
        return service.testPost(bot, text);
      case 'revoke':
        return service.revoke(bot);
    }
  }
}

const actionSchema = z.enum(['authorize', 'check', 'test-post', 'revoke']);
type Action = z.infer<typeof actionSchema>;

const field = z.string().catch('');
const formSchema = z.object({ csrf: field, answer: field, text: field });

/** Where it is asked whose account was authorized. */
const questions = '/account/';

const callbackOf = (c: WebContext): string => `http://${c.req.header('host') ?? ''}/callback`;

const home = html`<p><a class="button" href="/">Back to the flock</a></p>`;

const declined = (bot: string): Message => ({
  tone: 'plain',
  title: 'Nothing was authorized',
  text: `You said no, so ${bot} is as it was.`,
});
const refused = ({ bot, account }: Unconfirmed, provider: string): Message => ({
  tone: 'plain',
  title: 'Nothing was stored',
  text: `@${account} is not the account of ${bot}, you say. Sign out of ${provider} in this browser, then authorize again: the button opens a fresh link.`,
});
const answered: Message = {
  tone: 'plain',
  title: 'That question was answered',
  text: 'The page of the flock shows what came of it.',
};
const notOurs: Message = {
  tone: 'bad',
  title: 'That form was not ours',
  text: 'It came from another page, or from one that was opened before keymaker was started. Nothing was changed.',
};
const nothingHere: Message = {
  tone: 'plain',
  title: 'There is nothing here',
  text: 'The flock is on the front page.',
};
const stranger: Message = {
  tone: 'plain',
  title: 'Open the address from the terminal',
  text: 'keymaker serve prints an address that lets one browser in, once. For another browser, start it again.',
};

interface KeyServiceOptions {
  context: Context;
  provider: Provider;
  appKeys: TokenPair;
  /** The folder of the poems. */
  poems: string;
}

/** Does what a person asks for on the page of the flock. */
export class FlockKeyService implements KeyService {
  readonly #options: KeyServiceOptions;
  readonly #client: OAuth1Client;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
    this.#client = options.context.oauth(options.provider, options.appKeys);
  }

  async cards(): Promise<Card[]> {
    const { context } = this.#options;
    const flockFile = await this.#flockFile();
    const { poems, clashes } = await this.#poems();
    const found = new Map(poems.map((poem) => [poem.bot, poem]));
    const clashOf = new Map(clashes.map((clash) => [clash.bot, clash.error]));
    const listed = await context.keys.list();
    const bots = new Set([...found.keys(), ...clashOf.keys(), ...listed.map(({ bot }) => bot)]);
    return Promise.all(
      [...bots].sort().map(async (bot): Promise<Card> => {
        const poem = found.get(bot);
        const fault = clashOf.get(bot) ?? flockFile.faultOf(bot);
        const key = fault ? asBad(fault) : await keyOf(() => context.keys.readIfThere(bot));
        const expected = fault ? undefined : flockFile.settingsOf(bot).account;
        return { bot, poem: poem && (await glance(poem)), key, expected };
      }),
    );
  }

  begin(bot: BotName, callback: string): Promise<{ requestToken: TokenPair; link: string } | Message> {
    return mended(async () => {
      await this.#options.context.keys.prepare(bot);
      await this.#poemOf(bot);
      const requestToken = await this.#client.requestToken(callback);
      const { account: named } = (await this.#flockFile()).settingsOf(bot);
      const screenName = expectedName({ named, old: await this.#oldBundle(bot) });
      return { requestToken, link: this.#client.authorizeUrl(requestToken, screenName) };
    });
  }

  finish(bot: BotName, requestToken: TokenPair, verifier: string): Promise<Message | Unconfirmed> {
    return mended(async () => {
      const key = await this.#newKey(bot);
      const grant = await this.#client.accessToken(requestToken, verifier);
      if (judgeGrant(grant, key) === 'right') return stored(bot, await storeGrant(grant, key));
      return {
        bot,
        account: grant.account.screenName,
        // The person may have made other keys meanwhile.
        store: () =>
          mended(async () => {
            const keyNow = await this.#newKey(bot);
            judgeGrant(grant, keyNow);
            return stored(bot, await storeGrant(grant, keyNow));
          }),
      };
    });
  }

  async #newKey(bot: BotName): Promise<NewKey> {
    const { context, provider, appKeys } = this.#options;
    const { keys, paths } = context;
    const { account: named } = (await this.#flockFile()).settingsOf(bot);
    const [old, poem] = [await this.#oldBundle(bot), await this.#poemOf(bot)];
    return {
      bot,
      appKeys,
      poemFile: poem ? poemFileIn(paths.root, poem.file) : old?.poemFile,
      provider: provider.id === 'x' ? undefined : provider.id,
      expected: { named, old },
      keys,
      owners: await keys.owners(),
      again: 'authorize the bot again',
    };
  }

  check(bot: BotName): Promise<Message> {
    return mended(async () => {
      const { bundle, provider, client } = await this.#keyOf(bot);
      const { userId, screenName } = await client.whoAmI(bundle.accessToken);
      if (bundle.userId === undefined || bundle.userId === userId)
        return good(`The key of ${bot} works`, `${provider.title} knows it as @${screenName}.`);
      throw new FlockError('data', `the key is for @${screenName}, not for the account ${bundle.userId}`, {
        hint: 'authorize the bot again, as its own account',
      });
    });
  }

  testPost(bot: BotName, text: string): Promise<Message> {
    return mended(async () => {
      const { bundle } = await this.#keyOf(bot);
      await checkTestPost(bundle, await this.#poemOf(bot), text);
      const posted = await this.#options.context.openX(bundle).post(text);
      if ('ok' in posted) return good('Posted', `“${text}” is on the account, as ${posted.ok}.`);
      throw new FlockError('partly', `it was not posted, as far as is known: ${posted.failure.reason}`, {
        hint: 'look at the account before you try again',
      });
    });
  }

  revoke(bot: BotName): Promise<Message> {
    return mended(async () => {
      const { bundle, provider, client } = await this.#keyOf(bot);
      await this.#options.context.keys.prepare();
      const ended = await client.revoke(bundle.accessToken);
      await this.#options.context.keys.remove(bot);
      const where =
        provider.revokedAt === undefined ? '' : ` Look there as the account, too: ${provider.revokedAt}.`;
      return ended === 'by hand'
        ? good(`The bundle of ${bot} is removed`, `${provider.title} has no call that ends a key.${where}`)
        : good(`The key of ${bot} has ended`, `Its bundle is removed.${where}`);
    });
  }

  /** The bundle to act with, and at whom. @throws {FlockError} `data` where there is no good one */
  async #keyOf(bot: BotName): Promise<{ bundle: KeyBundle; provider: Provider; client: OAuth1Client }> {
    const { context } = this.#options;
    const bundle = await context.keys.readIfThere(bot);
    if (!bundle) throw new FlockError('data', `${bot} has no key`, { hint: 'authorize it first' });
    const provider = context.provider(bundle.provider ?? 'x', (await this.#flockFile()).providers);
    return { bundle, provider, client: context.oauth(provider, bundle.appKeys) };
  }

  /** Read each time: what a person corrects counts at once. */
  #flockFile(): Promise<FlockFile> {
    return readFlockFile(this.#options.context.paths.flockFile);
  }

  /** A bad bundle is as good as none, and is replaced. */
  async #oldBundle(bot: BotName): Promise<KeyBundle | undefined> {
    try {
      return await this.#options.context.keys.readIfThere(bot);
    } catch (error) {
      if (error instanceof FlockError && error.exit === 'data') return undefined;
      throw error;
    }
  }

  /** @throws {FlockError} `data` where several poems have its name */
  async #poemOf(bot: BotName): Promise<PoemFile | undefined> {
    const { poems, clashes } = await this.#poems();
    const clash = clashes.find((one) => one.bot === bot);
    if (clash) throw clash.error;
    return poems.find((poem) => poem.bot === bot);
  }

  #poems(): Promise<FoundPoems> {
    const { poems, context } = this.#options;
    return findPoems(poems, knownBots(context.paths.root, context.keys));
  }
}

const stored = (bot: BotName, { account }: MadeKey): Message =>
  good(`${bot} is @${account.screenName}`, 'Its key is stored. A flockd that runs takes it up by itself.');

const good = (title: string, text: string): Message => ({ tone: 'good', title, text });

/** What a person can mend becomes a message; anything else is a mistake of ours. */
async function mended<T>(work: () => Promise<T>): Promise<T | Message> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const hint = error.hint === undefined ? '' : ` ${capital(error.hint)}.`;
    return { tone: 'bad', title: 'That did not work', text: `${error.message}.${hint}` };
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

async function keyOf(read: () => Promise<KeyBundle | undefined>): Promise<Card['key']> {
  try {
    const bundle = await read();
    if (!bundle) return { state: 'none' };
    const { userId, screenName, provider } = bundle;
    return { state: 'good', userId, screenName, provider };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return asBad(error);
  }
}

const asBad = ({ message, hint }: FlockError): Card['key'] => ({ state: 'bad', why: message, hint });

/** A poem at a glance. */
async function glance({ file }: PoemFile): Promise<Card['poem']> {
  try {
    const lines = splitPoem(await readPoem(file), 'line');
    return { file, first: lines[0]?.text ?? 'It has no lines.', lines: lines.length };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { file, first: error.message, lines: 0 };
  }
}

/** @throws {FlockError} `usage` for what X or the poem would suffer from */
async function checkTestPost(
  { provider }: KeyBundle,
  poem: PoemFile | undefined,
  text: string,
): Promise<void> {
  if (provider !== undefined)
    throw new FlockError('usage', `a test post goes to X, and this key is for ${provider}`);
  if (text.trim() === '' || !fitsInPost(text))
    throw new FlockError('usage', 'that is empty, or too long for one post');
  const lines = poem ? splitPoem(await readPoem(poem.file), 'line') : [];
  if (!lines.some((line) => line.text.trim() === text.trim())) return;
  throw new FlockError('usage', 'that is a line of the poem, which flockd posts itself', {
    hint: 'choose another text',
  });
}
