import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { type Exit, FlockError, systemCode } from '../../errors.ts';
import {
  type Choice,
  chooseBots,
  type Chosen,
  poemFinder,
  takeKey,
  type Taken,
  type Taking,
} from '../../flock/import.ts';
import { knownBots } from '../../flock/load.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import { type Found, isKey, readForeign } from '../../keys/foreign-formats.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { findPoemsIfThere } from '../../poems/find.ts';
import { command, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/** The keys of a thousand accounts are smaller. Bytes. */
const maxSize = 256 * 1024;

/** Files read at a time. */
const readers = 64;

/** Where the newer xurl has its keys; beside it are others, which are not for accounts. */
const xurlFile = 'auth.yml';

export const importKeys = command({
  summary: 'Take keys that other programs made into key bundles',
  schema: z.object({
    file: z.string().meta({
      positional: true,
      kind: 'file',
      description: 'a file of keys that another program made, or a folder of them',
    }),
    bot: z.string().optional().meta({
      description: 'the bot that gets the key; of several keys, the one of that name',
      kind: 'bot',
    }),
    force: toggle('also for bots that have a good key already'),
    ...placeFlags,
  }),
  exits: { partly: 'some keys were refused', data: 'all keys were refused, or there are none' },
  examples: [
    ['keymaker import ~/flock-2014/keys', 'the key bundles of an old Keymaker'],
    ['keymaker import ~/.twurlrc', 'the keys of twurl, as ~/.trc has those of t'],
    ['keymaker import ~/.xurl --bot howl', 'the key of xurl, which does not say whose it is'],
    [
      'keymaker import bot.env --bot howl',
      'consumer_key, consumer_secret, access_token, access_token_secret',
    ],
  ],
  async run(args, terminal) {
    const wanted = args.bot === undefined ? undefined : parseBotName(args.bot);
    await using context = openContext(args);
    const flockFile = await readFlockFile(context.paths.flockFile);
    const found = await findKeys(args.file);
    const taking = await openTaking(context, { flockFile, terminal, force: args.force });
    const names = knownBots(context.paths.root, context.keys);
    const { poems } = await findPoemsIfThere(path.join(context.paths.root, 'poems'), names);
    const known = new Set<string>([
      ...taking.files.keys(),
      ...flockFile.named,
      ...poems.map(({ bot }) => bot),
    ]);
    const chosen = choose(found, { wanted, flockFile, known, terminal });
    const results: Result[] = [];
    try {
      // Where one key is picked out of many, the others' faults are of no interest.
      if (wanted === undefined || chosen.length === 0)
        results.push(...found.flatMap((key) => refuse(key, terminal)));
      for (const key of chosen) results.push(await take(key, taking, terminal));
    } finally {
      summarize(results, terminal);
    }
    return exitOf(results);
  },
});

/** @throws {FlockError} `usage` where it is not clear which bot gets what; what cannot be used anyway is told before */
function choose(
  found: readonly Found[],
  { terminal, ...choice }: Omit<Choice, 'alone'> & { terminal: Terminal },
): Chosen[] {
  try {
    return chooseBots(found.filter(isKey), { ...choice, alone: found.length === 1 });
  } catch (error) {
    for (const key of found) refuse(key, terminal);
    throw error;
  }
}

type Result = Taken['key'] | 'refused';

async function openTaking(
  { keys, paths }: Context,
  { flockFile, terminal, force }: { flockFile: FlockFile; terminal: Terminal; force: boolean },
): Promise<Taking> {
  return {
    keys,
    files: new Map((await keys.list()).map(({ bot, file }) => [bot, file])),
    owners: await keys.owners(),
    taken: new Set(),
    flockFile,
    findPoem: await poemFinder(paths.root, knownBots(paths.root, keys)),
    force,
    warn: (message, hint) => terminal.warn(message, hint),
  };
}

/** @throws {FlockError} `data` where there is nothing to read */
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
  const text = await readText(file);
  return text instanceof FlockError ? [text] : readForeign(text, file);
}

async function readText(file: string): Promise<string | FlockError> {
  try {
    // What a person keeps among dotfiles is often linked to from home.
    return (await readRegularFile(await realpath(file), maxSize)).toString('utf8');
  } catch (cause) {
    return unreadable(file, cause);
  }
}

const unreadable = (file: string, cause: unknown): FlockError =>
  new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
    hint: 'give a file of keys, or a folder of key bundles',
    cause,
  });

function refuse(key: Found, terminal: Terminal): Result[] {
  if (isKey(key)) return [];
  terminal.warn(key.message, key.hint);
  return ['refused'];
}

/** What is wrong with one key is reported and does not stop the others. */
async function take(chosen: Chosen, taking: Taking, terminal: Terminal): Promise<Result> {
  try {
    const taken = await takeKey(chosen, taking);
    tell(chosen, taken, terminal);
    return taken.key;
  } catch (error) {
    if (!(error instanceof FlockError) || error.exit !== 'data') throw error;
    terminal.warn(error.message, error.hint);
    return 'refused';
  }
}

function tell({ bot }: Chosen, taken: Taken, terminal: Terminal): void {
  const { screenName, userId = 'unknown' } = taken.bundle;
  if (taken.key === 'kept') {
    terminal.say(
      `${bot} has a key${screenName === undefined ? '' : ` for @${screenName}`}; --force replaces it.`,
    );
    return;
  }
  const whose = screenName === undefined ? `the account with` : `@${screenName}`;
  const id = screenName === undefined ? ` id ${userId}` : ` (id ${userId})`;
  terminal.say(`${bot} is ${whose}${id}: ${path.relative('.', taken.file)}`, 'green');
}

function summarize(results: readonly Result[], terminal: Terminal): void {
  const counts = (['imported', 'kept', 'refused'] as const).map(
    (key) => `${results.filter((result) => result === key).length} ${key}`,
  );
  terminal.say();
  terminal.say(`Keys: ${counts.join(', ')}.`);
  if (results.includes('imported')) terminal.say('X was not asked: keymaker doctor proves that they work.');
}

function exitOf(results: readonly Result[]): Exit {
  if (!results.includes('refused')) return 'done';
  return results.every((result) => result === 'refused') ? 'data' : 'partly';
}
