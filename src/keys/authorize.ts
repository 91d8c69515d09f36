import path from 'node:path';
import fse from 'fs-extra';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, replaceFile } from '../fs.ts';
import type { Account, Grant } from '../oauth/client.ts';
import { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { accountKey } from './bundle.ts';
import { readPrivateFile } from './private-file.ts';
import { type Expected, judgeAccount, titleOf } from './right-account.ts';
import type { KeyStore } from './store.ts';

/** Everything about a bot's new key but the access token. */
export interface NewKey {
  bot: BotName;
  appKeys: TokenPair;
  /** The poem's path as the bundle is to have it. */
  poemFile: string | undefined;
  /** What says whose account it must be. A key so far that is for another provider says nothing. */
  expected: Expected & { old?: { provider?: string | undefined } | undefined };
  keys: KeyStore;
  /** The id of the provider, where that is not X. */
  provider?: string | undefined;
  /** The bots whose bundles are for an account, by its {@link accountKey}. The new bundle is added. */
  owners: Map<string, BotName>;
  /** How the person gets another link, where one does not follow by itself: `run keymaker reauth howl`. */
  again?: string | undefined;
}

export interface MakeKeyOptions extends NewKey {
  /** Gets an access token; undefined where the person would rather skip the bot. Called again after a "no". */
  flow: () => Promise<Grant | undefined>;
  /** Asks a person whether this is the account, where nothing else says which it is to be. */
  confirm: (account: Account) => Promise<boolean>;
  /** Told of a "no", before the flow begins anew; where it is missing, a "no" is the end. */
  declined?: ((account: Account) => void) | undefined;
}

/** Where a new bundle is, and whose it is. */
export interface MadeKey {
  file: string;
  account: Account;
}

/** A person who says no this often in a row is a script gone wrong. */
const maxTries = 5;

/**
 * Makes one bot's key: authorizes, checks whose account it is, stores the bundle. Until the very end nothing is written.
 *
 * @throws {FlockError} `partly` where another account than the bot's, or another bot's, was authorized; `cannotCreate` where the
 * bundle cannot be stored; and whatever the flow throws
 */
export async function makeKey(options: MakeKeyOptions): Promise<MadeKey | undefined> {
  const { bot, keys, flow, confirm, declined } = options;
  await keys.prepare(bot);
  for (let tries = 1; ; tries++) {
    const grant = await flow();
    if (!grant) return undefined;
    const verdict = judgeGrant(grant, options);
    // Before anything is awaited, since several keys may be under way.
    const claim = claimFor(grant, options);
    try {
      if (verdict === 'right' || (await confirm(grant.account))) return await write(grant, options);
    } catch (error) {
      claim.giveBack();
      throw error;
    }
    claim.giveBack();
    if (!declined || tries === maxTries) throw refusedAccount(options, grant.account);
    declined(grant.account);
  }
}

/**
 * Whether a grant may be stored as it is, or only once a person has said that its account is the bot's.
 *
 * @throws {FlockError} `partly` where its account is another than the bot's
 */
export function judgeGrant({ account }: Grant, key: NewKey): 'right' | 'ask' {
  const { old, ...others } = key.expected;
  const expected = old?.provider === key.provider ? key.expected : others;
  const verdict = judgeAccount(key.bot, account, expected);
  if (verdict === 'wrong') throw wrongAccount(key, account);
  const owner = ownerOf(account, key);
  if (owner !== undefined) throw takenAccount(key, account, owner);
  return verdict;
}

/**
 * Stores a grant whose account is the bot's, as {@link judgeGrant} or a person said.
 *
 * @throws {FlockError} as {@link makeKey}
 */
export async function storeGrant(grant: Grant, key: NewKey): Promise<MadeKey> {
  const claim = claimFor(grant, key);
  try {
    return await write(grant, key);
  } catch (error) {
    claim.giveBack();
    throw error;
  }
}

async function write(
  { account, accessToken }: Grant,
  { bot, appKeys, poemFile, provider, keys }: NewKey,
): Promise<MadeKey> {
  const file = await keys.write(bot, { appKeys, accessToken, ...account, poemFile, provider });
  return { file, account };
}

/** Another bot that has the account. */
function ownerOf({ userId }: Account, { bot, provider, owners }: NewKey): BotName | undefined {
  const owner = owners.get(accountKey(userId, provider));
  return owner === bot ? undefined : owner;
}

/** Takes the account for the bot. @throws {FlockError} `partly` where another has it */
function claimFor({ account }: Grant, key: NewKey): { giveBack: () => void } {
  const owner = ownerOf(account, key);
  if (owner !== undefined) throw takenAccount(key, account, owner);
  const { bot, owners, provider } = key;
  const id = accountKey(account.userId, provider);
  const isNew = !owners.has(id);
  owners.set(id, bot);
  return {
    giveBack() {
      if (isNew) owners.delete(id);
    },
  };
}

/** @param as - whom to sign in as */
const signInAgain = ({ again = 'open the next link' }: NewKey, as: string): string =>
  `sign out in the browser, ${again}, and sign in as ${as}`;

function wrongAccount(key: NewKey, account: Account): FlockError {
  const { bot, expected } = key;
  const wanted = titleOf(expected, account);
  return new FlockError(
    'partly',
    `${bot}: you authorized @${account.screenName} (id ${account.userId}), but this bot is ${wanted}; nothing was changed`,
    { hint: signInAgain(key, wanted) },
  );
}

const refusedAccount = (key: NewKey, { screenName }: Account): FlockError =>
  new FlockError('partly', `${key.bot}: @${screenName} is not its account, you say; nothing was changed`, {
    hint: signInAgain(key, `the account of ${key.bot}`),
  });

const takenAccount = (key: NewKey, { screenName }: Account, owner: BotName): FlockError =>
  new FlockError(
    'partly',
    `${key.bot}: you authorized @${screenName}, which is the account of ${owner} already; nothing was changed`,
    { hint: signInAgain(key, `the account of ${key.bot}`) },
  );

/** An authorization that was begun and waits for its PIN. */
export interface Pending {
  /** The provider's id. */
  provider: string;
  requestToken: TokenPair;
  /** From when on the provider will not know it any more. Milliseconds since 1970. */
  expires: number;
  /** The poem's path as the bundle is to have it. */
  poemFile: string | undefined;
}

const stored = z.object({
  provider: z.string(),
  oauth_token: z.string().min(1),
  oauth_token_secret: z.string().min(1),
  expires: z.iso.datetime(),
  poem_file: z.string().optional(),
});

const maxSize = 64 * 1024;

/** What is pending in a keys folder: `.<bot>.pending`, 0600, one for each bot, which no program takes for a bundle. */
export class PendingStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #fileOf(bot: BotName): string {
    return path.join(this.#folder, `.${bot}.pending`);
  }

  /** @throws {FlockError} `cannotCreate` where the folder cannot be written */
  async write(bot: BotName, { provider, requestToken, expires, poemFile }: Pending): Promise<void> {
    const { token, secret } = requestToken.reveal();
    const fields = {
      provider,
      oauth_token: token,
      oauth_token_secret: secret,
      expires: new Date(expires).toISOString(),
      poem_file: poemFile,
    };
    try {
      await replaceFile(this.#fileOf(bot), `${JSON.stringify(fields)}\n`);
    } catch (cause) {
      throw new FlockError('cannotCreate', `cannot write ${this.#fileOf(bot)}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  /** @returns what is pending for a bot, or undefined; what cannot be read is as good as nothing */
  async read(bot: BotName): Promise<Pending | undefined> {
    const found = stored.safeParse(parseQuietly(await this.#text(bot)));
    if (!found.success) return undefined;
    const { provider, oauth_token, oauth_token_secret, expires, poem_file } = found.data;
    return {
      provider,
      requestToken: new TokenPair(oauth_token, oauth_token_secret),
      expires: Date.parse(expires),
      poemFile: poem_file,
    };
  }

  /** Forgets what is pending for a bot: a request token is good for one try. */
  async remove(bot: BotName): Promise<void> {
    await fse.remove(this.#fileOf(bot));
  }

  async #text(bot: BotName): Promise<string> {
    try {
      return (await readPrivateFile({ file: this.#fileOf(bot), largest: maxSize })).toString('utf8');
    } catch (cause) {
      if (cause instanceof FlockError) throw cause;
      if (systemCode(cause) === 'ENOENT') return '';
      throw new FlockError('data', `cannot read ${this.#fileOf(bot)}: ${reasonOf(cause)}`, { cause });
    }
  }
}

/** JSON without the parser's message, which quotes the text and so could print a secret. */
function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
