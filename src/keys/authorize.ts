import { attemptAsync, FlockError } from '../errors.ts';
import type { Account, Grant } from '../oauth/client.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { accountKey } from '../networks/networks.ts';
import type { KeyStore } from './store.ts';
import { type Expected, isSamePlace, judgeAccount, titleOf } from './right-account.ts';

/*
 * Makes a bot's key: authorizes, checks the account, and stores the bundle.
 */

/** What is known of a bot's new key before it is granted. */
export interface NewKey {
  bot: BotName;
  /** The poem's path for the bundle. */
  poemFile: string | undefined;
  /** What names the bot's account. An old key of another provider, or of another server of Mastodon, does not count. */
  expected: Expected & { old?: Pick<BotKey, 'provider' | 'server'> | undefined };
  keys: KeyStore;
  /** The bot of each account that has a bundle, by {@link accountKey}. The new bundle is added. */
  owners: Map<string, BotName>;
  /** How the person gets another link, if none follows by itself: `run keymaker reauth howl`. */
  again?: string | undefined;
}

export interface MakeKeyOptions extends NewKey {
  /** Gets an access token; undefined if the person skips the bot. Called again after {@link retries}. */
  flow: () => Promise<Grant | undefined>;
  /** Asks the person whether this is the bot's account, if nothing else names it. */
  confirm: (account: Account) => Promise<boolean>;
  /** Whether `flow` runs again after an account was refused, which the person has to be told. By default it does not. */
  retries?: (refusal: AccountRefused) => boolean;
}

/** A stored key. */
export interface MadeKey {
  file: string;
  account: Account;
}

/** The authorized account is not the bot's. Nothing was changed. */
export class AccountRefused extends FlockError {
  /** The account to sign in as. */
  readonly wanted: string;
  /** Whether the person said so. */
  readonly isDeclined: boolean;

  constructor(
    { bot, again = 'open the next link' }: NewKey,
    { provider }: Grant,
    why: string,
    options: { wanted?: string; isDeclined?: boolean } = {},
  ) {
    const { wanted = `the account of ${bot}`, isDeclined = false } = options;
    const signIn = `sign out in the browser, ${again}, and sign in as ${wanted}`;
    super('partly', `${bot}: ${why}; nothing was changed`, {
      hint: provider === 'bluesky' ? `${again}, with an app password of ${wanted}` : signIn,
    });
    this.wanted = wanted;
    this.isDeclined = isDeclined;
  }
}

/** The maximum number of refused accounts: more come from a broken script, not from a person. */
const maxTries = 5;

/**
 * Makes one bot's key: authorizes, checks the account, stores the bundle. Nothing is written before the last step.
 *
 * @throws {AccountRefused} if the authorized account is not the bot's or is another bot's
 * @throws {FlockError} `cannotCreate` if the bundle cannot be stored; and what `flow` throws
 */
export async function makeKey(options: MakeKeyOptions): Promise<MadeKey | undefined> {
  const { bot, keys, flow, retries } = options;
  await keys.prepare(bot);
  for (let tries = 1; ; tries++) {
    const grant = await flow();
    if (!grant) return undefined;
    const made = await attemptAsync(judgeAndStore(grant, options));
    if (!(made instanceof FlockError)) return made;
    if (!(made instanceof AccountRefused) || tries === maxTries || retries?.(made) !== true) throw made;
  }
}

async function judgeAndStore(grant: Grant, options: MakeKeyOptions): Promise<MadeKey> {
  const { account } = grant;
  const verdict = judgeGrant(grant, options);
  const accepts = verdict === 'ask' ? () => options.confirm(account) : undefined;
  const made = await storeGrant(grant, options, accepts);
  if (made) return made;
  const why = `you said that @${account.screenName} is not its account`;
  throw new AccountRefused(options, grant, why, { isDeclined: true });
}

/**
 * Whether a grant may be stored, or only after a person confirms that its account is the bot's.
 *
 * @throws {AccountRefused} if its account is not the bot's, or is another bot's
 */
export function judgeGrant(grant: Grant, key: NewKey): 'right' | 'ask' {
  const { account } = grant;
  const { old, ...others } = key.expected;
  const expected = isSamePlace(old, grant) ? key.expected : others;
  const verdict = judgeAccount(key.bot, account, expected);
  if (verdict === 'wrong') {
    const wanted = titleOf(expected, account);
    const who = `@${account.screenName} (id ${account.userId})`;
    throw new AccountRefused(key, grant, `you authorized ${who}, but this bot is ${wanted}`, { wanted });
  }
  mustBeFree(grant, key);
  return verdict;
}

/** @throws {AccountRefused} if another bot has the account */
function mustBeFree(grant: Grant, key: NewKey): void {
  const { userId, screenName } = grant.account;
  const owner = key.owners.get(accountKey(userId, grant));
  if (owner === undefined || owner === key.bot) return;
  const why = `you authorized @${screenName}, which is the account of ${owner} already`;
  throw new AccountRefused(key, grant, why);
}

/**
 * Stores a grant whose account {@link judgeGrant} or `accepts` has accepted. The account is reserved for the bot meanwhile, since
 * several keys may be made at the same time.
 *
 * @returns undefined if it was not accepted
 * @throws {FlockError} as {@link makeKey}
 */
export async function storeGrant(
  grant: Grant,
  key: NewKey,
  accepts?: () => Promise<boolean>,
): Promise<MadeKey | undefined> {
  mustBeFree(grant, key);
  const { bot, poemFile, owners, keys } = key;
  const { account, ...granted } = grant;
  const id = accountKey(account.userId, grant);
  const isNew = !owners.has(id);
  owners.set(id, bot);
  let file: string | undefined;
  try {
    if (accepts && !(await accepts())) return undefined;
    file = await keys.write(bot, { ...granted, ...account, poemFile });
    return { file, account };
  } finally {
    if (isNew && file === undefined) owners.delete(id);
  }
}
