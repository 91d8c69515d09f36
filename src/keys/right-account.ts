import { FlockError } from '../errors.ts';
import type { BotKey } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';

/** An account as far as a key or a person says which one it is. Its id never changes; its name may. */
export interface KnownAccount {
  userId?: string | undefined;
  screenName?: string | undefined;
}

/** What says which account a bot is to have, before a key of it is stored. */
export interface Expected {
  /** The name in flock.json, or the one that was given with `--account`. */
  named?: string | undefined;
  /** The bot's key so far, at the same provider. */
  old?: KnownAccount | undefined;
  /** The name that a person typed together with its password. */
  typed?: string | undefined;
}

/** `ask`: nothing says which account is right, so a person must. */
export type Verdict = 'right' | 'wrong' | 'ask';

/**
 * Whether an account is the one that a bot is to have. The old key's id settles it; a name counts where there is no id, and
 * where flock.json names another account than the old one.
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

/** Whether two screen names are one; undefined where one of them is not known. */
export const isSameName = (a: string | undefined, b: string | undefined): boolean | undefined =>
  isSame(a?.toLowerCase(), b?.toLowerCase());

/** `Long_Breath` is the account of `long-breath`: names differ by case, `_` and `-` alone. */
function isNamedFor(screenName: string | undefined, bot: BotName): boolean {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');
  return screenName !== undefined && plain(screenName) !== '' && plain(screenName) === plain(bot);
}

/** The screen name that the person is to sign in as, where it is known. */
export const expectedName = ({ named, old }: Expected): string | undefined => named ?? old?.screenName;

/** How a message calls the account that was expected, beside the one that came. */
export function titleOf({ named, old }: Expected, came: KnownAccount): string {
  const name = named ?? old?.screenName;
  if (name === undefined) return `the account ${old?.userId ?? ''}`;
  // Somebody else may have taken the name over.
  const isTakenOver = isSameName(name, came.screenName) === true && old?.userId !== undefined;
  return isTakenOver ? `@${name} with the id ${old.userId}` : `@${name}`;
}

/** A bot that is to post with the key that it has. */
export interface BotWithKey {
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
 * Why a bot may not post with the key that it has, if it may not. The account that it has posted as is its account, whatever
 * it is called now; before its first post, the name in flock.json counts.
 *
 * @param posted - the id of the account that its posts are on, as the ledger has it
 */
export function accountFault(
  { name, bundle, settings: { account } }: BotWithKey,
  posted: string | undefined,
): FlockError | undefined {
  const other = otherAccountThan(name, posted, bundle?.userId);
  if (other !== undefined) {
    const hint = 'is this the state folder of another flock? else make the key again with the right account';
    return new FlockError('data', other, { hint });
  }
  if (isSame(bundle?.userId, posted) === true || isSameName(bundle?.screenName, account) !== false)
    return undefined;
  return new FlockError(
    'data',
    `${name}: its key is for @${bundle?.screenName ?? ''}, but flock.json says @${account ?? ''}`,
    {
      hint: `correct flock.json; where the account was renamed, keymaker reauth ${name} writes its new name down; for another account: keymaker make-keys ./poems --bot=${name} --force`,
    },
  );
}

/** @throws {FlockError} `data` as {@link accountFault} */
export function mustBeItsAccount(bot: BotWithKey, posted: string | undefined): void {
  const fault = accountFault(bot, posted);
  if (fault) throw fault;
}
