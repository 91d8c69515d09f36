import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { attempt, FlockError, systemCode } from '../../errors.ts';
import { chooseBots, type Chosen, poemFinder, takeKey, type Taken, type Taking } from '../../flock/import.ts';
import { knownBots } from '../../flock/load.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import { type Found, isKey, readForeign } from '../../keys/foreign-formats.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { findPoemsIfThere } from '../../poems/find.ts';
import { command, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { Outcomes } from './each-bot.ts';

/** A file of keys is no larger. Bytes. */
const maxSize = 256 * 1024;

/** The maximum number of files that are read concurrently. */
const readers = 64;

/** The keys of the newer xurl. Other files beside it are not for accounts. */
const xurlFile = 'auth.yml';

export const importKeys = command({
  summary: 'Make key bundles of keys that other programs have made',
  schema: z.object({
    file: z.string().meta({
      positional: true,
      kind: 'file',
      description: 'a file with keys of another program, or a folder of such files',
    }),
    bot: z.string().optional().meta({
      description: 'the bot that gets the key; of several keys, the one of that name',
      kind: 'bot',
    }),
    force: toggle('also replace valid keys'),
    ...placeFlags,
  }),
  exits: { partly: 'some keys were refused', data: 'all keys were refused, or there are none' },
  examples: [
    ['keymaker import ~/flock-2014/keys', 'the key bundles of an old Keymaker'],
    ['keymaker import ~/.twurlrc', 'the keys of twurl; t has its keys in ~/.trc'],
    ['keymaker import ~/.xurl --bot howl', 'the key of xurl, which does not name its account'],
    [
      'keymaker import bot.env --bot howl',
      'consumer_key, consumer_secret, access_token, access_token_secret',
    ],
  ],
  async run(args, terminal) {
    const wanted = args.bot === undefined ? undefined : parseBotName(args.bot);
    await using context = openContext(args);
    const { keys, paths } = context;
    const { root } = paths;
    const flockFile = await readFlockFile(paths.flockFile);
    const found = await findKeys(args.file);
    const faults = found.filter((key) => key instanceof FlockError);
    const taking: Taking = {
      keys,
      files: new Map((await keys.list()).map(({ bot, file }) => [bot, file])),
      owners: await keys.owners(),
      taken: new Set(),
      flockFile,
      findPoem: await poemFinder(root, knownBots(root, keys)),
      force: args.force,
      warn: terminal.warn,
    };
    const { poems } = await findPoemsIfThere(path.join(root, 'poems'), knownBots(root, keys));
    const bots = [...taking.files.keys(), ...flockFile.named, ...poems.map(({ bot }) => bot)];
    const choice = { wanted, flockFile, known: new Set<string>(bots), alone: found.length === 1 };
    const outcomes = new Outcomes<Taken['key']>(terminal);
    const chosen = attempt(() => chooseBots(found.filter(isKey), choice));
    if (chosen instanceof FlockError) {
      for (const { message, hint } of faults) terminal.warn(message, hint);
      throw chosen;
    }
    try {
      // If one of many keys is wanted, the faults of the others do not matter.
      if (wanted === undefined || chosen.length === 0) for (const fault of faults) outcomes.fail(fault);
      for (const key of chosen)
        await outcomes.add(
          () => take(key, taking, terminal),
          ({ exit }) => exit === 'data',
        );
    } finally {
      terminal.say();
      outcomes.summarize(['imported', 'kept'], 'refused');
      if (outcomes.has('imported')) terminal.say('X was not asked: keymaker doctor checks the keys there.');
    }
    return outcomes.exit;
  },
});

/** @throws {FlockError} `data` if there is nothing to read */
async function findKeys(place: string): Promise<Found[]> {
  const files = await filesIn(place);
  if (files.length === 0)
    throw new FlockError('data', `${place}: no key files in this folder`, {
      hint: 'their names end in .json, .yml, .yaml, .ini or .env',
    });
  const found = await pMap(files, readKeys, { concurrency: readers });
  return found.flat();
}

async function filesIn(place: string): Promise<string[]> {
  try {
    const names = await readdir(place);
    const bundles = names.filter((name) => name.endsWith('.json'));
    const others = names.filter((name) => /\.(?:ya?ml|ini|env)$/.test(name));
    const keyFiles = names.includes(xurlFile) ? [xurlFile] : bundles.length > 0 ? bundles : others;
    return keyFiles.sort().map((name) => path.join(place, name));
  } catch (cause) {
    if (systemCode(cause) === 'ENOTDIR') return [place];
    throw unreadable(place, cause);
  }
}

async function readKeys(file: string): Promise<Found[]> {
  let text: Buffer;
  try {
    // A file among a person's dotfiles is often a symbolic link.
    text = await readRegularFile(await realpath(file), maxSize);
  } catch (cause) {
    return [unreadable(file, cause)];
  }
  return readForeign(text.toString('utf8'), file);
}

const unreadable = (file: string, cause: unknown): FlockError =>
  new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
    hint: 'give a file of keys, or a folder of key bundles',
    cause,
  });

/** Imports one key, and says where it is. @throws {FlockError} `data` if it is refused */
async function take(chosen: Chosen, taking: Taking, terminal: Terminal): Promise<Taken['key']> {
  const { bot } = chosen;
  const taken = await takeKey(chosen, taking);
  const { screenName, userId = 'unknown' } = taken.bundle;
  if (taken.key === 'kept') {
    const whose = screenName === undefined ? '' : ` for @${screenName}`;
    terminal.say(`${bot} has a key${whose}; --force replaces it.`);
  } else {
    const account =
      screenName === undefined ? `the account with id ${userId}` : `@${screenName} (id ${userId})`;
    terminal.say(`${bot} is ${account}: ${path.relative('.', taken.file)}`, 'green');
  }
  return taken.key;
}
