import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { type Bot, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { folderMark } from '../../daemon/claims.ts';
import { lockState } from '../../daemon/lock.ts';
import { isStopped, releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { FlockError, systemCode } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { readRegularFile, reasonOf } from '../../fs.ts';
import { otherAccountThan } from '../../keys/right-account.ts';
import {
  formatExport,
  type LedgerExport,
  parseExport,
  type Restored,
  restoreJournal,
} from '../../ledger/backup.ts';
import { hasJournal, readJournal } from '../../ledger/journal.ts';
import { type BotState, isFinished, lengthOf } from '../../ledger/state.ts';
import { keyMark } from '../../posting/bot-runner.ts';
import { atClock, counted, iso, shellWord, listedFirst } from '../../text.ts';
import { command, nonEmpty, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { onLedger } from './ledger.ts';
import { ledgerIsHere, movedTo, noteMove } from './ledger-place.ts';

const otherRoot = { hint: "is this the flock's folder? --root names another" };

export const exportLedger = command({
  summary: 'Write the place of every bot to a file, to restore it here or elsewhere; it has no secrets',
  schema: z.object({
    file: nonEmpty.optional().meta({
      positional: true,
      kind: 'file',
      description: 'a new file, private to you; without one, standard output',
    }),
    root: placeFlags.root,
  }),
  examples: [
    ['flockd export backup.json', 'flockd may run meanwhile'],
    ['flockd export | ssh elsewhere "cat > flock.export"', 'the same, to another machine'],
  ],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const { paths, clock } = context;
    const { states, history } = await readJournal(paths.state);
    if (states.size === 0)
      throw new FlockError(
        'data',
        `there is no ledger in ${paths.state}, or no bot has begun yet`,
        otherRoot,
      );
    const text = formatExport({ at: clock.now(), states, history });
    if (args.file === undefined) terminal.print(text);
    else {
      await writeNew(args.file, text);
      terminal.say(`The state of ${counted(states.size, 'bot')} is in ${args.file}.`);
    }
    return 'done';
  },
});

/** @throws {FlockError} `cannotCreate` if the file exists or cannot be written whole */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') await rm(file, { force: true }).catch(() => undefined);
    const hints: Partial<Record<string, string>> = {
      EEXIST: 'give the name of a new file',
      ENOENT: 'make its folder first',
    };
    const hint = hints[systemCode(cause) ?? ''] ?? 'write it somewhere else';
    throw new FlockError('cannotCreate', `cannot write ${file}: ${reasonOf(cause)}`, { hint, cause });
  }
}

export const restore = command({
  summary: 'Go on from an export or another state folder; nothing is posted twice',
  schema: z.object({
    file: nonEmpty.meta({
      positional: true,
      kind: 'file',
      description: 'a file of flockd export, or a state folder whose flockd has ended: its ledger moves here',
    }),
    replace: toggle('replace the ledger that is here; it is kept beside the new one'),
    ...placeFlags,
  }),
  examples: [
    [
      'flockd restore backup.json',
      'then flockd run: each bot first looks on its timeline for what it has posted since',
    ],
    ['flockd restore ~/flock/state --root /srv/flock', 'go on here, and never there again'],
  ],
  async run(args, terminal) {
    await using context = openContext(args);
    const { paths, keys, clock } = context;
    const from = await stateFolder(args.file, context);
    await using _source = from === undefined ? undefined : await lockState(from);
    const exported =
      from === undefined
        ? parseExport(await readText(args.file), args.file)
        : { ...(await readJournal(from)), at: clock.now() };
    const flockFile = await readFlockFile(paths.flockFile);
    const { bots, invalidBots } = await loadFlock(paths.root, keys, flockFile);
    const known = new Map<string, Bot>(bots.map((bot) => [bot.name, bot]));
    const names = [...known.keys(), ...invalidBots.map(({ bot }) => bot)];
    mustFit(exported, args.file, known, names);
    await using _lock = await lockState(paths.state);
    const markOf = (bot: string): string => {
      const found = known.get(bot);
      return found ? keyMark(found) : '';
    };
    const folder = path.resolve(paths.state);
    const restoring = async (): Promise<Restored> => {
      const at = clock.now();
      const outcome = await restoreJournal({ folder, exported, at, replace: args.replace, markOf });
      // Read as the next start reads it.
      await readJournal(folder);
      return outcome;
    };
    const restored = await (from === undefined ? restoring() : moveLedger(from, folder, restoring));
    await ledgerIsHere(folder);
    tell(exported, { ...restored, names, timezone: flockFile.timezone, from }, terminal);
    return 'done';
  },
});

/**
 * The state folder that a person named; undefined if it is no folder.
 *
 * @throws {FlockError} `data` if it has no ledger, `usage` and `config` if its ledger is here already or was moved elsewhere
 */
async function stateFolder(file: string, { paths }: Context): Promise<string | undefined> {
  const folder = path.resolve(file);
  const status = await stat(folder).catch(() => undefined);
  if (status?.isDirectory() !== true) return undefined;
  if (!(await hasJournal(folder)))
    throw new FlockError('data', `there is no ledger in ${file}`, { hint: kinds });
  if ((await folderMark(folder)) === (await folderMark(paths.state)))
    throw new FlockError('usage', `the ledger is in ${file} already`, { hint: 'flockd status shows it' });
  const moved = await movedTo(folder);
  if (moved === undefined || moved === path.resolve(paths.state)) return folder;
  throw new FlockError('config', `the ledger in ${file} was moved to ${moved}, and is out of date`, {
    hint: `restore that one: flockd restore ${shellWord(moved)}`,
  });
}

const kinds = 'give a file of flockd export, or a state folder whose flockd has ended';

/**
 * Moves a ledger. The note in its old folder is written first, so that there are never two that flockd runs on.
 *
 * @param move - writes the ledger in its new folder
 * @throws {FlockError} `io` if the note cannot be written, and what `move` throws
 */
async function moveLedger(from: string, to: string, move: () => Promise<Restored>): Promise<Restored> {
  const wasMoved = (await movedTo(from)) !== undefined;
  await noteMove(from, to);
  try {
    const restored = await move();
    if (isStopped(from)) {
      // The switch moves, too: in the old folder it would stop a ledger that comes back.
      await stopFlock(to, 'stopped, as it was where its ledger came from');
      await releaseFlock(from);
    }
    return restored;
  } catch (error) {
    if (!wasMoved) await ledgerIsHere(from).catch(() => undefined);
    throw error;
  }
}

/** A bot takes a few kilobytes. Bytes. */
const maxSize = 512 * 1024 * 1024;

async function readText(file: string): Promise<string> {
  try {
    return (await readRegularFile(file, maxSize)).toString('utf8');
  } catch (cause) {
    throw new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, { hint: kinds, cause });
  }
}

/** @throws {FlockError} `data` if the export has no bots, or those of another flock */
function mustFit(
  { states }: LedgerExport,
  file: string,
  known: ReadonlyMap<string, Bot>,
  names: readonly string[],
): void {
  if (states.size === 0)
    throw new FlockError('data', `${file} has no bots`, { hint: 'flockd export writes one with bots' });
  for (const [bot, { account }] of states) {
    const other = otherAccountThan(bot, account, known.get(bot)?.bundle.userId);
    if (other !== undefined) throw new FlockError('data', `${file}: ${other}`, otherRoot);
  }
  if (names.length > 0 && !names.some((name) => states.has(name)))
    throw new FlockError('data', `${file} is of another flock: it has none of these bots`, otherRoot);
}

/** The maximum number of names in a message. */
const maxNames = 5;

interface Outcome extends Restored {
  /** The bots of the flock, and the zone of its days. */
  names: readonly string[];
  timezone: string;
  /** The state folder that the ledger has moved out of. */
  from: string | undefined;
}

function tell(
  { at, states }: LedgerExport,
  { aside, kept, names, timezone, from }: Outcome,
  terminal: Terminal,
): void {
  const when = atClock(iso(at), timezone);
  const bots = counted(states.size, 'bot');
  if (from === undefined) terminal.say(`Restored ${bots}, as of ${when}.`);
  else {
    terminal.say(`The ledger of ${bots} has moved here from ${from}, where flockd does not run any more.`);
    for (const line of nextLines(states)) terminal.say(line);
  }
  terminal.say('Each bot first looks on its timeline for what it has posted since, then goes on.');
  if (aside !== undefined) terminal.say(`The old journal is beside the new one: ${aside}`);
  const here = new Set(names);
  const strangers = [...states.keys()].filter((bot) => !here.has(bot));
  if (strangers.length > 0)
    terminal.warn(`not in this flock: ${listedFirst(strangers, maxNames)}`, 'their places are kept');
  if (kept.length > 0)
    terminal.warn(`not in the export, and left as they were: ${listedFirst(kept, maxNames)}`);
  const left = new Set(kept);
  const fresh = names.filter((name) => !states.has(name) && !left.has(name));
  if (fresh.length === 0) return;
  terminal.warn(
    `not in the export, and so at the first line of its poem: ${listedFirst(fresh, maxNames)}`,
    'if that is wrong, say where it goes on: flockd resume BOT --line N',
  );
}

const maxLines = 50;

/** The next line of each bot. */
function nextLines(states: ReadonlyMap<string, BotState>): string[] {
  const told = [...states].slice(0, maxLines).map(([bot, state]) => `  ${bot}: ${nextOf(state)}`);
  const more = states.size - told.length;
  return more > 0 ? [...told, `  and ${more} more: flockd status`] : told;
}

function nextOf({ place, open, parked }: BotState): string {
  const line = `line ${(open?.line ?? place.next) + 1} of ${lengthOf(place)}`;
  if (parked) return `${line} comes next, after a repair`;
  if (open && open.look !== true) return `${line} is in doubt; its timeline is read first`;
  return isFinished(place) ? `all ${lengthOf(place)} lines are posted` : `${line} comes next`;
}
