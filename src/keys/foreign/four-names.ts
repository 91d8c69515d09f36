import { FlockError } from '../../errors.ts';
import { botNameOf } from '../../flock/bot.ts';
import { shown } from '../../text.ts';
import { tokenText } from '../key-bundle.ts';
import { foreignKey, type Found, isKey } from './foreign-key.ts';
import { parseLines } from './foreign-text.ts';

/*
 * The four values of an OAuth 1.0a key under the names that nearly every program has for them, wherever they stand: flat or
 * nested, snake, camel or SCREAMING case, after the name of the network (`TWITTER_`, `X_`), of a profile or of an account. So
 * keep them twarc, twitter_ebooks, botfriend, tweepy's and twitter-api-v2's examples, and the settings of countless bots.
 */

type Role = 'consumerToken' | 'consumerSecret' | 'token' | 'secret';

/** How messages call what is missing. */
const usual: Record<Role, string> = {
  consumerToken: 'consumer_key',
  consumerSecret: 'consumer_secret',
  token: 'access_token',
  secret: 'access_token_secret',
};
const roles = Object.keys(usual) as Role[];

/** The names of each part, as they end a name in snake case; the longest that fits counts. */
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

/** Words before a name that say nothing of whose key it is. */
const general = new Set(
  `accounts account access api app apps application auth authentication bot bots config configuration consumer credentials
  default dev development env environment keys main my oauth oauth1 production profile profiles prod publish publisher
  publishers secrets settings social test tokens tw twitter user users v1 x`.split(/\s+/),
);

/** Networks whose keys may stand beside X's, under the same names. */
const others = new Set(
  `bluesky bsky cohost discord discogs facebook fb fitbit flickr github gitlab goodreads google instagram linkedin mastodon
  meetup openai pinterest plurk pocket reddit slack smugmug spotify telegram threads trello tumblr twitch vimeo wordpress xing
  youtube`.split(/\s+/),
);

/** A part of a key: its name as the file has it. */
interface Part {
  name: string;
  value: unknown;
}

/** The parts that stand together, by the words before their names. */
interface Group {
  words: string[];
  parts: Map<(typeof endings)[number][0], Part>;
}

/** The keys in a value, and what is most of one; nothing where there is none. No secret is in a refusal. */
export function readFour(value: unknown, file: string): Found[] {
  const all = groupsIn(value);
  const groups = all.filter(({ words }) => !words.some((word) => others.has(word)));
  const wholes = groups.filter(isPair);
  const found = withoutCopies(wholes.map((group) => keyOf(group, groups, file, wholes.length > 1)));
  if (found.some(isKey)) return found;
  return found.length > 0 ? found : refusalFor(groups, all, file);
}

const isPair = ({ parts }: Group): boolean => parts.has('token') && parts.has('secret');

/** How deep and how many settings are looked at: what is more is no file of keys. */
const deepest = 12;
const most = 10_000;

function groupsIn(value: unknown): Group[] {
  const groups = new Map<string, Group>();
  let left = most;
  const add = (path: readonly string[], given: string, part: unknown): void => {
    const name = [...path, given].map(snake).join('_');
    const ending = endingOf(name);
    if (!ending) return;
    const words = name
      .slice(0, ending.at)
      .split('_')
      .filter((word) => word !== '');
    // `token` and `secret` are words for many things.
    const isBare = ending.length < 'token_secret'.length && /^(?:token|secret)$/.test(name.slice(ending.at));
    if (isBare && words.some((word) => !general.has(word) && !/^\d+$/.test(word)) && path.length === 0)
      return;
    const key = words.join('_');
    const group = groups.get(key) ?? { words, parts: new Map() };
    groups.set(key, group);
    group.parts.set(ending.part, { name: given, value: part });
  };
  const walk = (node: unknown, path: readonly string[]): void => {
    if (node === null || typeof node !== 'object' || path.length > deepest) return;
    for (const [name, item] of entriesOf(node)) {
      if (left-- <= 0) return;
      if (item !== null && typeof item === 'object') walk(item, [...path, name]);
      else add(path, name, item);
    }
  };
  walk(value, []);
  return [...groups.values()];
}

/** The entries of an object or list; of a list of assignments (`- NAME=value`), these. */
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
    // It begins a word: `monkey` does not end with `key`.
    return at === 0 || (at > 0 && name[at - 1] === '_') ? [{ part, at, length: name.length - at }] : [];
  });
  return found.sort((one, other) => other.length - one.length)[0];
}

/** What is special in the words before a name. */
const special = ({ words }: Group): string[] =>
  words.filter((word) => !general.has(word) && !/^\d+$/.test(word));

/** The app's keys that hold for a group: its own, or those of a group around it. */
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

/** How many words two groups have in common, from the first. */
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

/** The name of an account of X. */
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

/** Which of several keys in a file one is. A name that could be a secret is not shown. */
function titleOf({ words, parts }: Group, file: string, isOneOfMany: boolean): string {
  if (!isOneOfMany) return file;
  const name = fitting(parts.get('name'), handle);
  return `${file}: ${name === undefined ? shown(words.join('_')) || 'the first' : `@${name}`}`;
}

const stemOf = (file: string): string => /([^/]+?)(?:\.[a-z]+)?$/.exec(file)?.[1]?.replace(/^\./, '') ?? '';

/** A key that stands twice in a file is one. */
function withoutCopies(found: readonly Found[]): Found[] {
  const seen = new Set<string>();
  return found.filter((key) => {
    if (!isKey(key)) return true;
    const { token } = key.bundle.accessToken.reveal();
    return seen.size < seen.add(token).size;
  });
}

/** Why there is no whole key, where there is most of one; nothing where these may be the keys of anything. */
function refusalFor(groups: readonly Group[], all: readonly Group[], file: string): Found[] {
  const isOfOAuth2 = groups.some(({ parts }) => parts.has('oauth2'));
  // An access token of OAuth 2 does not begin with an account's id.
  const isThere = ({ parts }: Group, role: Role): boolean =>
    parts.has(role) && (role !== 'token' || !isOfOAuth2 || /^[0-9]+-/.test(String(parts.get(role)?.value)));
  const there = roles.filter((role) => groups.some((group) => isThere(group, role)));
  const missing = roles.filter((role) => !there.includes(role));
  const hasApp = there.includes('consumerToken') && there.includes('consumerSecret');
  if (hasApp && there.length === 2) {
    return [refusal(`${file}: an app's keys alone, and no access token of an account`)];
  }
  if (missing.length === 0) return [refusal(`${file}: its four values do not belong together`)];
  if (there.length >= 2) return [refusal(`${file}: ${namesOf(missing)} missing`)];
  const [other] = all.filter(isPair).flatMap(({ words }) => words.filter((word) => others.has(word)));
  return other === undefined
    ? []
    : [refusal(`${file}: keys of ${other}, and only keys of X can be imported`)];
}

const namesOf = (missing: readonly Role[]): string => {
  const names = missing.map((role) => usual[role]);
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last} are` : `${last} is`;
};

const refusal = (message: string): FlockError =>
  new FlockError('data', message, {
    hint: 'all four values of one key are needed; or make a new key: keymaker make-keys ./poems',
  });
