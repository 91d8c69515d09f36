import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { type BotName, botNameOf } from '../poems/bot-name.ts';
import { listed, shown } from '../text.ts';
import { botOfBundle, type KeyBundle, maskToken, parseKeyBundle, tokenText } from './bundle.ts';
import {
  attempt,
  foreignKey,
  type Found,
  isKey,
  parseLines,
  parseQuietly,
  part,
  refusalOf,
  unreadable,
} from './foreign-key.ts';

/**
 * Reads the keys in a file of another program, which it recognizes by the content, not by the file's name.
 *
 * @param file - its name in messages; a bundle's bot is named after it
 * @returns at least one item: for a file without a usable key, the reason. Errors quote no secret
 */
export function readForeign(text: string, file: string): Found[] {
  const found = attempt(() => {
    const value = parseQuietly(text, file);
    if (value !== undefined && typeof value !== 'string') return readValue(value, text, file);
    const inLines = readFour(parseLines(text), file);
    if (inLines.length > 0) return inLines;
    throw value === undefined
      ? unreadable(file, 'neither JSON nor YAML, and no keys in its lines')
      : unknownFormat(file);
  });
  return found instanceof FlockError ? [found] : found;
}

/** @throws {FlockError} `data` if it holds no key at all */
function readValue(value: unknown, text: string, file: string): Found[] {
  if (value === null || typeof value !== 'object') throw unknownFormat(file);
  if (isTwurl(value)) return readTwurl(value, file);
  if (isBundle(value)) return [readBundle(text, file)];
  if (isGitHubBundle(value)) throw gitHubRefusal(file);
  const ofXurl = isXurl(value) ? attempt(() => readXurl(value, file)) : undefined;
  if (ofXurl && !(ofXurl instanceof FlockError)) return ofXurl;
  const found = readFour(value, file);
  if (found.length > 0) return found;
  if (ofXurl) throw ofXurl;
  if (!isOAuth2(value)) throw unknownFormat(file);
  throw new FlockError('data', `${file}: keys of OAuth 2, which cannot be used`, {
    hint: 'make a key of OAuth 1.0a: keymaker make-keys ./poems',
  });
}

const isOAuth2 = (value: object): boolean =>
  ['client_id', 'client_secret', 'refresh_token', 'access_token'].some((field) => field in value);

const unknownFormat = (file: string): FlockError =>
  new FlockError('data', `${file}: no keys in a known format`, {
    hint: 'give a key bundle or a folder of them, ~/.twurlrc, ~/.trc, the ~/.xurl of xurl, or any JSON, YAML, INI or .env file with consumer_key, consumer_secret, access_token and access_token_secret',
  });

/* Programs that are recognized by their format: old key bundles, the stores of twurl and t, and of xurl. */

/** Whether this is a bundle of the 2014 Keymaker, of its descendants, or of this program. */
const isBundle = (value: object): boolean =>
  ['consumer_token', 'consumer_token_secret'].some((field) => field in value);

/** Whether this is the bundle of a GitHub bot, written by a relative of the old programs. */
const isGitHubBundle = (value: object): boolean =>
  'client_id' in value && 'client_secret' in value && ('token' in value || 'login' in value);

/**
 * The key in an old bundle: flat JSON with `consumer_token`, `consumer_token_secret`, `oauth_token`,
 * `oauth_token_secret`, often `user_id`, `screen_name`, `poem_file` or `file`, and other fields of any type.
 */
const readBundle = (text: string, file: string): Found =>
  attempt(() => {
    const bundle = parseKeyBundle(text, file);
    return { title: file, ownName: ownNameOf(file, bundle), bundle };
  });

const gitHubRefusal = (file: string): FlockError =>
  new FlockError('data', `${file}: the key of a GitHub bot, not of an X account`, {
    hint: 'leave it where it is; flockd posts only to X',
  });

/** Some old programs replaced every `?txt` in a name, so `atxtual.txt` has its key in `.jsonual.json`; the poem's path names the bot. */
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

/** Whether this is the `~/.twurlrc` of `twurl` or the `~/.trc` of `t`. */
const isTwurl = (value: object): boolean => 'profiles' in value;

/**
 * The keys in `profiles.<screen name>.<consumer key>`: `username`, `consumer_key`, `consumer_secret`, `token`, `secret`.
 *
 * @throws {FlockError} `data` if there are no profiles
 */
function readTwurl(value: object, file: string): Found[] {
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

/** The profile names that messages show. In a malformed file a token may be in their place; tokens are longer. */
const isShown = /^[A-Za-z0-9_]{1,20}$/;

function readAccount(name: string, apps: Record<string, unknown>, title: string): Found[] {
  const entries = Object.entries(apps);
  if (entries.length === 0) return [new FlockError('data', `${title}: no key in it`, { hint })];
  return entries.map(([consumerKey, found]) => {
    // An account may have keys of several apps, whose names are their tokens.
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

/** Adds the profile's name as the account's, unless the profile has one. */
const withName = (found: unknown, name: string): unknown =>
  found !== null && typeof found === 'object' ? { username: name, ...found } : found;

const recordOf = (value: unknown): Record<string, unknown> =>
  z.record(z.string(), z.unknown()).catch({}).parse(value);

const oauth1 = z.object({
  // Nothing else in the store names the account.
  access_token: part.regex(/^[0-9]+-/, "does not begin with an account's id"),
  token_secret: part,
  consumer_key: part,
  consumer_secret: part,
});
const oauth1Token = z.object({ oauth1 }, 'is not a token');

const app = z.object({
  oauth1_token: z.unknown().optional(),
  /** The field's name in the first versions, which wrote JSON. */
  oauth1_tokens: z.unknown().optional(),
});

/** Whether this is the store of `xurl`: apps in YAML, or the one app of its first versions in JSON. */
const isXurl = (value: object): boolean =>
  ['apps', 'oauth1_token', 'oauth1_tokens', 'oauth2_tokens', 'bearer_token'].some((field) => field in value);

/**
 * The keys in `apps.<name>.oauth1_token.oauth1`: `access_token`, `token_secret`, `consumer_key`, `consumer_secret`.
 *
 * @throws {FlockError} `data` if there are none, but perhaps tokens of OAuth 2
 */
function readXurl(value: object, file: string): Found[] {
  const found = appsIn(value).flatMap(([name, held]) => {
    const title = name === undefined ? file : `${file}: app ${JSON.stringify(name)}`;
    return readApp(held, title);
  });
  if (found.length > 0) return found;
  throw new FlockError(
    'data',
    `${file}: no OAuth 1.0a key in it; OAuth 2 tokens and bearer tokens cannot be used`,
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

/*
 * Any other program: the four values of an OAuth 1.0a key under their common names, flat or nested, in snake, camel or SCREAMING
 * case, after the name of the network (`TWITTER_`, `X_`), of a profile or of an account. This covers twarc, twitter_ebooks,
 * botfriend, the examples of tweepy and twitter-api-v2, and the settings of many bots.
 */

type Role = 'consumerToken' | 'consumerSecret' | 'token' | 'secret';

/** The names of the values in messages. */
const commonNames: Record<Role, string> = {
  consumerToken: 'consumer_key',
  consumerSecret: 'consumer_secret',
  token: 'access_token',
  secret: 'access_token_secret',
};
const roles = Object.keys(commonNames) as Role[];

/** The names of each part, as endings of a name in snake case. The longest match counts. */
const endings: [part: Role | 'name' | 'id' | 'oauth2', ending: RegExp][] = [
  ['consumerToken', /consumer_?(?:api_?)?(?:key|token)$|(?:api|app|application)_?key$|client_key$/],
  [
    'consumerSecret',
    /consumer_?(?:api_?)?(?:key_?|token_?)?secret(?:_?key)?$|(?:api|app|application)_?(?:key_?)?secret(?:_?key)?$/,
  ],
  ['token', /access_?token(?:_?key)?$|access_?key$|oauth_?(?:access_?)?token$|resource_owner_key$|token$/],
  [
    'secret',
    /access_?(?:token_?|key_?)?secret$|oauth_?(?:access_?)?(?:token_?)?secret$|resource_owner_secret$|token_?secret$|secret$/,
  ],
  ['name', /screen_?name$|user_?name$|handle$/],
  ['id', /user_?id$/],
  ['oauth2', /refresh_?token$|bearer_?token$|client_?id$|token_?type$|expires_(?:in|at)$|expiration_time$/],
];

/** Words before a name that do not name an account. */
const general = new Set(
  `accounts account access api app apps application auth authentication bot bots config configuration consumer credentials
  default dev development env environment keys main my oauth oauth1 production profile profiles prod publish publisher
  publishers secrets settings social test tokens tw twitter user users v1 x`.split(/\s+/),
);

/** Networks whose keys may be in the same file, under the same names. */
const others = new Set(
  `bluesky bsky cohost discord discogs facebook fb fitbit flickr github gitlab goodreads google instagram linkedin mastodon
  meetup openai pinterest plurk pocket reddit slack smugmug spotify telegram threads trello tumblr twitch vimeo wordpress xing
  youtube`.split(/\s+/),
);

/** A part of a key, with its name in the file. */
interface Part {
  name: string;
  value: unknown;
}

/** The parts that belong together, since the same words precede their names. */
interface Group {
  words: string[];
  parts: Map<(typeof endings)[number][0], Part>;
}

/** The keys in a value, or why a partial key cannot be used; empty if there is neither. Errors quote no secret. */
function readFour(value: unknown, file: string): Found[] {
  const all = groupsIn(value);
  const groups = all.filter(({ words }) => !words.some((word) => others.has(word)));
  const wholes = groups.filter(isPair);
  const found = withoutCopies(wholes.map((group) => keyOf(group, groups, file, wholes.length > 1)));
  if (found.some(isKey)) return found;
  return found.length > 0 ? found : refusalFor(groups, all, file);
}

const isPair = ({ parts }: Group): boolean => parts.has('token') && parts.has('secret');

/** The maximum depth and number of settings that are read; a larger file is no file of keys. */
const maxDepth = 12;
const maxEntries = 10_000;

function groupsIn(value: unknown): Group[] {
  const groups = new Map<string, Group>();
  let left = maxEntries;
  const add = (path: readonly string[], given: string, part: unknown): void => {
    const name = [...path, given].map(snake).join('_');
    const ending = endingOf(name);
    if (!ending) return;
    const words = name
      .slice(0, ending.at)
      .split('_')
      .filter((word) => word !== '');
    // Alone, `token` and `secret` may be anything.
    const isBare = ending.length < 'token_secret'.length && /^(?:token|secret)$/.test(name.slice(ending.at));
    if (isBare && words.some((word) => !general.has(word) && !/^\d+$/.test(word)) && path.length === 0)
      return;
    const key = words.join('_');
    const group = groups.get(key) ?? { words, parts: new Map() };
    groups.set(key, group);
    group.parts.set(ending.part, { name: given, value: part });
  };
  const walk = (node: unknown, path: readonly string[]): void => {
    if (node === null || typeof node !== 'object' || path.length > maxDepth) return;
    for (const [name, item] of entriesOf(node)) {
      if (left-- <= 0) return;
      if (item !== null && typeof item === 'object') walk(item, [...path, name]);
      else add(path, name, item);
    }
  };
  walk(value, []);
  return [...groups.values()];
}

/** The entries of an object or list; the assignments in a list of assignments (`- NAME=value`). */
function entriesOf(node: object): [string, unknown][] {
  if (!Array.isArray(node)) return Object.entries(node);
  const texts = node.filter((item) => typeof item === 'string');
  return texts.length === node.length ? Object.entries(parseLines(texts.join('\n'))) : Object.entries(node);
}

/** `consumerKey` and `CONSUMER-KEY` as `consumer_key`. */
const snake = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_');

function endingOf(
  name: string,
): { part: (typeof endings)[number][0]; at: number; length: number } | undefined {
  const found = endings.flatMap(([part, ending]) => {
    const at = name.search(ending);
    // An ending must begin a word: `monkey` does not end with `key`.
    return at === 0 || (at > 0 && name[at - 1] === '_') ? [{ part, at, length: name.length - at }] : [];
  });
  return found.sort((one, other) => other.length - one.length)[0];
}

/** The words before a name that may name an account. */
const special = ({ words }: Group): string[] =>
  words.filter((word) => !general.has(word) && !/^\d+$/.test(word));

/** The app keys of a group: its own, or those of an enclosing group. */
function appOf(group: Group, groups: readonly Group[]): Map<string, Part> | undefined {
  const own = special(group).join(' ');
  const around = groups
    .filter(({ parts }) => parts.has('consumerToken') && parts.has('consumerSecret'))
    .filter((other) => `${own} `.startsWith(`${special(other).join(' ')} `) || special(other).length === 0)
    .sort((one, other) => nearness(other, group) - nearness(one, group));
  return group.parts.has('consumerToken') && group.parts.has('consumerSecret')
    ? group.parts
    : around[0]?.parts;
}

/** How many leading words two groups have in common. */
const nearness = ({ words }: Group, group: Group): number => {
  const differs = words.findIndex((word, at) => word !== group.words[at]);
  return differs < 0 ? words.length : differs;
};

function keyOf(group: Group, groups: readonly Group[], file: string, isOneOfMany: boolean): Found {
  const { parts } = group;
  const title = titleOf(group, file, isOneOfMany);
  const app = appOf(group, groups) ?? parts;
  const partOf = (role: Role): Part | undefined => (role.startsWith('consumer') ? app : parts).get(role);
  const missing = roles.filter((role) => !partOf(role));
  if (missing.length > 0) return refusal(`${title}: ${namesOf(missing)} missing`);
  for (const role of roles) {
    const fault = faultOf(role, partOf(role)?.value);
    if (fault !== undefined) return refusal(`${title}: ${partOf(role)?.name ?? role} ${fault}`);
  }
  const text = (role: Role): string => String(partOf(role)?.value);
  const names = [special(group).join('_'), isOneOfMany ? '' : stemOf(file)];
  return foreignKey(title, {
    consumerToken: text('consumerToken'),
    consumerSecret: text('consumerSecret'),
    token: text('token'),
    secret: text('secret'),
    screenName: fitting(parts.get('name'), handle),
    userId: fitting(parts.get('id'), /^([0-9]{1,20})$/),
    mayBe: names.filter((name) => !general.has(name)).flatMap((name) => botNameOf(name) ?? []),
  });
}

/** A screen name of X. */
const handle = /^@?([A-Za-z0-9_]{1,15})$/;

const fitting = (part: Part | undefined, pattern: RegExp): string | undefined =>
  part === undefined ? undefined : pattern.exec(String(part.value))?.[1];

/** What is wrong with the value of a part. */
function faultOf(role: Role, value: unknown): string | undefined {
  const { error } = tokenText.safeParse(value);
  if (error) return error.issues[0]?.message ?? 'is wrong';
  if (!/^[\w-]+$/.test(String(value))) return 'has characters that no token has: is it the value itself?';
  if (role !== 'token' || /^[0-9]+-/.test(String(value))) return undefined;
  return "does not begin with an account's id, as the OAuth 1.0a tokens of X do";
}

/** A key's name in messages, which tells several keys in a file apart. A name that could be a secret is not shown. */
function titleOf({ words, parts }: Group, file: string, isOneOfMany: boolean): string {
  if (!isOneOfMany) return file;
  const name = fitting(parts.get('name'), handle);
  return `${file}: ${name === undefined ? shown(words.join('_')) || 'the first' : `@${name}`}`;
}

const stemOf = (file: string): string => /([^/]+?)(?:\.[a-z]+)?$/.exec(file)?.[1]?.replace(/^\./, '') ?? '';

/** Leaves out repeated keys. */
function withoutCopies(found: readonly Found[]): Found[] {
  const seen = new Set<string>();
  return found.filter((key) => {
    if (!isKey(key)) return true;
    const { token } = key.bundle.accessToken.reveal();
    return seen.size < seen.add(token).size;
  });
}

/** Why a partial key cannot be used; empty if the values may belong to anything else. */
function refusalFor(groups: readonly Group[], all: readonly Group[], file: string): Found[] {
  const isOfOAuth2 = groups.some(({ parts }) => parts.has('oauth2'));
  // A token of OAuth 2 does not begin with an account's id, so it is no part of the key.
  const isPresent = ({ parts }: Group, role: Role): boolean =>
    parts.has(role) && (role !== 'token' || !isOfOAuth2 || /^[0-9]+-/.test(String(parts.get(role)?.value)));
  const present = roles.filter((role) => groups.some((group) => isPresent(group, role)));
  const missing = roles.filter((role) => !present.includes(role));
  const hasApp = present.includes('consumerToken') && present.includes('consumerSecret');
  if (hasApp && present.length === 2) {
    return [refusal(`${file}: an app's keys alone, and no access token of an account`)];
  }
  if (missing.length === 0) return [refusal(`${file}: its four values do not belong together`)];
  if (present.length >= 2) return [refusal(`${file}: ${namesOf(missing)} missing`)];
  const [other] = all.filter(isPair).flatMap(({ words }) => words.filter((word) => others.has(word)));
  return other === undefined
    ? []
    : [refusal(`${file}: keys of ${other}, and only keys of X can be imported`)];
}

const namesOf = (missing: readonly Role[]): string =>
  `${listed(missing.map((role) => commonNames[role]))} ${missing.length > 1 ? 'are' : 'is'}`;

const refusal = (message: string): FlockError =>
  new FlockError('data', message, {
    hint: 'all four values of one key are needed; or make a new key: keymaker make-keys ./poems',
  });
