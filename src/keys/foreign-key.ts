import { parseDocument } from 'yaml';
import * as z from 'zod';
import { FlockError } from '../errors.ts';
import type { BotName } from '../poems/bot-name.ts';
import { parseJson } from '../text.ts';
import { type KeyBundle, parseKeyBundle } from './bundle.ts';

/*
 * The keys of other programs: how one becomes a key bundle, and the parsers of the syntaxes that settings are kept in.
 * foreign-formats.ts knows the programs.
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

/** A part of a token pair in another program's file; {@link foreignKey} checks it. */
export const part = z.string('is missing or not a string').min(1, 'is empty');

interface Parts {
  consumerToken: string;
  consumerSecret: string;
  token: string;
  secret: string;
  screenName?: string | undefined;
  userId?: string | undefined;
  mayBe?: readonly BotName[];
}

/** The key made of parts, checked by the rules of bundles; or the reason why it is none. */
export function foreignKey(title: string, parts: Parts): Found {
  const stored = {
    consumer_token: parts.consumerToken,
    consumer_token_secret: parts.consumerSecret,
    oauth_token: parts.token,
    oauth_token_secret: parts.secret,
    user_id: parts.userId,
    screen_name: parts.screenName,
  };
  return attempt(() => ({
    title,
    ownName: undefined,
    ...(parts.mayBe && { mayBe: parts.mayBe }),
    bundle: parseKeyBundle(JSON.stringify(stored), title),
  }));
}

/** The function's result, or the FlockError that it throws. */
export function attempt<Result>(make: () => Result): Result | FlockError {
  try {
    return make();
  } catch (error) {
    if (error instanceof FlockError) return error;
    throw error;
  }
}

/** Why a part of a file is no key: names the first wrong field, never its value. */
export function refusalOf(title: string, { issues: [issue] }: z.ZodError): FlockError {
  const field = issue?.path.join('.') ?? '';
  const why = field === '' ? 'not a key' : `${field} ${issue?.message ?? 'is wrong'}`;
  return new FlockError('data', `${title}: ${why}`, { hint: 'make a new key: keymaker make-keys ./poems' });
}

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
export function parseQuietly(text: string, file: string): unknown {
  const plain = text.replace(/^\ufeff/, '');
  const [first = ''] = plain.trimStart().split('\n');
  const isJson = /^[{"]/.test(first) || (first.startsWith('[') && sectionIn(first) === undefined);
  if (!isJson) return parseYaml(plain);
  const value = parseJson(plain);
  if (value === undefined) throw unreadable(file, 'not whole JSON (cut off, or damaged)');
  return value;
}

export const unreadable = (file: string, why: string): FlockError =>
  new FlockError('data', `${file}: ${why}`, {
    hint: 'copy the file again, or make a new key: keymaker make-keys ./poems',
  });

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
export function parseLines(text: string): Record<string, unknown> {
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
