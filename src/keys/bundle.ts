import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { isSafeAddress } from '../http/exchange.ts';
import { type BotKey, noApp, TokenPair, userIdIn } from '../oauth/signature.ts';
import { firstIssue, parseJson } from '../text.ts';

/*
 * The stored form of key bundles.
 */

/** The key bundle of a bot: its key and its poem. */
export interface KeyBundle extends BotKey {
  /** The poem's path relative to the flock's root; the bundles of some old programs lack it. */
  poemFile: string | undefined;
}

/** What examples have in place of a token: `AAAAA`, `your_token_here`. */
const placeholder = /^(.)\1*$|^(your|my|insert|replace|change)[-_]/i;

/** A token or its secret. */
export const tokenText = z
  .string('is missing or not a string')
  .min(1, 'is empty')
  .regex(/^[\x21-\x7e]+$/, 'has characters that no token has')
  .refine((value) => !placeholder.test(value), 'is a placeholder, not a token');
const text = z.string('is not a string').min(1, 'is empty').optional();

/** What every bundle has. Those of the Keymaker of 2014 have `poem_file`; its descendants have `file`, and other fields of any type. */
const account = {
  user_id: z
    .string('is not a string')
    .regex(/^[\x21-\x7e]{1,256}$/, 'is not an id')
    .optional(),
  screen_name: text,
  poem_file: text,
  file: text,
};

const provider = z
  .string('is not a string')
  .regex(/^[a-z0-9_-]{1,64}$/, 'is not the id of a provider')
  .optional();

/** OAuth 1.0a: X, and other providers. */
const oauth1 = z.object({
  consumer_token: tokenText,
  consumer_token_secret: tokenText,
  oauth_token: tokenText,
  oauth_token_secret: tokenText,
  provider,
  ...account,
});

const server = z
  .string('is missing or not a string')
  .refine(isSafeAddress, 'is not an https address')
  .transform((address) => address.replace(/\/+$/, ''));
const ownId = account.user_id.unwrap();
const limit = z
  .string('is not a string')
  .regex(/^[1-9]\d{0,6}$/, 'is not a number')
  .transform(Number)
  .optional();

const ofMastodon = z.object({
  provider: z.literal('mastodon'),
  server,
  consumer_token: tokenText,
  consumer_token_secret: tokenText,
  oauth_token: tokenText,
  ...account,
  user_id: ownId,
  /** The server's limits for a post. */
  max_characters: limit,
  characters_per_link: limit,
});

const ofBluesky = z.object({
  provider: z.literal('bluesky'),
  server,
  app_password: tokenText,
  ...account,
  user_id: ownId.regex(/^did:[a-z]+:/, 'is not a DID'),
});

/**
 * Reads a stored bundle. Errors name its fields, never their values.
 *
 * @param bot - the bundle's bot, if the file is not named for it
 * @throws {FlockError} `data`, naming the file and the first wrong field
 */
export function parseKeyBundle(
  json: string,
  file: string,
  bot = /([^/]+)\.json$/.exec(file)?.[1] ?? 'NAME',
): KeyBundle {
  const hint = `make it again: keymaker make-keys ./poems --bot=${bot}`;
  const wrong = (why: string): FlockError => new FlockError('data', `${file}: ${why}`, { hint });
  const value = parseJson(json);
  if (value === undefined) throw wrong('not whole JSON (cut off, or damaged)');
  const named = z.object({ provider }).safeParse(value).data?.provider;
  const read = named === 'mastodon' ? readMastodon : named === 'bluesky' ? readBluesky : readOAuth1;
  return read(value, wrong);
}

/** Reads the parsed JSON of a bundle. @param wrong - makes the error for a reason */
type ReadBundle = (value: unknown, wrong: (why: string) => FlockError) => KeyBundle;

/** @throws {FlockError} for the first wrong field */
function fieldsIn<T>(schema: z.ZodType<T>, value: unknown, wrong: (why: string) => FlockError): T {
  const { data, error } = schema.safeParse(value);
  if (error) throw wrong(firstIssue(error, 'not a key bundle'));
  return data;
}

const readOAuth1: ReadBundle = (value, wrong) => {
  const data = fieldsIn(oauth1, value, wrong);
  const isX = data.provider === undefined || data.provider === 'x';
  if (isX && data.user_id !== undefined && !/^[0-9]+(@N[0-9]+)?$/.test(data.user_id))
    throw wrong('user_id is not an id');
  const owner = isX ? userIdIn(data.oauth_token) : undefined;
  if (owner !== undefined && data.user_id !== undefined && owner !== data.user_id)
    throw wrong(`oauth_token belongs to the account ${owner}, but user_id is ${data.user_id}`);
  return {
    appKeys: pairOfApp(data.consumer_token, data.consumer_token_secret),
    accessToken: new TokenPair(data.oauth_token, data.oauth_token_secret),
    userId: data.user_id ?? owner,
    screenName: data.screen_name,
    poemFile: data.poem_file ?? data.file,
    ...(!isX && { provider: data.provider }),
  };
};

const readMastodon: ReadBundle = (value, wrong) => {
  const data = fieldsIn(ofMastodon, value, wrong);
  const { max_characters: maxCharacters, characters_per_link: charactersPerLink } = data;
  const textLimits =
    maxCharacters !== undefined && charactersPerLink !== undefined
      ? { maxCharacters, charactersPerLink }
      : undefined;
  return {
    appKeys: pairOfApp(data.consumer_token, data.consumer_token_secret),
    accessToken: new TokenPair(data.oauth_token, ''),
    userId: data.user_id,
    screenName: data.screen_name,
    poemFile: data.poem_file ?? data.file,
    provider: data.provider,
    server: data.server,
    ...(textLimits && { textLimits }),
  };
};

const readBluesky: ReadBundle = (value, wrong) => {
  const data = fieldsIn(ofBluesky, value, wrong);
  return {
    appKeys: noApp,
    accessToken: new TokenPair(data.app_password, ''),
    userId: data.user_id,
    screenName: data.screen_name,
    poemFile: data.poem_file ?? data.file,
    provider: data.provider,
    server: data.server,
  };
};

let lastApp: TokenPair | undefined;

/** The app keys as one shared object for all bots of an app, to save memory. */
function pairOfApp(token: string, secret: string): TokenPair {
  const last = lastApp?.reveal();
  if (lastApp && last?.token === token && last.secret === secret) return lastApp;
  return (lastApp = new TokenPair(token, secret));
}

/** The stored form of a bundle: flat JSON, all strings. The result holds secrets. */
export function formatKeyBundle(bundle: KeyBundle): string {
  const appKeys = bundle.appKeys.reveal();
  const accessToken = bundle.accessToken.reveal();
  const { provider, textLimits } = bundle;
  const app = { consumer_token: appKeys.token, consumer_token_secret: appKeys.secret };
  const secrets =
    provider === 'bluesky'
      ? { server: bundle.server, app_password: accessToken.token }
      : provider === 'mastodon'
        ? { server: bundle.server, ...app, oauth_token: accessToken.token }
        : { ...app, oauth_token: accessToken.token, oauth_token_secret: accessToken.secret };
  const fields = {
    ...secrets,
    user_id: bundle.userId,
    screen_name: bundle.screenName,
    poem_file: bundle.poemFile,
    provider,
    ...(textLimits && {
      max_characters: String(textLimits.maxCharacters),
      characters_per_link: String(textLimits.charactersPerLink),
    }),
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** The start of a token, which tells tokens apart for people: 4 characters, fewer of a short token. */
export const maskToken = (token: string): string =>
  `${token.slice(0, Math.min(4, Math.floor(token.length / 3)))}…`;
