import { FlockError } from '../errors.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';

/*
 * The promise "never as the wrong account": whether an account is the bot's, before a key is stored and before a bot posts.
 */

/** What is known of an account. Its id never changes; its name may. */
interface KnownAccount {
  userId?: string | undefined;
  screenName?: string | undefined;
}

/** What names the account that a bot must have, before its key is stored. */
export interface Expected {
  /** The name in flock.json or in `--account`. */
  named?: string | undefined;
  /** The account of the bot's old key at the same provider. */
  old?: KnownAccount | undefined;
  /** The name that a person typed together with the password (xAuth). */
  typed?: string | undefined;
}

/** Whether the accounts of two keys can be compared: ids are of a provider, and at Mastodon of one server. */
export const isSamePlace = (
  a: Pick<BotKey, 'provider' | 'server'> | undefined,
  b: Pick<BotKey, 'provider' | 'server'>,
): boolean => a?.provider === b.provider && (b.provider !== 'mastodon' || a?.server === b.server);

/** `ask`: nothing names the account, so a person must confirm it. */
export type Verdict = 'right' | 'wrong' | 'ask';

/**
 * Whether an account is the one that a bot must have. The old key's id decides. A name decides if there is no id, or if
 * flock.json names another account than the old key's.
 */
export function judgeAccount(bot: BotName, account: KnownAccount, expected: Expected): Verdict {
  const { named, old, typed } = expected;
  const isOld = isSame(account.userId, old?.userId);
  if (named !== undefined) {
    const meansOld = isSameName(named, old?.screenName) === true;
    return verdictOf(
      meansOld ? (isOld ?? isSameName(account.screenName, named)) : isSameName(account.screenName, named),
    );
  }
  const isKnown = isOld ?? isSameName(account.screenName, old?.screenName);
  if (isKnown !== undefined) return verdictOf(isKnown);
  const { screenName } = account;
  return isSameName(screenName, typed) === true || isNamedFor(screenName, bot) ? 'right' : 'ask';
}

const verdictOf = (isRight: boolean | undefined): Verdict =>
  isRight === undefined ? 'ask' : isRight ? 'right' : 'wrong';

const isSame = (a: string | undefined, b: string | undefined): boolean | undefined =>
  a === undefined || b === undefined ? undefined : a === b;

/**
 * Whether two screen names are equal; undefined if one of them is not known. A name with its host, as at Mastodon, equals the
 * same without: the server is known then.
 */
export function isSameName(a: string | undefined, b: string | undefined): boolean | undefined {
  const [one, other] = [a?.toLowerCase(), b?.toLowerCase()];
  if (one === undefined || other === undefined || one.includes('@') === other.includes('@'))
    return isSame(one, other);
  return isSame(one.replace(/@.*/, ''), other.replace(/@.*/, ''));
}

/**
 * Whether the names differ only by case, `_` and `-`: `Long_Breath` is the account of `long-breath`. Of `name@host` the name
 * counts, and of a handle such as `name.bsky.social` its first part.
 */
function isNamedFor(screenName: string | undefined, bot: BotName): boolean {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');
  const name = (screenName ?? '').replace(screenName?.includes('@') === true ? /@.*/ : /\..*/, '');
  return plain(name) !== '' && plain(name) === plain(bot);
}

/** The screen name to sign in as, if it is known. */
export const expectedName = ({ named, old }: Expected): string | undefined => named ?? old?.screenName;

/** The expected account, as a message names it beside the authorized one. */
export function titleOf({ named, old }: Expected, authorized: KnownAccount): string {
  const name = named ?? old?.screenName;
  if (name === undefined) return `the account ${old?.userId ?? ''}`;
  // Another account may have taken over the name; then the id tells them apart.
  const isTakenOver = isSameName(name, authorized.screenName) === true && old?.userId !== undefined;
  return isTakenOver ? `@${name} with the id ${old.userId}` : `@${name}`;
}

/** A bot that is about to post, with its key if it has one. */
interface BotWithKey {
  name: string;
  bundle?: Pick<BotKey, 'userId' | 'screenName'> | undefined;
  settings: { account: string | undefined };
}

/** Why a key is not for the account that a bot has posted as, or undefined where it is, or where one of them is not known. */
export const otherAccountThan = (
  bot: string,
  posted: string | undefined,
  own: string | undefined,
): string | undefined =>
  isSame(own, posted) === false
    ? `${bot} has posted as the account ${posted ?? ''}, but its key is for ${own ?? ''}`
    : undefined;

/**
 * Why a bot must not post with its key, or undefined if it may. The account that it has posted as is its account, under any
 * name; before its first post, the name in flock.json decides.
 *
 * @param posted - the id of the account of its posts, from the ledger
 */
export function accountFault(
  { name, bundle, settings: { account } }: BotWithKey,
  posted: string | undefined,
): FlockError | undefined {
  const other = otherAccountThan(name, posted, bundle?.userId);
  if (other !== undefined) {
    const hint =
      'is this the state folder of another flock? otherwise make the key again with the right account; if the account moved: keymaker help networks';
    return new FlockError('data', other, { hint });
  }
  if (isSame(bundle?.userId, posted) === true || isSameName(bundle?.screenName, account) !== false)
    return undefined;
  return new FlockError(
    'data',
    `${name}: its key is for @${bundle?.screenName ?? ''}, but flock.json says @${account ?? ''}`,
    {
      hint: `correct flock.json; if the account was renamed, keymaker reauth ${name} stores its new name; for another account: keymaker make-keys ./poems --bot=${name} --force`,
    },
  );
}

/** @throws {FlockError} `data` as {@link accountFault} */
export function mustBeItsAccount(bot: BotWithKey, posted: string | undefined): void {
  const fault = accountFault(bot, posted);
  if (fault) throw fault;
}
