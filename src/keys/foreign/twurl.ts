import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { maskToken } from '../mask-token.ts';
import { foreignKey, part, refusalOf, type Found } from './foreign-key.ts';

const profile = z.object({
  username: z
    .string('is not a string')
    .regex(/^[A-Za-z0-9_]{1,50}$/, 'is not a screen name')
    .optional(),
  consumer_key: part.optional(),
  consumer_secret: part,
  token: part,
  secret: part,
});

const hint = 'make a new key: keymaker make-keys ./poems';

/** Whether this is what `twurl` keeps in `~/.twurlrc` and `t` in `~/.trc`. */
export const isTwurl = (value: object): boolean => 'profiles' in value;

/**
 * The keys in `profiles.<screen name>.<consumer key>`: `username`, `consumer_key`, `consumer_secret`, `token`, `secret`.
 *
 * @throws {FlockError} `data` where there are no profiles
 */
export function readTwurl(value: object, file: string): Found[] {
  const profiles = Object.entries(recordOf('profiles' in value ? value.profiles : undefined));
  if (profiles.length === 0) {
    throw new FlockError('data', `${file}: no accounts in it`, {
      hint,
    });
  }
  return profiles.flatMap(([name, apps], index) =>
    readAccount(name, recordOf(apps), `${file}: ${isShown.test(name) ? `@${name}` : `profile ${index + 1}`}`),
  );
}

/** A file that is put together otherwise may have a token for a name: those are longer, and not to be shown. */
const isShown = /^[A-Za-z0-9_]{1,20}$/;

function readAccount(name: string, apps: Record<string, unknown>, title: string): Found[] {
  const entries = Object.entries(apps);
  if (entries.length === 0) return [new FlockError('data', `${title}: no key in it`, { hint })];
  return entries.map(([consumerKey, found]) => {
    // An account may have keys of several apps; what tells these apart is a token.
    const which = entries.length > 1 ? `${title} (app ${maskToken(consumerKey)})` : title;
    return readProfile(name, consumerKey, found, which);
  });
}

function readProfile(name: string, consumerKey: string, found: unknown, title: string): Found {
  const parsed = profile.safeParse(withName(found, name));
  if (!parsed.success) return refusalOf(title, parsed.error);
  const { username, consumer_key = consumerKey, consumer_secret, token, secret } = parsed.data;
  return foreignKey(title, {
    consumerToken: consumer_key,
    consumerSecret: consumer_secret,
    token,
    secret,
    screenName: username,
  });
}

/** The profile's name is the account's where the profile does not say. */
const withName = (found: unknown, name: string): unknown =>
  found !== null && typeof found === 'object' ? { username: name, ...found } : found;

const recordOf = (value: unknown): Record<string, unknown> =>
  z.record(z.string(), z.unknown()).catch({}).parse(value);
