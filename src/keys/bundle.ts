import path from 'node:path';
import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { type BotKey, TokenPair, userIdIn } from '../oauth/signature.ts';
import { type BotName, namesOfBundle } from '../poems/bot-name.ts';

/** A bot's key, and the poem it reads. */
export interface KeyBundle extends BotKey {
  /** The poem's path relative to the flock's root; some old programs left it out. */
  poemFile: string | undefined;
}

/** Tells accounts apart, those of several providers too. @param provider - as a bundle names it */
export const accountKey = (userId: string, provider: string | undefined): string =>
  provider === undefined ? userId : `${provider} ${userId}`;

/** `AAAAA`, `your_token_here`: what examples and dry runs leave in the place of a token. */
const placeholder = /^(.)\1*$|^(your|my|insert|replace|change)[-_]/i;

/** A token or its secret. */
export const tokenText = z
  .string('is missing or not a string')
  .min(1, 'is empty')
  .regex(/^[\x21-\x7e]+$/, 'has characters that no token has')
  .refine((value) => !placeholder.test(value), 'is a placeholder, not a token');
const text = z.string('is not a string').min(1, 'is empty').optional();

/**
 * The bundle as it is stored: flat JSON, made by this program, by the Keymaker of 2014 (`poem_file`)
 * or by its descendants (`file`, extras of any type).
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
 * Reads a stored bundle. Its values never appear in an error, only the names of its fields.
 *
 * @param bot - whose it is, where that is not the file's name
 * @throws {FlockError} `data`, naming the file and the first field that is wrong
 */
export function parseKeyBundle(json: string, file: string, bot = botNamedBy(file)): KeyBundle {
  const hint = remake(bot);
  const found = stored.safeParse(parseJson(json, file, hint));
  if (!found.success) {
    const [issue] = found.error.issues;
    const field = issue?.path.join('.') ?? '';
    throw new FlockError(
      'data',
      `${file}: ${field === '' ? 'not a key bundle' : `${field} ${issue?.message ?? ''}`}`,
      { hint },
    );
  }
  const { data } = found;
  const isX = data.provider === undefined || data.provider === 'x';
  if (isX && data.user_id !== undefined && !/^[0-9]+(@N[0-9]+)?$/.test(data.user_id))
    throw new FlockError('data', `${file}: user_id is not an id`, { hint });
  const owner = isX ? userIdIn(data.oauth_token) : undefined;
  if (owner !== undefined && data.user_id !== undefined && owner !== data.user_id) {
    throw new FlockError(
      'data',
      `${file}: oauth_token belongs to the account ${owner}, but user_id is ${data.user_id}`,
      { hint },
    );
  }
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

/** One pair for all bots of an app, of which there may be a hundred thousand. */
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

function parseJson(json: string, file: string, hint: string): unknown {
  try {
    return JSON.parse(json.replace(/^\ufeff/, ''));
  } catch {
    // The parser's own message quotes the text around the mistake, which may be a secret; it goes no further.
    throw new FlockError('data', `${file}: not whole JSON (cut off, or damaged)`, { hint });
  }
}

const botNamedBy = (file: string): string => /([^/]+)\.json$/.exec(file)?.[1] ?? 'NAME';

const remake = (bot: string): string => `make it again: keymaker make-keys ./poems --bot=${bot}`;

/** What a person may see of a token, to tell it from another: its first 4 characters, or fewer of a short one. */
export const maskToken = (token: string): string =>
  `${token.slice(0, Math.min(4, Math.floor(token.length / 3)))}…`;

/** What the name of an encrypted bundle ends in, after that of the bundle. */
const sealed = '.age';

/** What systemd puts before the names of the files of a folder that `LoadCredential=keys:…` names. */
export const credentialPrefix = 'keys_';

/** Whether a bundle is encrypted, which its name says. */
export const isSealed = (file: string): boolean => file.endsWith(`.json${sealed}`);

/** The other form of a bundle: of a plain one the encrypted, and the other way round. */
export const siblingOf = (file: string): string =>
  isSealed(file) ? file.slice(0, -sealed.length) : file + sealed;

/** The bot that a file in a keys folder is the bundle of; undefined where it is none. */
export const botOfBundle = (file: string, prefix = ''): BotName | undefined =>
  botsOfBundle(file, prefix)?.[0];

/** The same, with the name that an older rule gave it, which the ledger may have. */
export function botsOfBundle(file: string, prefix = ''): [name: BotName, former: BotName] | undefined {
  const name = path.basename(file);
  const plain = isSealed(name) ? siblingOf(name) : name;
  if (!plain.endsWith('.json') || plain.startsWith('.') || !plain.startsWith(prefix)) return undefined;
  return namesOfBundle(plain.slice(prefix.length));
}
