import { parseDocument } from 'yaml';
import * as z from 'zod';
import { attempt, FlockError } from '../errors.ts';
import { type BotName, botNameOf } from '../poems/bot-name.ts';
import { firstIssue, listed, parseJson, shown } from '../text.ts';
import { type KeyBundle, maskToken, parseKeyBundle, tokenText } from './bundle.ts';
import { botOfBundle } from './store.ts';

/*
 * The keys of other programs: recognizes the format of a file by its content, and makes key bundles of the keys in it.
 */

/** A key from another program. */
export interface ForeignKey {
  /** Its name in messages: `keys/howl.json`, `.twurlrc: @howl`. */
  title: string;
  /** The bot that its file is named for, if the file holds only this key. */
  ownName: BotName | undefined;
  /** Names beside the key that may be the bot's, if there is such a bot. */
  mayBe?: readonly BotName[];
  /** The bundle; its poem's path is the other program's. */
  bundle: KeyBundle;
}

/** A key in a file, or the reason why a key there cannot be used. */
export type Found = ForeignKey | FlockError;

export const isKey = (found: Found): found is ForeignKey => !(found instanceof FlockError);

/**
 * Reads the keys in a file of another program.
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
      ? unusable(`${file}: neither JSON nor YAML, and no keys in its lines`, copyAgain)
      : unknownFormat(file);
  });
  return found instanceof FlockError ? [found] : found;
}

const remake = 'make a new key: keymaker make-keys ./poems';
const copyAgain = `copy the file again, or ${remake}`;

const unusable = (message: string, hint = remake): FlockError => new FlockError('data', message, { hint });

/** @throws {FlockError} `data` if it holds no key at all */
function readValue(value: unknown, text: string, file: string): Found[] {
  if (value === null || typeof value !== 'object') throw unknownFormat(file);
  const has = (...fields: string[]): boolean => fields.some((field) => field in value);
  if (has('profiles')) return readTwurl(value, file);
  if (has('consumer_token', 'consumer_token_secret', 'app_password')) return [readBundle(text, file)];
  if (has('client_id') && has('client_secret') && has('token', 'login')) {
    // The bundle of a relative of the old programs.
    const hint = 'leave it where it is; flockd posts only to X';
    throw unusable(`${file}: the key of a GitHub bot, not of an X account`, hint);
  }
  const isXurl = has('apps', 'oauth1_token', 'oauth1_tokens', 'oauth2_tokens', 'bearer_token');
  const ofXurl = isXurl ? readXurl(value, file) : [];
  if (ofXurl.length > 0) return ofXurl;
  const found = readFour(value, file);
  if (found.length > 0) return found;
  if (isXurl) {
    const why = 'no OAuth 1.0a key in it; OAuth 2 tokens and bearer tokens cannot be used';
    throw unusable(`${file}: ${why}`, 'make the key: keymaker make-keys ./poems');
  }
  if (!has('client_id', 'client_secret', 'refresh_token', 'access_token')) throw unknownFormat(file);
  const hint = 'make a key of OAuth 1.0a: keymaker make-keys ./poems';
  throw unusable(`${file}: keys of OAuth 2, which cannot be used`, hint);
}

function unknownFormat(file: string): FlockError {
  const hint =
    'give a key bundle or a folder of them, ~/.twurlrc, ~/.trc, the ~/.xurl of xurl, or any JSON, YAML, INI or .env file with consumer_key, consumer_secret, access_token and access_token_secret';
  return unusable(`${file}: no keys in a known format`, hint);
}

/** The fields of a bundle that another program's key has. */
type Fields = Record<Role, string> & { user_id?: string | undefined; screen_name?: string | undefined };

/** The key made of parts, checked by the rules of bundles; or the reason why it is none. */
const foreignKey = (title: string, fields: Fields): Found =>
  attempt(() => ({
    title,
    ownName: undefined,
    bundle: parseKeyBundle(JSON.stringify(fields), title),
  }));

/** The key that a schema finds in a part of a file; or why there is none, which names the first wrong field, never its value. */
function readBy(schema: z.ZodType<Fields>, value: unknown, title: string): Found {
  const { data, error } = schema.safeParse(value);
  return data ? foreignKey(title, data) : unusable(`${title}: ${firstIssue(error, 'not a key')}`);
}

/*
 * Programs that are recognized by their format: old key bundles, the stores of twurl and t, and of xurl.
 */

/**
 * The key in a bundle of the 2014 Keymaker, of its descendants, or of this program: flat JSON with `consumer_token`,
 * `consumer_token_secret`, `oauth_token`, `oauth_token_secret`, often `user_id`, `screen_name`, `poem_file` or `file`, and other
 * fields of any type.
 */
const readBundle = (text: string, file: string): Found =>
  attempt(() => {
    const bundle = parseKeyBundle(text, file);
    // Some old programs replaced every `?txt` in a name, so `atxtual.txt` has its key in `.jsonual.json`.
    const isBroken = /(^|\/)\.[^/]*$/.test(file);
    const ownName = isBroken ? botNameOf(bundle.poemFile ?? '') : botOfBundle(file);
    return { title: file, ownName, bundle };
  });

/** A part of a token pair. */
const part = z.string('is missing or not a string').min(1, 'is empty');

const twurlProfile = z
  .object({
    username: z
      .string('is not a string')
      .regex(/^\w{1,50}$/, 'is not a screen name')
      .optional(),
    consumer_key: part,
    consumer_secret: part,
    token: part,
    secret: part,
  })
  .transform(({ username, consumer_key, consumer_secret, token, secret }) => ({
    consumer_token: consumer_key,
    consumer_token_secret: consumer_secret,
    oauth_token: token,
    oauth_token_secret: secret,
    screen_name: username,
  }));

/**
 * The keys in the `~/.twurlrc` of `twurl` or the `~/.trc` of `t`: `profiles.<screen name>.<consumer key>` with `username`,
 * `consumer_key`, `consumer_secret`, `token` and `secret`.
 *
 * @throws {FlockError} `data` if there are no profiles
 */
function readTwurl(value: object, file: string): Found[] {
  const profiles = Object.entries(recordOf('profiles' in value ? value.profiles : undefined));
  if (profiles.length === 0) throw unusable(`${file}: no accounts in it`);
  return profiles.flatMap(([name, apps], index) => {
    // In a malformed file a token may be in the place of a profile's name; tokens are longer.
    const title = `${file}: ${/^\w{1,20}$/.test(name) ? `@${name}` : `profile ${index + 1}`}`;
    const entries = Object.entries(recordOf(apps));
    if (entries.length === 0) return [unusable(`${title}: no key in it`)];
    return entries.map(([consumerKey, found]) => {
      // The names of the profile and the app stand for fields that are missing in it.
      const isProfile = found !== null && typeof found === 'object';
      const whole = isProfile ? { username: name, consumer_key: consumerKey, ...found } : found;
      // An account may have keys of several apps, whose names are their tokens.
      const which = entries.length > 1 ? `${title} (app ${maskToken(consumerKey)})` : title;
      return readBy(twurlProfile, whole, which);
    });
  });
}

const recordOf = (value: unknown): Record<string, unknown> =>
  z.record(z.string(), z.unknown()).catch({}).parse(value);

const xurlToken = z
  .object(
    {
      oauth1: z.object({
        // Nothing else in the store names the account.
        access_token: part.regex(/^[0-9]+-/, "does not begin with an account's id"),
        token_secret: part,
        consumer_key: part,
        consumer_secret: part,
      }),
    },
    'is not a token',
  )
  .transform(({ oauth1: { access_token, token_secret, consumer_key, consumer_secret } }) => ({
    consumer_token: consumer_key,
    consumer_token_secret: consumer_secret,
    oauth_token: access_token,
    oauth_token_secret: token_secret,
  }));

/**
 * The keys in the store of `xurl`: `oauth1_token.oauth1` with `access_token`, `token_secret`, `consumer_key` and
 * `consumer_secret`, in `apps.<name>`, or at the top in its first versions, which also called it `oauth1_tokens`.
 */
function readXurl(value: object, file: string): Found[] {
  const apps = Object.entries(recordOf('apps' in value ? value.apps : undefined));
  const places = [
    [file, value] as const,
    ...apps.map(([name, app]) => [`${file}: app ${JSON.stringify(name)}`, app] as const),
  ];
  return places.flatMap(([title, app]) => {
    const { oauth1_token, oauth1_tokens } = recordOf(app);
    const token = oauth1_token ?? oauth1_tokens ?? undefined;
    return token === undefined ? [] : [readBy(xurlToken, token, title)];
  });
}

/*
 * Any other program: the four values of an OAuth 1.0a key under their common names, flat or nested, in snake, camel or SCREAMING
 * case, after the name of the network (`TWITTER_`, `X_`), of a profile or of an account. This covers twarc, twitter_ebooks,
 * botfriend, the examples of tweepy and twitter-api-v2, and the settings of many bots.
 */

/** The fields of the four values in a bundle, with their names in messages. */
const roles = {
  consumer_token: 'consumer_key',
  consumer_token_secret: 'consumer_secret',
  oauth_token: 'access_token',
  oauth_token_secret: 'access_token_secret',
};
type Role = keyof typeof roles;
const allRoles = ['consumer_token', 'consumer_token_secret', 'oauth_token', 'oauth_token_secret'] as const;

type PartName = Role | 'name' | 'id' | 'oauth2';

/** The names of each part, as endings of a name in snake case. The longest match counts. */
const endings: [part: PartName, ending: RegExp][] = [
  ['consumer_token', /consumer_?(?:api_?)?(?:key|token)$|(?:api|app|application)_?key$|client_key$/],
  [
    'consumer_token_secret',
    /consumer_?(?:api_?)?(?:key_?|token_?)?secret(?:_?key)?$|(?:api|app|application)_?(?:key_?)?secret(?:_?key)?$/,
  ],
  [
    'oauth_token',
    /access_?token(?:_?key)?$|access_?key$|oauth_?(?:access_?)?token$|resource_owner_key$|token$/,
  ],
  [
    'oauth_token_secret',
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
  parts: Map<PartName, Part>;
}

/** The keys in a value, or why a partial key cannot be used; empty if there is neither. Errors quote no secret. */
function readFour(value: unknown, file: string): Found[] {
  const all = groupsIn(value);
  const groups = all.filter(({ words }) => !words.some((word) => others.has(word)));
  const wholes = groups.filter(isPair);
  const seen = new Set<string>();
  const found = wholes
    .map((group) => keyOf(group, groups, { file, isOneOfMany: wholes.length > 1 }))
    .filter((key) => !isKey(key) || seen.size < seen.add(key.bundle.accessToken.reveal().token).size);
  if (found.some(isKey)) return found;
  return found.length > 0 ? found : refusalFor(groups, all, file);
}

const isPair = ({ parts }: Group): boolean => parts.has('oauth_token') && parts.has('oauth_token_secret');
const isApp = ({ parts }: Group): boolean =>
  parts.has('consumer_token') && parts.has('consumer_token_secret');

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
    const words = name.slice(0, ending.at).split('_').filter(Boolean);
    // Alone, `token` and `secret` may be anything.
    const isBare = /^(?:token|secret)$/.test(name.slice(ending.at));
    if (isBare && path.length === 0 && special(words).length > 0) return;
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

function endingOf(name: string): { part: PartName; at: number } | undefined {
  const found = endings.flatMap(([part, ending]) => {
    const at = name.search(ending);
    // An ending must begin a word: `monkey` does not end with `key`.
    return at === 0 || (at > 0 && name[at - 1] === '_') ? [{ part, at }] : [];
  });
  return found.sort((one, other) => one.at - other.at)[0];
}

/** The words before a name that may name an account. */
const special = (words: readonly string[]): string[] =>
  words.filter((word) => !general.has(word) && !/^\d+$/.test(word));

/** The group with the app keys of a group: itself, or the nearest that encloses it. */
function appOf(group: Group, groups: readonly Group[]): Group | undefined {
  if (isApp(group)) return group;
  const own = special(group.words).join(' ');
  /** How many leading words a group has in common with this one. */
  const nearness = ({ words }: Group): number => {
    const differs = words.findIndex((word, at) => word !== group.words[at]);
    return differs < 0 ? words.length : differs;
  };
  return groups
    .filter(isApp)
    .filter(({ words }) => `${own} `.startsWith([...special(words), ''].join(' ')))
    .sort((one, other) => nearness(other) - nearness(one))[0];
}

function keyOf(
  group: Group,
  groups: readonly Group[],
  { file, isOneOfMany }: { file: string; isOneOfMany: boolean },
): Found {
  const { words, parts } = group;
  const screenName = fitting(parts.get('name'), /^@?([A-Za-z0-9_]{1,15})$/);
  // Several keys of a file are told apart by the words before them. Those that could be a secret are not shown.
  const label = screenName === undefined ? shown(words.join('_')) || 'the first' : `@${screenName}`;
  const title = isOneOfMany ? `${file}: ${label}` : file;
  const app = appOf(group, groups)?.parts ?? parts;
  const partOf = (role: Role): Part | undefined => (role.startsWith('consumer') ? app : parts).get(role);
  const missing = allRoles.filter((role) => !partOf(role));
  if (missing.length > 0) return refusal(`${title}: ${namesOf(missing)} missing`);
  for (const role of allRoles) {
    const fault = faultOf(role, partOf(role)?.value);
    if (fault !== undefined) return refusal(`${title}: ${partOf(role)?.name ?? role} ${fault}`);
  }
  const values = allRoles.map((role) => [role, String(partOf(role)?.value)]);
  const key = foreignKey(title, {
    ...(Object.fromEntries(values) as Record<Role, string>),
    screen_name: screenName,
    user_id: fitting(parts.get('id'), /^([0-9]{1,20})$/),
  });
  const names = [special(words).join('_'), isOneOfMany ? '' : stemOf(file)];
  const mayBe = names.filter((name) => !general.has(name)).flatMap((name) => botNameOf(name) ?? []);
  return isKey(key) ? { ...key, mayBe } : key;
}

const fitting = (part: Part | undefined, pattern: RegExp): string | undefined =>
  part === undefined ? undefined : pattern.exec(String(part.value))?.[1];

/** What is wrong with the value of a part. */
function faultOf(role: Role, value: unknown): string | undefined {
  const { error } = tokenText.safeParse(value);
  if (error) return error.issues[0]?.message ?? 'is wrong';
  if (!/^[\w-]+$/.test(String(value))) return 'has characters that no token has: is it the value itself?';
  if (role !== 'oauth_token' || /^[0-9]+-/.test(String(value))) return undefined;
  return "does not begin with an account's id, as the OAuth 1.0a tokens of X do";
}

const stemOf = (file: string): string => /([^/]+?)(?:\.[a-z]+)?$/.exec(file)?.[1]?.replace(/^\./, '') ?? '';

/** Why a partial key cannot be used; empty if the values may belong to anything else. */
function refusalFor(groups: readonly Group[], all: readonly Group[], file: string): Found[] {
  const isOfOAuth2 = groups.some(({ parts }) => parts.has('oauth2'));
  // A token of OAuth 2 does not begin with an account's id, so it is no part of the key.
  const isPresent = ({ parts }: Group, role: Role): boolean =>
    parts.has(role) &&
    (role !== 'oauth_token' || !isOfOAuth2 || /^[0-9]+-/.test(String(parts.get(role)?.value)));
  const present = allRoles.filter((role) => groups.some((group) => isPresent(group, role)));
  const missing = allRoles.filter((role) => !present.includes(role));
  const isOfApp = present.every((role) => role.startsWith('consumer'));
  if (isOfApp && present.length === 2)
    return [refusal(`${file}: an app's keys alone, and no access token of an account`)];
  if (missing.length === 0) return [refusal(`${file}: its four values do not belong together`)];
  if (present.length >= 2) return [refusal(`${file}: ${namesOf(missing)} missing`)];
  const [other] = all.filter(isPair).flatMap(({ words }) => words.filter((word) => others.has(word)));
  return other === undefined
    ? []
    : [refusal(`${file}: keys of ${other}, and only keys of X can be imported`)];
}

const namesOf = (missing: readonly Role[]): string =>
  `${listed(missing.map((role) => roles[role]))} ${missing.length > 1 ? 'are' : 'is'}`;

const refusal = (message: string): FlockError =>
  unusable(message, `all four values of one key are needed; or ${remake}`);

/*
 * The syntaxes that programs keep settings in: JSON, YAML, INI, `.env` files, exports of a shell, and assignments in source code.
 * The parsers' messages are dropped, since they quote the text, which may be a secret.
 */

/**
 * The value of a JSON or YAML text, or undefined if it is neither. In YAML every scalar but null is read as a string, so that a
 * secret of digits keeps its text.
 *
 * @throws {FlockError} `data`, naming the file, if it begins like JSON but is cut off or damaged
 */
function parseQuietly(text: string, file: string): unknown {
  const plain = text.replace(/^\ufeff/, '');
  const [first = ''] = plain.trimStart().split('\n');
  const isJson = /^[{"]/.test(first) || (first.startsWith('[') && sectionIn(first) === undefined);
  if (!isJson) return parseYaml(plain);
  const value = parseJson(plain);
  if (value === undefined) throw unusable(`${file}: not whole JSON (cut off, or damaged)`, copyAgain);
  return value;
}

/** @returns undefined if it is no YAML, or its aliases expand too far */
function parseYaml(text: string): unknown {
  try {
    const document = parseDocument(text, { schema: 'failsafe', customTags: ['null'], logLevel: 'error' });
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

/** The name of a section, if a line begins one: `[howl]` in INI, or `….new("howl") do` in the Ruby source of twitter_ebooks. */
const sectionIn = (line: string): string | undefined =>
  /^\s*\[([^\][]+)\]\s*$/.exec(line)?.[1]?.trim() ??
  /\.new\(?\s*["'](\w{1,15})["']\s*\)?\s+do\b/.exec(line)?.[1];

/** Keywords before a name in shells, systemd units and JavaScript. */
const keywords = /^(?:(?:export|declare -x|const|let|var)\s+|Environment=["']?)/;

/** `NAME=value`, `name: 'value',` and `'name' => 'value'`. */
const assignment = /^["']?([\w.@$-]+)["']?\s*(?:=>|:=|=|:)\s*(.*)$/;

/** An assignment in csh and fish. */
const setting = /^(?:setenv|set -\w+)\s+([\w.]+)\s+(.*)$/;

/** The assignments in a text; those of a section are nested below its name. */
function parseLines(text: string): Record<string, unknown> {
  const root: [string, unknown][] = [];
  const sections: [head: string, entries: [string, string][]][] = [];
  for (const line of text.split(/\r?\n/)) {
    const head = sectionIn(line);
    if (head !== undefined) {
      // A second section of the same name gets its own entry.
      const isTwice = sections.some(([other]) => other === head);
      sections.push([isTwice ? `${head} ${sections.length}` : head, []]);
      continue;
    }
    const plain = line.trim().replace(keywords, '');
    const [, name, rest] = setting.exec(plain) ?? assignment.exec(plain) ?? [];
    const value = rest === undefined ? undefined : valueIn(rest);
    if (name === undefined || value === undefined) continue;
    const entries = sections.at(-1)?.[1] ?? root;
    // `USER` in an environment is the system's user, not the account.
    if (entries !== root || !/^user(name)?$/i.test(name)) entries.push([name.replace(/^.*[.@$]/, ''), value]);
  }
  const below = sections.map(([head, entries]): [string, unknown] => [head, Object.fromEntries(entries)]);
  return Object.fromEntries([...root, ...below]);
}

/** A value without quotes, trailing punctuation and comments; undefined if a quote is not closed. */
function valueIn(text: string): string | undefined {
  const [, , inQuotes] = /^(["'`])(.*?)\1\s*[,;}"']*\s*(?:(?:#|\/\/).*)?$/.exec(text) ?? [];
  if (inQuotes !== undefined) return inQuotes;
  if (/^["'`]/.test(text)) return undefined;
  return text
    .replace(/(?:^|\s)(?:#|\/\/).*$/, '')
    .replace(/[,;"']+\s*$/, '')
    .trim();
}
