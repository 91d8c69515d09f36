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
import { type Card, flockPage, questionPage } from './keymaker-page.ts';
import { type Message, messagePage, page, styleSheet } from './layout.ts';
import { isNavigation, type LocalAnswer, type LocalRequest, plain } from './server.ts';
import { Returning, same, secretWord, type Session, type Sessions } from './sessions.ts';

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

interface FlockSiteOptions {
  desk: KeyService;
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
    if (method === 'GET' && path === '/style.css') return styleSheet();
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

interface DeskOptions {
  context: Context;
  provider: Provider;
  appKeys: TokenPair;
  /** The folder of the poems. */
  poems: string;
}

/** Does what a person asks for on the page of the flock. */
export class FlockKeyService implements KeyService {
  readonly #options: DeskOptions;
  readonly #client: OAuth1Client;

  constructor(options: DeskOptions) {
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

const good = (title: string, text: string): Message => ({ mood: 'good', title, text });

/** What a person can mend becomes a message; anything else is a mistake of ours. */
async function mended<T>(work: () => Promise<T>): Promise<T | Message> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const hint = error.hint === undefined ? '' : ` ${capital(error.hint)}.`;
    return { mood: 'bad', title: 'That did not work', text: `${error.message}.${hint}` };
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
