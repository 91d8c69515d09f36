import { parseDocument } from 'yaml';
import * as z from 'zod';
import { FlockError } from '../errors.ts';
import type { BotName } from '../poems/bot-name.ts';
import { type KeyBundle, parseKeyBundle } from './bundle.ts';

/** A key that another program made. */
export interface ForeignKey {
  /** How messages call it: `keys/howl.json`, `.twurlrc: @howl`. */
  title: string;
  /** The bot that its file is named for, where the file is its alone. */
  ownName: BotName | undefined;
  /** Names that stand with the key, and are its bot's where there is such a bot. */
  mayBe?: readonly BotName[];
  /** The poem's path as the other program had it. */
  bundle: KeyBundle;
}

/** What a file holds: keys, and what looks like a key but cannot be used, with the reason. */
export type Found = ForeignKey | FlockError;

export const isKey = (found: Found): found is ForeignKey => !(found instanceof FlockError);

/** A part of a token pair, as other programs keep it; what is in it is for {@link foreignKey} to judge. */
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

/** The key that these parts make, held to the rules of every bundle; or why they make none. */
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

/** What the function returns, or the FlockError that it throws. */
export function attempt<Result>(make: () => Result): Result | FlockError {
  try {
    return make();
  } catch (error) {
    if (error instanceof FlockError) return error;
    throw error;
  }
}

/** Why a part of a file is no key, by the first field that is wrong. Never the field's value. */
export function refusalOf(title: string, { issues: [issue] }: z.ZodError): FlockError {
  const field = issue?.path.join('.') ?? '';
  const why = field === '' ? 'not a key' : `${field} ${issue?.message ?? 'is wrong'}`;
  return new FlockError('data', `${title}: ${why}`, { hint: 'make a new key: keymaker make-keys ./poems' });
}

/*
 * What programs keep settings in: JSON, YAML, INI, `.env` files and exports of a shell, and the assignments in a program's own
 * source. The parsers' own messages quote the text, and so could print a secret; they go no further.
 */

/**
 * The value of a JSON or YAML text: in YAML every scalar is a string but null, since a secret of digits alone is not a number.
 * Undefined where the text is neither.
 *
 * @throws {FlockError} `data`, naming the file, where it begins as JSON does, and is cut off or damaged
 */
export function parseQuietly(text: string, file: string): unknown {
  const plain = text.replace(/^\ufeff/, '');
  const [first = ''] = plain.trimStart().split('\n');
  const isJson = /^[{"]/.test(first) || (first.startsWith('[') && sectionIn(first) === undefined);
  return isJson ? parseJson(plain, file) : parseYaml(plain);
}

function parseJson(text: string, file: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    throw unreadable(file, 'not whole JSON (cut off, or damaged)');
  }
}

export const unreadable = (file: string, why: string): FlockError =>
  new FlockError('data', `${file}: ${why}`, {
    hint: 'copy the file again, or make a new key: keymaker make-keys ./poems',
  });

/** @returns undefined where it is no YAML, or its aliases multiply */
function parseYaml(text: string): unknown {
  try {
    const document = parseDocument(text, { schema: 'failsafe', customTags: ['null'], logLevel: 'error' });
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

/** The head of a section: `[howl]`, and where a bot of twitter_ebooks begins in its Ruby source. */
const sectionIn = (line: string): string | undefined =>
  /^\s*\[([^\][]+)\]\s*$/.exec(line)?.[1]?.trim() ??
  /\.new\(?\s*["'](\w{1,15})["']\s*\)?\s+do\b/.exec(line)?.[1];

/** What may stand before a name: words of shells, systemd and JavaScript. */
const before = /^(?:(?:export|declare -x|const|let|var)\s+|Environment=["']?)/;

/** `NAME=value`, `name: 'value',` and `'name' => 'value'`. */
const assignment = /^["']?([\w.@$-]+)["']?\s*(?:=>|:=|=|:)\s*(.*)$/;

/** As the shells csh and fish assign. */
const setting = /^(?:setenv|set -\w+)\s+([\w.]+)\s+(.*)$/;

/** The assignments in a text; those below the head of a section by the section's name. */
export function parseLines(text: string): Record<string, unknown> {
  const root: [string, unknown][] = [];
  const sections: [head: string, entries: [string, string][]][] = [];
  for (const line of text.split(/\r?\n/)) {
    const head = sectionIn(line);
    if (head !== undefined) {
      // Two sections of one name are two all the same.
      const isTwice = sections.some(([other]) => other === head);
      sections.push([isTwice ? `${head} ${sections.length}` : head, []]);
      continue;
    }
    const plain = line.trim().replace(before, '');
    const [, name, rest] = setting.exec(plain) ?? assignment.exec(plain) ?? [];
    const value = rest === undefined ? undefined : valueIn(rest);
    if (name === undefined || value === undefined) continue;
    const entries = sections.at(-1)?.[1] ?? root;
    // Everybody's environment has a name in it, which is not that of the account.
    if (entries !== root || !/^user(name)?$/i.test(name)) entries.push([name.replace(/^.*[.@$]/, ''), value]);
  }
  const below = sections.map(([head, entries]): [string, unknown] => [head, Object.fromEntries(entries)]);
  return Object.fromEntries([...root, ...below]);
}

/** A value without its quotes and what follows it; undefined where a quote is not closed. */
function valueIn(text: string): string | undefined {
  const [, , inQuotes] = /^(["'`])(.*?)\1\s*[,;}"']*\s*(?:(?:#|\/\/).*)?$/.exec(text) ?? [];
  if (inQuotes !== undefined) return inQuotes;
  if (/^["'`]/.test(text)) return undefined;
  return text
    .replace(/(?:^|\s)(?:#|\/\/).*$/, '')
    .replace(/[,;"']+\s*$/, '')
    .trim();
}
