import { type FlockFile, readFlockFile } from '../config/flock-file.ts';
import type { Context } from '../context.ts';
import { attemptAsync, FlockError } from '../errors.ts';
import { knownBots } from '../flock/load.ts';
import { judgeGrant, type NewKey, storeGrant } from '../keys/authorize.ts';
import type { KeyBundle } from '../keys/store.ts';
import { expectedName } from '../keys/right-account.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { findPoems, type FoundPoems, type PoemFile, poemFileIn, readPoem } from '../poems/find.ts';
import { splitPoem } from '../poems/poem.ts';
import { fitsInPost } from '../poems/tweet-text.ts';
import { good, type Message } from './layout.ts';

type Provider = ReturnType<Context['provider']>;
type OAuth1Client = ReturnType<Context['oauth']>;

interface Card {
  bot: BotName;
  /** Its first line and the number of lines; undefined if a key has no poem in the folder. */
  poem: { file: string; first: string; lines: number } | undefined;
  key:
    | { state: 'none' }
    | { state: 'good'; bundle: Pick<KeyBundle, 'screenName' | 'userId' | 'provider'> }
    | { state: 'bad'; why: string; hint: string | undefined };
  /** The screen name that the bot's account must have, if it is known. */
  expected: string | undefined;
}

/** A granted key whose account a person has not confirmed. It is in memory only. */
export interface UnconfirmedKey {
  bot: BotName;
  /** The screen name of the account. */
  account: string;
  store: () => Promise<Message>;
}

interface KeyServiceOptions {
  context: Context;
  provider: Provider;
  appKeys: TokenPair;
  /** The folder of the poems. */
  poems: string;
}

/** What a person can do on the page of `keymaker serve`. Methods throw a FlockError where the person can repair something. */
export class KeyService {
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
        const key = fault ? asBad(fault) : await keyOf(context.keys.readIfThere(bot));
        const expected = fault ? undefined : flockFile.settingsOf(bot).account;
        return { bot, poem: poem && (await shownPoem(poem)), key, expected };
      }),
    );
  }

  /** Asks for a link that authorizes a bot. @param callback - where the provider redirects the browser */
  async begin(bot: BotName, callback: string): Promise<{ requestToken: TokenPair; link: string }> {
    await this.#options.context.keys.prepare(bot);
    const { expected } = await this.#newKey(bot);
    const requestToken = await this.#client.requestToken(callback);
    return { requestToken, link: this.#client.authorizeUrl(requestToken, expectedName(expected)) };
  }

  /** Stores a bot's new key if its account is the bot's. If only a person can confirm that, nothing is stored yet. */
  async finish(bot: BotName, requestToken: TokenPair, verifier: string): Promise<Message | UnconfirmedKey> {
    const key = await this.#newKey(bot);
    const grant = await this.#client.accessToken(requestToken, verifier);
    const store = async (key: NewKey): Promise<Message> => {
      await storeGrant(grant, key);
      const text = 'Its key is stored. A flockd that runs takes it up by itself.';
      return good(`${bot} is @${grant.account.screenName}`, text);
    };
    if (judgeGrant(grant, key) === 'right') return store(key);
    return {
      bot,
      account: grant.account.screenName,
      store: async () => {
        // The person may have made other keys meanwhile.
        const keyNow = await this.#newKey(bot);
        judgeGrant(grant, keyNow);
        return store(keyNow);
      },
    };
  }

  async #newKey(bot: BotName): Promise<NewKey> {
    const { context, provider, appKeys } = this.#options;
    const { keys, paths } = context;
    const { account: named } = (await this.#flockFile()).settingsOf(bot);
    const [old, poem] = [await keys.readIfGood(bot), await this.#poemOf(bot)];
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

  async check(bot: BotName): Promise<Message> {
    const { bundle, provider, client } = await this.#keyOf(bot);
    const { userId, screenName } = await client.whoAmI(bundle.accessToken);
    if (bundle.userId === undefined || bundle.userId === userId)
      return good(`The key of ${bot} works`, `${provider.title} knows it as @${screenName}.`);
    throw new FlockError('data', `the key is for @${screenName}, not for the account ${bundle.userId}`, {
      hint: 'authorize the bot again, as its own account',
    });
  }

  async testPost(bot: BotName, text: string): Promise<Message> {
    const { bundle } = await this.#keyOf(bot);
    if (bundle.provider !== undefined)
      throw new FlockError('usage', `a test post goes to X, and this key is for ${bundle.provider}`);
    if (text.trim() === '' || !fitsInPost(text))
      throw new FlockError('usage', 'that is empty, or too long for one post');
    const poem = await this.#poemOf(bot);
    const lines = poem ? splitPoem(await readPoem(poem.file), 'line') : [];
    // The line would become a duplicate.
    if (lines.some((line) => line.text.trim() === text.trim())) {
      throw new FlockError('usage', 'that is a line of the poem, which flockd posts itself', {
        hint: 'choose another text',
      });
    }
    const posted = await this.#options.context.openAccount(bundle).post(text);
    if ('ok' in posted) return good('Posted', `“${text}” is on the account, as ${posted.ok}.`);
    throw new FlockError('partly', `it was not posted, as far as is known: ${posted.failure.reason}`, {
      hint: 'look at the account before you try again',
    });
  }

  async revoke(bot: BotName): Promise<Message> {
    const { keys } = this.#options.context;
    const { bundle, provider, client } = await this.#keyOf(bot);
    await keys.prepare();
    const ended = await client.revoke(bundle.accessToken);
    await keys.remove(bot);
    const { title, revokedAt } = provider;
    const where = revokedAt === undefined ? '' : ` Look there as the account, too: ${revokedAt}.`;
    return ended === 'by hand'
      ? good(`The bundle of ${bot} is removed`, `${title} has no call that ends a key.${where}`)
      : good(`The key of ${bot} has ended`, `Its bundle is removed.${where}`);
  }

  /** A bot's bundle, and a client of its provider. @throws {FlockError} `data` if there is no valid bundle */
  async #keyOf(bot: BotName): Promise<{ bundle: KeyBundle; provider: Provider; client: OAuth1Client }> {
    const { context } = this.#options;
    const bundle = await context.keys.readIfThere(bot);
    if (!bundle) throw new FlockError('data', `${bot} has no key`, { hint: 'authorize it first' });
    const provider = context.provider(bundle.provider ?? 'x', (await this.#flockFile()).providers);
    return { bundle, provider, client: context.oauth(provider, bundle.appKeys) };
  }

  /** Read each time, so that a correction takes effect at once. */
  #flockFile(): Promise<FlockFile> {
    return readFlockFile(this.#options.context.paths.flockFile);
  }

  /** @throws {FlockError} `data` if several poems have the bot's name */
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

async function keyOf(reading: Promise<KeyBundle | undefined>): Promise<Card['key']> {
  const bundle = await attemptAsync(reading);
  if (bundle instanceof FlockError) return asBad(bundle);
  return bundle ? { state: 'good', bundle } : { state: 'none' };
}

const asBad = ({ message, hint }: FlockError): Card['key'] => ({ state: 'bad', why: message, hint });

async function shownPoem({ file }: PoemFile): Promise<Card['poem']> {
  const text = await attemptAsync(readPoem(file));
  if (text instanceof FlockError) return { file, first: text.message, lines: 0 };
  const lines = splitPoem(text, 'line');
  return { file, first: lines[0]?.text ?? 'It has no lines.', lines: lines.length };
}
