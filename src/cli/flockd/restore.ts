import * as z from 'zod';
import { openContext } from '../../context.ts';
import { lockState } from '../../daemon/lock.ts';
import { FlockError } from '../../errors.ts';
import { readRegularFile, reasonOf } from '../../files.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { loadFlock, type Bot } from '../../flock/load-flock.ts';
import { parseExport, type LedgerExport } from '../../posting/ledger-export.ts';
import { restoreJournal } from '../../posting/restore-journal.ts';
import { keyMark } from '../../posting/step.ts';
import { atClock } from '../time-words.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import type { Terminal } from '../terminal.ts';

export const restore = command({
  words: { file: { type: 'string', describe: 'what flockd export has written' } },
  flags: {
    replace: {
      type: 'boolean',
      describe: 'also where there is a ledger already; it is kept beside the new one',
    },
    ...placeFlags,
  },
  examples: [
    ['flockd restore backup.json', 'then flockd run; each bot looks first for what it has posted since'],
  ],
  schema: z.object({
    file: z.string().min(1, 'is empty'),
    replace: z.boolean().default(false),
    ...placeSchema,
  }),
  async run(args, terminal) {
    await using context = openContext(args);
    const { paths, keys, clock } = context;
    const exported = parseExport(await readText(args.file), args.file);
    const flockFile = await readFlockFile(paths.flockFile);
    const { bots, misfits } = await loadFlock(paths.root, keys, flockFile);
    const known = new Map<string, Bot>(bots.map((bot) => [bot.name, bot]));
    const names = [...known.keys(), ...misfits.map(({ bot }) => bot)];
    mustFit(exported, args.file, known, names);
    await using _lock = await lockState(paths.state);
    const markOf = (bot: string): string => {
      const found = known.get(bot);
      return found ? keyMark(found) : '';
    };
    const { aside, kept } = await restoreJournal({
      folder: paths.state,
      exported,
      at: clock.now(),
      replace: args.replace,
      markOf,
    });
    tell(exported, { aside, kept, names, timezone: flockFile.timezone }, terminal);
    return 'done';
  },
});

/** The state of a bot is a few kilobytes; this is a flock of hundreds of thousands. Bytes. */
const largest = 512 * 1024 * 1024;

async function readText(file: string): Promise<string> {
  try {
    return (await readRegularFile(file, largest)).toString('utf8');
  } catch (cause) {
    throw new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint: 'give a file that flockd export has written',
      cause,
    });
  }
}

/** @throws {FlockError} `data` where the export is of nobody, or of another flock */
function mustFit(
  { states }: LedgerExport,
  file: string,
  known: ReadonlyMap<string, Bot>,
  names: readonly string[],
): void {
  if (states.size === 0) {
    throw new FlockError('data', `${file} has no bots in it`, {
      hint: 'flockd export writes one that has',
    });
  }
  const hint = "is this the flock's folder? --root names another";
  for (const [bot, { account }] of states) {
    const own = known.get(bot)?.bundle.userId;
    if (account === undefined || own === undefined || account === own) continue;
    throw new FlockError(
      'data',
      `${file}: ${bot} has posted as the account ${account}, but its key is for ${own}`,
      {
        hint,
      },
    );
  }
  if (names.length > 0 && !names.some((name) => states.has(name)))
    throw new FlockError('data', `${file} is of another flock: it has none of the bots here`, { hint });
}

interface Outcome {
  aside: string | undefined;
  kept: readonly string[];
  /** The bots of the flock, and where its days begin. */
  names: readonly string[];
  timezone: string;
}

function tell(
  { at, states }: LedgerExport,
  { aside, kept, names, timezone }: Outcome,
  terminal: Terminal,
): void {
  const when = atClock(new Date(at).toISOString(), timezone);
  terminal.say(`Restored ${states.size === 1 ? '1 bot' : `${states.size} bots`}, as of ${when}.`);
  terminal.say('Each looks first on its timeline for what it has posted since, then goes on.');
  if (aside !== undefined) terminal.say(`The old journal is beside the new one: ${aside}`);
  const here = new Set(names);
  const strangers = [...states.keys()].filter((bot) => !here.has(bot));
  if (strangers.length > 0) terminal.warn(`not in this flock: ${some(strangers)}`, 'their places are kept');
  if (kept.length > 0) terminal.warn(`not in the export, and left as they were: ${some(kept)}`);
  const left = new Set(kept);
  const fresh = names.filter((name) => !states.has(name) && !left.has(name));
  if (fresh.length === 0) return;
  terminal.warn(
    `not in the export, and so at the first line of its poem: ${some(fresh)}`,
    'where that is wrong, say where it goes on: flockd resume BOT --line N',
  );
}

const mostNames = 5;

const some = (names: readonly string[]): string =>
  names.length > mostNames
    ? `${names.slice(0, mostNames).join(', ')} and ${names.length - mostNames} more`
    : names.join(', ');
