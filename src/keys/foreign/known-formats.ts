import { botOfBundle } from '../bundle-name.ts';
import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { botNameOf, type BotName } from '../../flock/bot.ts';
import { parseKeyBundle, type KeyBundle } from '../key-bundle.ts';
import { maskToken } from '../mask-token.ts';
import { attempt, foreignKey, part, refusalOf, type Found } from './foreign-key.ts';

/* The files of programs that are known by name: old key bundles, the stores of twurl and t, and of xurl. */

/** Whether this is a bundle: of the 2014 Keymaker, of its descendants, or of this program. */
export const isBundle = (value: object): boolean =>
  ['consumer_token', 'consumer_token_secret'].some((field) => field in value);

/** Whether this is the bundle of a GitHub bot, which a sibling of the old programs made. */
export const isGitHubBundle = (value: object): boolean =>
  'client_id' in value && 'client_secret' in value && ('token' in value || 'login' in value);

/**
 * The key in an old bundle: flat JSON with `consumer_token`, `consumer_token_secret`, `oauth_token`,
 * `oauth_token_secret`, often `user_id`, `screen_name`, `poem_file` or `file`, and extras of any type.
 */
export const readBundle = (text: string, file: string): Found =>
  attempt(() => {
    const bundle = parseKeyBundle(text, file);
    return { title: file, ownName: ownNameOf(file, bundle), bundle };
  });

export const gitHubRefusal = (file: string): FlockError =>
  new FlockError('data', `${file}: the key of a GitHub bot, not of an X account`, {
    hint: 'leave it where it is; flockd posts to X alone',
  });

/** Some old programs replaced any `?txt` in a name, so that `atxtual.txt` had its key in `.jsonual.json`. */
function ownNameOf(file: string, { poemFile }: KeyBundle): BotName | undefined {
  const isBroken = /(^|\/)\.[^/]*$/.test(file);
  return isBroken ? botNameOf(poemFile ?? '') : botOfBundle(file);
}

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

const oauth1 = z.object({
  // Nothing else in the store says whose key it is.
  access_token: part.regex(/^[0-9]+-/, "does not begin with an account's id"),
  token_secret: part,
  consumer_key: part,
  consumer_secret: part,
});
const oauth1Token = z.object({ oauth1 }, 'is not a token');

const app = z.object({
  oauth1_token: z.unknown().optional(),
  /** The name it had in the first versions, which kept JSON. */
  oauth1_tokens: z.unknown().optional(),
});

/** Whether this is the store of `xurl`: apps in YAML, or the one app of its first versions in JSON. */
export const isXurl = (value: object): boolean =>
  ['apps', 'oauth1_token', 'oauth1_tokens', 'oauth2_tokens', 'bearer_token'].some((field) => field in value);

/**
 * The keys in `apps.<name>.oauth1_token.oauth1`: `access_token`, `token_secret`, `consumer_key`, `consumer_secret`.
 *
 * @throws {FlockError} `data` where there are none, but perhaps tokens of OAuth 2
 */
export function readXurl(value: object, file: string): Found[] {
  const found = appsIn(value).flatMap(([name, held]) => {
    const title = name === undefined ? file : `${file}: app ${JSON.stringify(name)}`;
    return readApp(held, title);
  });
  if (found.length > 0) return found;
  throw new FlockError(
    'data',
    `${file}: no OAuth 1.0a key in it; tokens of OAuth 2 and bearer tokens are of no use here`,
    {
      hint: 'make the key: keymaker make-keys ./poems',
    },
  );
}

function appsIn(value: object): [name: string | undefined, held: unknown][] {
  const apps = z.object({ apps: z.record(z.string(), z.unknown()) }).safeParse(value);
  return [[undefined, value], ...Object.entries(apps.data?.apps ?? {})];
}

function readApp(held: unknown, title: string): Found[] {
  const parsed = app.safeParse(held);
  const token = parsed.data?.oauth1_token ?? parsed.data?.oauth1_tokens;
  return token === undefined || token === null ? [] : [readToken(token, title)];
}

function readToken(token: unknown, title: string): Found {
  const parsed = oauth1Token.safeParse(token);
  if (!parsed.success) return refusalOf(title, parsed.error);
  const { access_token, token_secret, consumer_key, consumer_secret } = parsed.data.oauth1;
  return foreignKey(title, {
    consumerToken: consumer_key,
    consumerSecret: consumer_secret,
    token: access_token,
    secret: token_secret,
  });
}
