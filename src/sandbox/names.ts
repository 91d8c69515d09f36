/*
 * The names of accounts. The world has all of them by one kind of name: `rain` at X, `rain@mastodon` and `rain@bsky` elsewhere.
 */

/** The networks of the sandbox. */
export type NetworkName = 'x' | 'mastodon' | 'bluesky';

/** An account's name in the world. */
interface Named {
  screenName: string;
}

const endOfMastodon = '@mastodon';
const endOfBluesky = '@bsky';

/** The network of an account. */
export function networkOf({ screenName }: Named): NetworkName {
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
export const usernameOf = ({ screenName }: Named): string => screenName.replace(/@.*/, '');

/** The world's name of the account with a handle at Bluesky; undefined if no account can have that. */
export function blueskyName(handle: string): string | undefined {
  const [, name] = /^([a-z0-9-]{1,30})\.test$/.exec(handle) ?? [];
  return name === undefined ? undefined : name.replaceAll('-', '_') + endOfBluesky;
}

/** The handle at Bluesky of an account, or of a name that an account could have. */
export const handleOf = (account: Named): string =>
  `${usernameOf(account).toLowerCase().replaceAll('_', '-')}.test`;

/** An account's name as its network has it, without `@`: `rain`, `rain@mastodon`, `rain.test`. */
export const shownName = (account: Named): string =>
  networkOf(account) === 'bluesky' ? handleOf(account) : account.screenName;

/** The world's names of the account that a person or a link may mean: by its name there, its handle, or `name@host`. */
export function namesMeant(typed: string): string[] {
  const bare = typed.replace(/^@/, '');
  const handle = blueskyName(bare.toLowerCase());
  const username = bare.includes('@') ? [mastodonName(usernameOf({ screenName: bare }))] : [];
  return [bare, ...(handle === undefined ? [] : [handle]), ...username];
}
