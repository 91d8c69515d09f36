import { FlockError } from '../errors.ts';

/** The name of a bot: its poem's file name, made safe for a file name, a command line and a web address. */
export type BotName = string & { readonly __brand: 'BotName' };

/*
 * The marks of a letter are a part of it: vowel signs of Devanagari, harakat of Arabic, accents that NFC cannot join. A mark
 * without a letter is not kept, and variation selectors are never: the names of 🌙 and ❤️ would be invisible.
 */
const mark = String.raw`(?:(?!\p{VS})[\p{Mn}\p{Mc}])`;
const word = String.raw`(?:[\p{L}\p{N}]${mark}*|[_-])+`;
const words = new RegExp(word, 'gu');
const safe = new RegExp(`^${word}$`, 'u');

/** The longest name that leaves room for what the file of a key bundle is called while it is written. Bytes of UTF-8. */
const maxNameBytes = 200;

/**
 * The name of the bot that reads a poem: `poems/Howl, Part 1.txt` is read by `howl-part-1`. Letters and digits of any script,
 * `_` and `-` stay, each run of anything else becomes one `-`, and none stands at either end.
 *
 * @returns undefined where nothing is left, or more than a file name has room for
 */
export function botNameOf(poem: string): BotName | undefined {
  const kept = stemOf(poem, poemEnding)
    .replaceAll(/\p{VS}/gu, '')
    .match(words);
  const name = lower((kept ?? []).join('-')).replaceAll(/^-+|-+$/g, '');
  return name === '' || Buffer.byteLength(name) > maxNameBytes ? undefined : brand(name);
}

/** The name that the bot of a poem had by an older rule, which kept a-z, 0-9, `_` and `-` alone. */
export const formerNameOf = (poem: string): BotName => brand(asBefore(stemOf(poem, poemEnding)));

/**
 * The name of the bot that a key bundle is of: the name of its file as it stands, where a bot can have that name.
 *
 * @returns the names it can have, the likeliest first; the older rule gave it the last
 */
export function namesOfBundle(file: string): [name: BotName, former: BotName] {
  const stem = stemOf(file, bundleEnding);
  const asItStands = lower(stem);
  const former = brand(asBefore(stem));
  return [isBotName(asItStands) ? asItStands : (botNameOf(stem) ?? former), former];
}

/** Whether a file is a poem by its name: the ending in any case. */
export const isPoem = (file: string): boolean => poemEnding.test(file);

/** Whether a text is a name that a bot can have. */
export const isBotName = (text: string): text is BotName => safe.test(text) && text === lower(text);

/**
 * A name a person typed.
 *
 * @throws {FlockError} `usage` where no bot can have that name
 */
export function parseBotName(text: string): BotName {
  // Some keyboards and file managers write é in two characters.
  const name = text.normalize('NFC');
  if (isBotName(name)) return name;
  throw new FlockError('usage', `${JSON.stringify(text)} is not the name of a bot`, {
    hint: `names have only lower case letters, digits, _ and -; did you mean ${botNameOf(text) ?? 'another'}?`,
  });
}

const poemEnding = /\.txt$/i;
const bundleEnding = /\.json$/;

const stemOf = (file: string, ending: RegExp): string =>
  file
    .slice(file.lastIndexOf('/') + 1)
    .replace(ending, '')
    .normalize('NFC');

/** NFC once more: the capital of `ǰ` is in two characters. */
const lower = (text: string): string => text.toLowerCase().normalize('NFC');

const asBefore = (stem: string): string => stem.toLowerCase().replaceAll(/[^a-z0-9_-]/gu, '-');

const brand = (name: string): BotName => name as BotName;
