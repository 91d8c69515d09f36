import type { NetworkName } from '../networks/network.ts';
import type { Account, World } from './world.ts';

/*
 * The names of accounts. The world has all of them by one kind of name: `rain` at X, `rain@mastodon` and `rain@bsky` elsewhere.
 */

const endOfMastodon = '@mastodon';
const endOfBluesky = '@bsky';

/** The network of an account. */
export function networkOf({ screenName }: Pick<Account, 'screenName'>): NetworkName {
  if (screenName.endsWith(endOfBluesky)) return 'bluesky';
  return screenName.includes('@') ? 'mastodon' : 'x';
}

/** The world's name of an account of Mastodon. */
export const mastodonName = (username: string): string => username + endOfMastodon;

/** A name at Mastodon as a person may type it, without the host. */
export const usernameIn = (typed: string): string =>
  typed
    .trim()
    .replace(/^@/, '')
    .replace(new RegExp(`${endOfMastodon}$`), '');

/** The name of an account without its host. */
export const usernameOf = ({ screenName }: Pick<Account, 'screenName'>): string =>
  screenName.replace(/@.*/, '');

/** The world's name of the account with a handle at Bluesky; undefined if no account can have that. */
export function blueskyName(handle: string): string | undefined {
  const [, name] = /^([a-z0-9-]{1,30})\.test$/.exec(handle) ?? [];
  return name === undefined ? undefined : name.replaceAll('-', '_') + endOfBluesky;
}

/** The handle at Bluesky of an account, or of a name that an account could have. */
export const handleOf = (account: Pick<Account, 'screenName'>): string =>
  `${usernameOf(account).toLowerCase().replaceAll('_', '-')}.test`;

/** An account's name as its network has it, without `@`: `rain`, `rain@mastodon`, `rain.test`. */
export const shownName = (account: Pick<Account, 'screenName'>): string =>
  networkOf(account) === 'bluesky' ? handleOf(account) : account.screenName;

/** The account that a person or a link names: as the world does or as its network does, with whatever host its server has. */
export function accountCalled(world: World, name: string): Account | undefined {
  const bare = name.replace(/^@/, '');
  return (
    world.accountNamed(bare) ??
    world.accountNamed(blueskyName(bare.toLowerCase()) ?? '') ??
    (bare.includes('@') ? world.accountNamed(mastodonName(usernameOf({ screenName: bare }))) : undefined)
  );
}
