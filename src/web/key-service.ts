import path from 'node:path';
import { type FlockFile, readFlockFile } from '../config/flock-file.ts';
import type { Context } from '../context.ts';
import { attemptAsync, FlockError } from '../errors.ts';
import { knownBots } from '../flock/load.ts';
import { judgeGrant, type NewKey, storeGrant } from '../keys/authorize.ts';
import type { KeyBundle, ListedBundle } from '../keys/store.ts';
import { expectedName } from '../keys/right-account.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import {
  fileMark,
  findPoemsIfThere,
  type FoundPoems,
  passedOverShown,
  type PoemFile,
  poemFileIn,
  readPoem,
} from '../poems/find.ts';
import { linesOf, splitPoem } from '../poems/poem.ts';
import { fitsInPost, rulesOfX } from '../poems/tweet-text.ts';
import { good, type Message } from './layout.ts';

type Provider = ReturnType<Context['provider']>;
type OAuth1Client = ReturnType<Context['oauth']>;

/** A bot with its poem and its key, as the pages show them. */
export interface Card {
  bot: BotName;
  /** Undefined if a key has no poem in the folder, or the poem cannot be posted. */
  poem: { file: string; title: string; first: string; lines: number } | undefined;
  key: { state: 'none' } | ({ state: 'good' } & ShownKey) | ({ state: 'bad' } & Fault);
  /** The screen name that the bot's account must have, if it is known. */
  expected: string | undefined;
  /** Why no key can be made for the bot now. */
  fault: Fault | undefined;
}

type ShownKey = Pick<KeyBundle, 'screenName' | 'userId' | 'provider'>;

interface Fault {
  why: string;
  hint: string | undefined;
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
  readonly #poemsSeen = new FileCache<NonNullable<Card['poem']>>();
  readonly #keysSeen = new FileCache<ShownKey>();

  constructor(options: KeyServiceOptions) {
    this.#options = options;
    this.#client = options.context.oauth(options.provider, options.appKeys);
  }

  /**
   * All bots by name, and the files that no bot reads.
   *
   * @throws {FlockError} if the poems folder, the keys folder or flock.json cannot be read
   */
  async flock(): Promise<{ cards: Card[]; passedOver: FoundPoems['passedOver'] }> {
    const flockFile = await this.#flockFile();
    const { poems, clashes, passedOver } = await this.#poems();
    const found = new Map(poems.map((poem) => [poem.bot, poem.file]));
    const clashOf = new Map(clashes.map((clash) => [clash.bot, clash.error]));
    const listed = new Map((await this.#options.context.keys.list()).map((bundle) => [bundle.bot, bundle]));
    const bots = new Set([...found.keys(), ...clashOf.keys(), ...listed.keys()]);
    const cards = [...bots].sort().map(async (bot): Promise<Card> => {
      const file = found.get(bot);
      const poem = file === undefined ? undefined : await attemptAsync(this.#poemsSeen.read(file, shownPoem));
      const settingsFault = clashOf.get(bot) ?? flockFile.faultOf(bot);
      const fault = settingsFault ?? (poem instanceof FlockError ? poem : undefined);
      return {
        bot,
        poem: poem instanceof FlockError ? undefined : poem,
        key: await this.#shownKeyOf(listed.get(bot)),
        expected: settingsFault ? undefined : flockFile.settingsOf(bot).account,
        fault: fault && asFault(fault),
      };
    });
    return { cards: await Promise.all(cards), passedOver: passedOverShown(passedOver) };
  }

  async #shownKeyOf(listed: ListedBundle | undefined): Promise<Card['key']> {
    if (!listed) return { state: 'none' };
    const read = (): Promise<KeyBundle> => this.#options.context.keys.readListed(listed);
    const isAlone = !listed.hasSibling && listed.rival === undefined;
    const key = await attemptAsync(
      isAlone ? this.#keysSeen.read(listed.file, () => read().then(shownKey)) : read(),
    );
    return key instanceof FlockError
      ? { state: 'bad', ...asFault(key) }
      : { state: 'good', ...shownKey(key) };
  }

  /**
   * Asks for a link that authorizes a bot.
   *
   * @param callback - where the provider redirects the browser
   * @throws {FlockError} `data` if its poem has nothing to post
   */
  async begin(bot: BotName, callback: string): Promise<{ requestToken: TokenPair; link: string }> {
    await this.#options.context.keys.prepare(bot);
    const poem = await this.#poemOf(bot);
    if (poem) await linesOf(poem.file, { unit: 'line', rules: rulesOfX }, readPoem);
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
    const lines = poem ? splitPoem(await readPoem(poem.file), { unit: 'line', rules: rulesOfX }) : [];
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
    return findPoemsIfThere(poems, knownBots(context.paths.root, context.keys));
  }
}

/** What was read from files. A file is read again when it changes; an error is not kept. */
class FileCache<T> {
  readonly #kept = new Map<string, { mark: string; value: T }>();

  async read(file: string, read: (file: string) => Promise<T>): Promise<T> {
    const mark = fileMark(file);
    const known = this.#kept.get(file);
    if (known && known.mark === mark) return known.value;
    const value = await read(file);
    if (mark !== undefined) this.#kept.set(file, { mark, value });
    return value;
  }
}

const asFault = ({ message, hint }: FlockError): Fault => ({ why: message, hint });

const shownKey = ({ screenName, userId, provider }: ShownKey): ShownKey => ({ screenName, userId, provider });

async function shownPoem(file: string): Promise<NonNullable<Card['poem']>> {
  const lines = await linesOf(file, { unit: 'line', rules: rulesOfX }, readPoem);
  const title = path.basename(file, path.extname(file));
  return { file, title, first: lines[0]?.text ?? '', lines: lines.length };
}
