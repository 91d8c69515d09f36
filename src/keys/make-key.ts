import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import type { Account, Grant } from '../oauth/oauth-answer.ts';
import { accountKey, type KeyBundle } from './key-bundle.ts';
import type { KeyStore } from './key-store.ts';
import type { TokenPair } from './token-pair.ts';

/** The account a bot is meant to have, as far as it is known. */
export interface Expected {
  userId?: string | undefined;
  screenName?: string | undefined;
}

/** An old key of the bot says who it is, unless flock.json says otherwise. */
export const expectedOf = (account: string | undefined, old: KeyBundle | undefined): Expected =>
  account === undefined ? { userId: old?.userId, screenName: old?.screenName } : { screenName: account };

export interface MakeKeyOptions {
  bot: BotName;
  appKeys: TokenPair;
  /** The poem's path as the bundle is to have it. */
  poemFile: string | undefined;
  expected: Expected;
  keys: KeyStore;
  /** The id of the provider, where that is not X. */
  provider?: string | undefined;
  /** The bots whose bundles are for an account, by its {@link accountKey}. The new bundle is added. */
  owners: Map<string, BotName>;
  /** Asks a person whether this is the account, where nothing else says which it is to be. */
  confirm?: ((account: Account) => Promise<boolean>) | undefined;
  /** Gets an access token; undefined where the person would rather skip the bot. */
  flow: () => Promise<Grant | undefined>;
  /** How the person gets another link, where one does not follow by itself: `run keymaker reauth howl again`. */
  again?: string;
}

/** Where a new bundle is, and whose it is. */
export interface MadeKey {
  file: string;
  account: Account;
}

/**
 * Makes one bot's key: authorizes, checks whose account it is, stores the bundle. Until the very end nothing is written.
 *
 * @throws {FlockError} `partly` where another account than the expected one, or another bot's, was authorized, `cannotCreate` where the
 * bundle cannot be stored, and whatever the flow throws
 */
export async function makeKey(options: MakeKeyOptions): Promise<MadeKey | undefined> {
  const { bot, appKeys, poemFile, provider, expected, keys, owners, confirm, flow } = options;
  const again = `sign out in the browser, ${options.again ?? 'open the next link'}, and sign in as`;
  await keys.prepare(bot);
  const grant = await flow();
  if (!grant) return undefined;
  const { account, accessToken } = grant;
  if (!isExpected(account, expected)) throw wrongAccount(bot, account, expected, again);
  const claimed = claim(accountKey(account.userId, provider), bot, owners);
  if (!claimed) throw takenAccount(bot, account, owners.get(accountKey(account.userId, provider)), again);
  try {
    if (isUnknown(expected) && confirm && !(await confirm(account)))
      throw refusedAccount(bot, account, again);
    const file = await keys.write(bot, { appKeys, accessToken, ...account, poemFile, provider });
    return { file, account };
  } catch (error) {
    claimed.giveBack();
    throw error;
  }
}

/** Takes an account for a bot before anything is awaited, as several keys may be under way; undefined where another has it. */
function claim(
  account: string,
  bot: BotName,
  owners: Map<string, BotName>,
): { giveBack: () => void } | undefined {
  const owner = owners.get(account);
  if (owner !== undefined && owner !== bot) return undefined;
  owners.set(account, bot);
  return {
    giveBack() {
      if (owner === undefined) owners.delete(account);
    },
  };
}

const isUnknown = ({ userId, screenName }: Expected): boolean =>
  userId === undefined && screenName === undefined;

/** An id settles it; a screen name may be changed by its owner, so it counts only where there is no id. */
function isExpected(account: Account, { userId, screenName }: Expected): boolean {
  if (userId !== undefined) return account.userId === userId;
  return screenName === undefined || account.screenName.toLowerCase() === screenName.toLowerCase();
}

function wrongAccount(
  bot: BotName,
  account: Account,
  { userId, screenName }: Expected,
  again: string,
): FlockError {
  const wanted = screenName === undefined ? `the account ${userId ?? ''}` : `@${screenName}`;
  return new FlockError(
    'partly',
    `${bot}: you authorized @${account.screenName} (id ${account.userId}), but this bot is ${wanted}; nothing was changed`,
    { hint: `${again} ${wanted}` },
  );
}

const refusedAccount = (bot: BotName, { screenName }: Account, again: string): FlockError =>
  new FlockError('partly', `${bot}: @${screenName} is not its account, you say; nothing was changed`, {
    hint: `${again} the account of ${bot}`,
  });

const takenAccount = (
  bot: BotName,
  { screenName }: Account,
  owner: string | undefined,
  again: string,
): FlockError =>
  new FlockError(
    'partly',
    `${bot}: you authorized @${screenName}, which is ${owner ?? ''} already; nothing was changed`,
    { hint: `${again} the account of ${bot}` },
  );
