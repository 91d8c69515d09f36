import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import type { Account } from '../oauth/oauth-answer.ts';
import type { Grant } from '../oauth/pin-flow.ts';
import type { KeyStore } from './key-store.ts';
import type { TokenPair } from './token-pair.ts';

/** The account a bot is meant to have, as far as it is known. */
export interface Expected {
  userId?: string | undefined;
  screenName?: string | undefined;
}

export interface MakeKeyOptions {
  bot: BotName;
  appKeys: TokenPair;
  /** The poem's path as the bundle is to have it. */
  poemFile: string | undefined;
  expected: Expected;
  keys: KeyStore;
  /** The bots whose bundles are for an account, by its id. The new bundle is added. */
  owners: Map<string, BotName>;
  /** Gets an access token; undefined where the person would rather skip the bot. */
  flow: () => Promise<Grant | undefined>;
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
  const { bot, appKeys, poemFile, expected, keys, owners, flow } = options;
  await keys.prepare();
  const grant = await flow();
  if (!grant) return undefined;
  const { account, accessToken } = grant;
  if (!isExpected(account, expected)) throw wrongAccount(bot, account, expected);
  const owner = owners.get(account.userId);
  if (owner !== undefined && owner !== bot) throw takenAccount(bot, account, owner);
  const bundle = { appKeys, accessToken, ...account, poemFile };
  const file = await keys.write(bot, bundle);
  owners.set(account.userId, bot);
  return { file, account };
}

/** An id settles it; a screen name may be changed by its owner, so it counts only where there is no id. */
function isExpected(account: Account, { userId, screenName }: Expected): boolean {
  if (userId !== undefined) return account.userId === userId;
  return screenName === undefined || account.screenName.toLowerCase() === screenName.toLowerCase();
}

function wrongAccount(bot: BotName, account: Account, { userId, screenName }: Expected): FlockError {
  const wanted = screenName === undefined ? `the account ${userId ?? ''}` : `@${screenName}`;
  return new FlockError(
    'partly',
    `${bot}: you authorized @${account.screenName} (id ${account.userId}), but this bot is ${wanted}; nothing was changed`,
    { hint: `sign out of X in the browser, open the next link, and sign in as ${wanted}` },
  );
}

function takenAccount(bot: BotName, { screenName }: Account, owner: BotName): FlockError {
  return new FlockError('partly', `${bot}: you authorized @${screenName}, which is ${owner} already; nothing was changed`, {
    hint: `sign out of X in the browser, open the next link, and sign in as the account of ${bot}`,
  });
}
