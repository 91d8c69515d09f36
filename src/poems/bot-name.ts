import { FlockError } from '../errors.ts';

/** The name of a bot: its poem's file name, made safe for file names, command lines and URLs. This module is the rule. */
export type BotName = string & { readonly __brand: 'BotName' };

/*
 * The marks of a letter belong to it: vowel signs of Devanagari, harakat of Arabic, accents that NFC cannot compose. A mark
 * without a letter and all variation selectors are dropped: the names of 🌙 and ❤️ would be invisible.
 */
const mark = String.raw`(?:(?!\p{VS})[\p{Mn}\p{Mc}])`;
const word = String.raw`(?:[\p{L}\p{N}]${mark}*|[_-])+`;
const words = new RegExp(word, 'gu');
const safe = new RegExp(`^${word}$`, 'u');

/** The longest name for which the temporary file of a key bundle still has a valid name. Bytes of UTF-8. */
const maxNameBytes = 200;

/**
 * The name of the bot that reads a poem: `poems/Howl, Part 1.txt` is read by `howl-part-1`. Letters and digits of any script,
 * `_` and `-` stay, each run of anything else becomes one `-`, and none stands at either end.
 *
 * @returns undefined if no character remains, or the name is too long
 */
export function botNameOf(poem: string): BotName | undefined {
  const kept = stemOf(poem, poemEnding)
    .replaceAll(/\p{VS}/gu, '')
    .match(words);
  const name = lower((kept ?? []).join('-')).replaceAll(/^-+|-+$/g, '');
  return name === '' || Buffer.byteLength(name) > maxNameBytes ? undefined : brand(name);
}

/** The name of a poem's bot by an older rule, which kept only a-z, 0-9, `_` and `-`. */
export const formerNameOf = (poem: string): BotName => brand(byOlderRule(stemOf(poem, poemEnding)));

/**
 * The names of a bundle's bot.
 *
 * @returns first the name of the file itself, if it is a valid bot name; then the name by the older rule
 */
export function namesOfBundle(file: string): [name: BotName, former: BotName] {
  const stem = stemOf(file, bundleEnding);
  const asItStands = lower(stem);
  const former = brand(byOlderRule(stem));
  return [isBotName(asItStands) ? asItStands : (botNameOf(stem) ?? former), former];
}

/** Whether a file is a poem, by its name. */
export const isPoem = (file: string): boolean => poemEnding.test(file);

/** Whether a text is a valid bot name. */
export const isBotName = (text: string): text is BotName => safe.test(text) && text === lower(text);

/** Reads a bot name that a person typed. @throws {FlockError} `usage` if it is no valid bot name */
export function parseBotName(text: string): BotName {
  // Some keyboards and file managers write é as two characters.
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

/** Lower case. NFC once more, since the capital of `ǰ` is two characters. */
const lower = (text: string): string => text.toLowerCase().normalize('NFC');

const byOlderRule = (stem: string): string => stem.toLowerCase().replaceAll(/[^a-z0-9_-]/gu, '-');

const brand = (name: string): BotName => name as BotName;
