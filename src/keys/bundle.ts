import path from 'node:path';
import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { type BotKey, TokenPair, userIdIn } from '../oauth/signature.ts';
import { type BotName, namesOfBundle } from '../poems/bot-name.ts';
import { firstIssue, parseJson } from '../text.ts';

/** The key bundle of a bot: its key and its poem. This module reads and writes the stored form and the names of its files. */
export interface KeyBundle extends BotKey {
  /** The poem's path relative to the flock's root; the bundles of some old programs lack it. */
  poemFile: string | undefined;
}

/** The identity of an account among all providers. @param provider - as a bundle names it */
export const accountKey = (userId: string, provider: string | undefined): string =>
  provider === undefined ? userId : `${provider} ${userId}`;

/** What examples have in place of a token: `AAAAA`, `your_token_here`. */
const placeholder = /^(.)\1*$|^(your|my|insert|replace|change)[-_]/i;

/** A token or its secret. */
export const tokenText = z
  .string('is missing or not a string')
  .min(1, 'is empty')
  .regex(/^[\x21-\x7e]+$/, 'has characters that no token has')
  .refine((value) => !placeholder.test(value), 'is a placeholder, not a token');
const text = z.string('is not a string').min(1, 'is empty').optional();

/**
 * A stored bundle: flat JSON, written by this program, by the Keymaker of 2014 (`poem_file`) or by its descendants (`file`, and
 * other fields of any type).
 */
const stored = z.object({
  consumer_token: tokenText,
  consumer_token_secret: tokenText,
  oauth_token: tokenText,
  oauth_token_secret: tokenText,
  user_id: z
    .string('is not a string')
    .regex(/^[\x21-\x7e]{1,100}$/, 'is not an id')
    .optional(),
  provider: z
    .string('is not a string')
    .regex(/^[a-z0-9_-]{1,64}$/, 'is not the id of a provider')
    .optional(),
  screen_name: text,
  poem_file: text,
  file: text,
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
  const { data, error } = stored.safeParse(value);
  if (error) throw wrong(firstIssue(error, 'not a key bundle'));
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
}

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
  const fields = {
    consumer_token: appKeys.token,
    consumer_token_secret: appKeys.secret,
    oauth_token: accessToken.token,
    oauth_token_secret: accessToken.secret,
    user_id: bundle.userId,
    screen_name: bundle.screenName,
    poem_file: bundle.poemFile,
    provider: bundle.provider,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** The start of a token, which tells tokens apart for people: 4 characters, fewer of a short token. */
export const maskToken = (token: string): string =>
  `${token.slice(0, Math.min(4, Math.floor(token.length / 3)))}…`;

/** The suffix of an encrypted bundle's name. */
const sealed = '.age';

/** The prefix that systemd gives the files of a folder in `LoadCredential=keys:…`. */
export const credentialPrefix = 'keys_';

/** Whether a bundle is encrypted, by its name. */
export const isSealed = (file: string): boolean => file.endsWith(`.json${sealed}`);

/** The file of the other form of a bundle: encrypted for a plain one, plain for an encrypted one. */
export const siblingOf = (file: string): string =>
  isSealed(file) ? file.slice(0, -sealed.length) : file + sealed;

/** The bot of a bundle, by the file's name; undefined if the name is not that of a bundle. */
export const botOfBundle = (file: string, prefix = ''): BotName | undefined =>
  botsOfBundle(file, prefix)?.[0];

/** The same, and the bot's name by the older rule, which the ledger may have. */
export function botsOfBundle(file: string, prefix = ''): [name: BotName, former: BotName] | undefined {
  const name = path.basename(file);
  const plain = isSealed(name) ? siblingOf(name) : name;
  if (!plain.endsWith('.json') || plain.startsWith('.') || !plain.startsWith(prefix)) return undefined;
  return namesOfBundle(plain.slice(prefix.length));
}
