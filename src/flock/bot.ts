import { FlockError } from '../errors.ts';

/** The name of a bot: its poem's file name, made safe for a file name, a unit name and a web address. */
export type BotName = string & { readonly __brand: 'BotName' };

const safe = /^[a-z0-9_-]+$/;

/** The bot that a file belongs to: `poems/Howl, Part 1.txt` is read by `howl--part-1`, `keys/howl.json` opens for `howl`. */
export function botNameOf(file: string, extension: '.txt' | '.json'): BotName {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const stem = base.endsWith(extension) ? base.slice(0, -extension.length) : base;
  return brand(
    stem
      .normalize('NFC')
      .toLowerCase()
      .replaceAll(/[^a-z0-9_-]/gu, '-'),
  );
}

/**
 * A name a person typed.
 *
 * @throws {FlockError} `usage` where no bot can have that name
 */
export function parseBotName(text: string): BotName {
  if (safe.test(text)) return brand(text);
  throw new FlockError('usage', `${JSON.stringify(text)} is not the name of a bot`, {
    hint: `names have only a-z, 0-9, _ and -; did you mean ${botNameOf(text, '.txt') || 'another'}?`,
  });
}

const brand = (name: string): BotName => name as BotName;
