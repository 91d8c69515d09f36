import path from 'node:path';
import { type FlockFile, readFlockFile } from '../config/flock-file.ts';
import type { Context } from '../context.ts';
import { attempt, attemptAsync, FlockError } from '../errors.ts';
import { knownBots } from '../flock/load.ts';
import { judgeGrant, type NewKey, storeGrant } from '../keys/authorize.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import type { ListedBundle } from '../keys/store.ts';
import { credentialsFrom, type Issuer, type LinkIssuer } from '../keys/issuers.ts';
import { expectedName } from '../keys/right-account.ts';
import { networkOf } from '../networks/networks.ts';
import type { Grant } from '../oauth/client.ts';
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
import { rulesOfX } from '../poems/tweet-text.ts';
import { good, type Message } from './layout.ts';

/** A bot with its poem and its key, as the pages show them. */
export interface Card {
  bot: BotName;
  /** Undefined if a key has no poem in the folder, or the poem cannot be posted. */
  poem: { file: string; title: string; first: string; lines: number } | undefined;
  key: { state: 'none' } | ({ state: 'good' } & ShownKey) | ({ state: 'bad' } & Fault);
  /** The screen name that the bot's account must have, if it is known. */
  expected: string | undefined;
  /** Who gives its key; undefined if that is not known. */
  issuer: Pick<Issuer, 'id' | 'title' | 'by'> | undefined;
  /** Why no key can be made for the bot now. */
  fault: Fault | undefined;
}

type ShownKey = Pick<KeyBundle, 'screenName' | 'userId' | 'provider' | 'server'>;

interface Fault {
  why: string;
  hint: string | undefined;
}

/** A granted key whose account a person has not confirmed. It is in memory only. */
export interface UnconfirmedKey {
  bot: BotName;
  /** The screen name of the account. */
  account: string;
  /** Who gave it, for people. */
  issuer: string;
  store: () => Promise<Message>;
}

interface KeyServiceOptions {
  context: Context;
  /** Who gives the keys of bots, by these settings. `of` throws a FlockError where that is not known, or app keys are missing. */
  issuers: (flockFile: FlockFile) => { of: (bot: BotName, old: ShownKey | undefined) => Issuer };
  /** The folder of the poems. */
  poems: string;
}

/**
 * Posts a text of a person's own with a new key.
 *
 * @throws {FlockError} `usage` if the key is for a provider that is no network of flockd
 */
export function postNow(
  { openAccount, clock }: Pick<Context, 'openAccount' | 'clock'>,
  bundle: KeyBundle,
  text: string,
): ReturnType<ReturnType<Context['openAccount']>['post']> {
  const network = networkOf(bundle);
  if (!network)
    throw new FlockError('usage', `the key is for ${bundle.provider ?? ''}, and flockd does not post there`);
  return openAccount(bundle).post(text, { mark: network.newMark?.(clock.now(), undefined) });
}

/** What a person can do on the page of `keymaker serve`. Methods throw a FlockError where the person can repair something. */
export class KeyService {
  readonly #options: KeyServiceOptions;
  /** The origins of the pages that authorize links lead to, for the flock as it was shown last. */
  readonly origins = new Set<string>();
  readonly #poemsSeen = new FileCache<NonNullable<Card['poem']>>();
  readonly #keysSeen = new FileCache<ShownKey>();

  constructor(options: KeyServiceOptions) {
    this.#options = options;
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
    const issuers = this.#options.issuers(flockFile);
    const cards = [...bots].sort().map(async (bot): Promise<Card> => {
      const file = found.get(bot);
      const poem = file === undefined ? undefined : await attemptAsync(this.#poemsSeen.read(file, shownPoem));
      const settingsFault = clashOf.get(bot) ?? flockFile.faultOf(bot);
      const key = await this.#shownKeyOf(listed.get(bot));
      const chosen = settingsFault ?? attempt(() => issuers.of(bot, key.state === 'good' ? key : undefined));
      const issuer = chosen instanceof FlockError ? undefined : chosen;
      if (issuer?.by === 'link') this.origins.add(issuer.origin);
      const fault = chosen instanceof FlockError ? chosen : poem instanceof FlockError ? poem : undefined;
      return {
        bot,
        poem: poem instanceof FlockError ? undefined : poem,
        key,
        issuer,
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

  /** Who gives a bot's key. @throws {FlockError} `data` if its poem has nothing to post; and as the issuers do */
  async issuerOf(bot: BotName): Promise<Issuer> {
    const { keys } = this.#options.context;
    await keys.prepare(bot);
    const poem = await this.#poemOf(bot);
    if (poem) await linesOf(poem.file, { unit: 'line', rules: rulesOfX }, readPoem);
    return this.#options.issuers(await this.#flockFile()).of(bot, await keys.readIfGood(bot));
  }

  /** Asks for a link that authorizes a bot. */
  async begin(
    bot: BotName,
    { client }: LinkIssuer,
    callback: string,
  ): Promise<{ requestToken: TokenPair; link: string }> {
    const { expected } = await this.#newKey(bot);
    const requestToken = await client.requestToken(callback);
    return { requestToken, link: client.authorizeUrl(requestToken, expectedName(expected)) };
  }

  /** Stores a bot's new key if its account is the bot's. If only a person can confirm that, nothing is stored yet. */
  async finish(
    bot: BotName,
    issuer: LinkIssuer,
    answer: { requestToken: TokenPair; verifier: string },
  ): Promise<Message | UnconfirmedKey> {
    const key = await this.#newKey(bot);
    const grant = await issuer.client.accessToken(answer.requestToken, answer.verifier);
    return this.#store(grant, key, issuer);
  }

  /** The same by the handle of the account and an app password. */
  async signIn(
    bot: BotName,
    issuer: Extract<Issuer, { by: 'password' }>,
    typed: { handle: string; password: string },
  ): Promise<Message | UnconfirmedKey> {
    const key = await this.#newKey(bot);
    const { handle, ...credentials } = credentialsFrom(typed, key.expected);
    const grant = await issuer.signIn(credentials);
    return this.#store(grant, { ...key, expected: { ...key.expected, typed: handle } }, issuer);
  }

  async #store(grant: Grant, key: NewKey, { title }: Issuer): Promise<Message | UnconfirmedKey> {
    const { bot } = key;
    const store = async (key: NewKey): Promise<Message> => {
      await storeGrant(grant, key);
      const text = 'Its key is stored. A flockd that runs takes it up by itself.';
      return good(`${bot} is @${grant.account.screenName}`, text);
    };
    if (judgeGrant(grant, key) === 'right') return store(key);
    return {
      bot,
      account: grant.account.screenName,
      issuer: title,
      store: async () => {
        // The person may have made other keys meanwhile.
        const keyNow = await this.#newKey(bot);
        judgeGrant(grant, keyNow);
        return store(keyNow);
      },
    };
  }

  async #newKey(bot: BotName): Promise<NewKey> {
    const { keys, paths } = this.#options.context;
    const { account: named } = (await this.#flockFile()).settingsOf(bot);
    const [old, poem] = [await keys.readIfGood(bot), await this.#poemOf(bot)];
    return {
      bot,
      poemFile: poem ? poemFileIn(paths.root, poem.file) : old?.poemFile,
      expected: { named, old },
      keys,
      owners: await keys.owners(),
      again: 'authorize the bot again',
    };
  }

  async check(bot: BotName): Promise<Message> {
    const { bundle, issuer } = await this.#keyOf(bot);
    const { userId, screenName } = await issuer.whoAmI(bundle);
    if (bundle.userId === undefined || bundle.userId === userId)
      return good(`The key of ${bot} works`, `${issuer.title} knows it as @${screenName}.`);
    throw new FlockError('data', `the key is for @${screenName}, not for the account ${bundle.userId}`, {
      hint: 'authorize the bot again, as its own account',
    });
  }

  async testPost(bot: BotName, text: string): Promise<Message> {
    const { bundle } = await this.#keyOf(bot);
    const rules = networkOf(bundle)?.rulesFor(bundle, undefined) ?? rulesOfX;
    if (text.trim() === '' || !rules.fits(text))
      throw new FlockError('usage', 'that is empty, or too long for one post');
    const poem = await this.#poemOf(bot);
    const lines = poem ? splitPoem(await readPoem(poem.file), { unit: 'line', rules }) : [];
    // The line would become a duplicate.
    if (lines.some((line) => line.text.trim() === text.trim())) {
      throw new FlockError('usage', 'that is a line of the poem, which flockd posts itself', {
        hint: 'choose another text',
      });
    }
    const posted = await postNow(this.#options.context, bundle, text);
    if ('ok' in posted) return good('Posted', `“${text}” is on the account, as ${posted.ok}.`);
    throw new FlockError('partly', `it was not posted, as far as is known: ${posted.failure.reason}`, {
      hint: 'look at the account before you try again',
    });
  }

  async revoke(bot: BotName): Promise<Message> {
    const { keys } = this.#options.context;
    const { bundle, issuer } = await this.#keyOf(bot);
    await keys.prepare();
    const ended = await issuer.revoke(bundle);
    await keys.remove(bot);
    const { title, byHand, revokedAt } = issuer;
    const where = revokedAt === undefined ? '' : ` Look there as the account, too: ${revokedAt}.`;
    return ended === 'by hand'
      ? good(`The bundle of ${bot} is removed`, `${title} ${byHand}.${where}`)
      : good(`The key of ${bot} has ended`, `Its bundle is removed.${where}`);
  }

  /** A bot's bundle, and who gave it. @throws {FlockError} `data` if there is no valid bundle */
  async #keyOf(bot: BotName): Promise<{ bundle: KeyBundle; issuer: Issuer }> {
    const { context } = this.#options;
    const bundle = await context.keys.readIfThere(bot);
    if (!bundle) throw new FlockError('data', `${bot} has no key`, { hint: 'authorize it first' });
    const { provider = 'x', server, appKeys } = bundle;
    const { providers: custom } = await this.#flockFile();
    return { bundle, issuer: context.issuer({ provider, server, appKeys, custom }) };
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

const shownKey = ({ screenName, userId, provider, server }: ShownKey): ShownKey => ({
  screenName,
  userId,
  provider,
  server,
});

async function shownPoem(file: string): Promise<NonNullable<Card['poem']>> {
  const lines = await linesOf(file, { unit: 'line', rules: rulesOfX }, readPoem);
  const title = path.basename(file, path.extname(file));
  return { file, title, first: lines[0]?.text ?? '', lines: lines.length };
}
