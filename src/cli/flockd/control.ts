import * as z from 'zod';
import { readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { sendCommand } from '../../daemon/control.ts';
import { isLocked } from '../../daemon/lock.ts';
import { isStopped, releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { fingerprints } from '../../ledger/cursor.ts';
import { readJournal } from '../../ledger/journal.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { readPoem } from '../../poems/find.ts';
import { splitPoem } from '../../poems/poem.ts';
import { isAboutPlace } from '../../posting/commands.ts';
import {
  botArgument,
  command,
  type GivenPlaces,
  hintAs,
  placeFlags,
  toggle,
  withInvocationFlags,
} from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { openOnLedger, sendToDaemon } from './on-ledger.ts';
import { knownBot, mustHavePlace } from './shared.ts';

export const pause = command({
  summary: 'Stop the whole flock within a second, or let one bot rest; it survives restarts',
  schema: z.object({
    bot: botArgument.optional().meta({ description: 'the name of the bot; without one, the whole flock' }),
    ...placeFlags,
  }),
  examples: [
    ['flockd pause', 'stop the whole flock, within a second'],
    ['flockd pause howl', 'let this bot rest until flockd resume howl'],
  ],
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    if (args.bot !== undefined) {
      const bot = await knownBot(args.bot, context);
      if (!(await readJournal(state)).states.has(bot)) throw newTo(bot);
      await sendToDaemon(state, { order: 'pause', bot });
      terminal.say(`${bot} rests until: ${withInvocationFlags(args, 'flockd')(`resume ${bot}`)}`);
      return 'done';
    }
    const wasStopped = isStopped(state);
    await stopFlock(state, `stopped by flockd pause at ${new Date(context.clock.now()).toISOString()}`);
    terminal.say(
      wasStopped
        ? 'The flock is stopped already; flockd resume lets it go on.'
        : 'The flock is stopped: nobody posts until flockd resume.',
    );
    return 'done';
  },
});

/** One that rests before it has begun is a matter of settings. */
const newTo = (bot: BotName): FlockError =>
  new FlockError('usage', `${bot} is not in the ledger: it has not begun its poem`, {
    hint: `let it rest from the start in flock.json: "bots": {"${bot}": {"paused": true}}`,
  });

export const reload = command({
  summary:
    'Let the running daemon read its files again; what is wrong with them is said, and changes nothing',
  schema: z.object(placeFlags),
  examples: [['flockd reload', 'after a change of flock.json; systemctl reload flockd does the same']],
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    if (!(await isLocked(state))) {
      throw new FlockError('unavailable', `no flockd runs on ${state}`, {
        hint: `start it: ${withInvocationFlags(args, 'flockd')('run')}`,
      });
    }
    await sendCommand(state, { order: 'reload' });
    terminal.say('flockd has read its files again.');
    await tellOfMisfits(context, args, terminal);
    return 'done';
  },
});

/** Says whom flockd has left out: by the same files, and the same code. */
async function tellOfMisfits(
  { paths, keys }: Context,
  places: GivenPlaces,
  terminal: Terminal,
): Promise<void> {
  try {
    const { invalidBots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
    for (const { bot, error } of invalidBots)
      terminal.warn(`${bot} cannot post: ${error.message}`, error.hint && hintAs(places, error.hint));
  } catch (error) {
    // Whoever may ask for this may perhaps not read the files.
    if (!(error instanceof FlockError)) throw error;
  }
}

export const resolve = command({
  summary: 'Say of a post in doubt whether it was posted',
  schema: z.object({
    bot: botArgument,
    posted: toggle('the post is on the timeline'),
    id: z
      .string()
      .optional()
      .meta({ description: "the post's id, the number at the end of its address", placeholder: 'N' }),
    'not-posted': toggle('it is not, and never will be: post it again'),
    root: placeFlags.root,
  }),
  examples: [['flockd resolve howl --posted --id 1834567890123456789', 'you looked, and it is there']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    if (args.posted === args['not-posted']) {
      throw new FlockError('usage', 'say either --posted or --not-posted', {
        hint: `look at the timeline of ${bot} first`,
      });
    }
    if (args.id !== undefined && !/^[0-9]{1,20}$/.test(args.id)) {
      throw new FlockError('usage', `${JSON.stringify(args.id)} is not the id of a post`, {
        hint: 'it is the number at the end of its address',
      });
    }
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    await sendToDaemon(state, { order: 'resolve', bot, posted: args.posted, id: args.id });
    terminal.say(`${bot}: the post in doubt counts as ${args.posted ? 'posted' : 'not posted'}.`);
    return 'done';
  },
});

export const resume = command({
  summary: 'Let the whole flock go on, one bot that is parked or paused, or every parked bot',
  schema: z.object({
    bot: botArgument
      .optional()
      .meta({ description: 'the name of the bot; without one, the whole flock where it is stopped' }),
    all: toggle('every parked bot whose cause may be over, and says which and why'),
    line: z
      .string()
      .regex(/^[1-9]\d{0,8}$/, 'should be the number of a line, from 1')
      .transform(Number)
      .optional()
      .meta({ description: 'go on at this line of the poem as it is now, counted from 1', placeholder: 'N' }),
    ...placeFlags,
  }),
  exits: { partly: 'some bots stay parked until they are told their line' },
  examples: [
    ['flockd resume', 'let the whole flock go on'],
    ['flockd resume howl', 'what had parked it is repaired, or it was paused'],
    ['flockd resume --all', 'X had refused every key for hours, or the accounts were unlocked'],
    ['flockd resume howl --line 1', 'its poem became another one: begin that'],
  ],
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { state } = context.paths;
    if (args.all) return await resumeParked(args, state, terminal);
    if (args.bot === undefined) return await resumeFlock(state, args.line, terminal);
    const bot = await knownBot(args.bot, context);
    if (args.line === undefined) {
      const known = (await readJournal(state)).states.get(bot);
      await mustHavePlace(bot, known, context, args);
      if (known && !known.parked && known.paused === undefined) {
        await sayItDoesNotRest(bot, context, terminal);
        return 'done';
      }
    }
    const place = args.line === undefined ? {} : await placeAt(bot, args.line, context);
    await sendToDaemon(state, { order: 'resume', bot, ...place });
    const where = args.line === undefined ? '' : ` at line ${args.line}`;
    if (!isStopped(state)) terminal.say(`${bot} goes on${where}.`);
    else terminal.say(`${bot} will go on${where}: ${stillStopped}`);
    return 'done';
  },
});

const stillStopped = 'the flock is still stopped, until flockd resume.';

/** @throws {FlockError} `usage` where it rests by its settings, which no order changes */
async function sayItDoesNotRest(bot: BotName, { paths }: Context, terminal: Terminal): Promise<void> {
  const { settingsOf } = await readFlockFile(paths.flockFile);
  if (settingsOf(bot).paused)
    throw new FlockError('usage', `${bot} is paused`, { hint: 'flock.json says so' });
  const isNot = `${bot} is neither parked nor paused`;
  if (isStopped(paths.state)) terminal.say(`${isNot}; ${stillStopped}`);
  else terminal.say(`${isNot}; flockd status shows how it stands.`);
}

/**
 * Lets every parked bot go on but those that need to be told where: whether what X had against the others is over, X says.
 *
 * @returns `partly` where some stay parked
 */
async function resumeParked(
  { bot, line }: { bot?: string | undefined; line?: number | undefined },
  state: string,
  terminal: Terminal,
): Promise<Exit> {
  if (bot !== undefined || line !== undefined)
    throw new FlockError('usage', `resume: --all goes without ${bot === undefined ? '--line' : 'a bot'}`, {
      hint: 'flockd resume --all, or flockd resume BOT --line N',
    });
  const parked = [...(await readJournal(state)).states].flatMap(([name, { parked: why }]) =>
    why ? [{ name, ...why }] : [],
  );
  for (const { name, why } of parked.filter((one) => !isAboutPlace(one))) {
    await sendToDaemon(state, { order: 'resume', bot: name });
    terminal.say(`${name} goes on: ${why}`);
  }
  const stuck = parked.filter(isAboutPlace);
  for (const { name, why, hint } of stuck) terminal.warn(`${name} stays parked: ${why}`, hint);
  if (parked.length === 0) terminal.say('No bot is parked.');
  if (isStopped(state)) terminal.say(`Nobody posts yet: ${stillStopped}`);
  return stuck.length > 0 ? 'partly' : 'done';
}

async function resumeFlock(state: string, line: number | undefined, terminal: Terminal): Promise<Exit> {
  if (line !== undefined)
    throw new FlockError('usage', 'resume: <bot> is missing', { hint: '--line is a line of its poem' });
  const wasStopped = isStopped(state);
  await releaseFlock(state);
  terminal.say(
    wasStopped ? 'The flock goes on.' : 'The flock is not stopped; flockd resume BOT lets one bot go on.',
  );
  return 'done';
}

/** @throws {FlockError} `usage` where the bot or the line is not there, `data` where its poem cannot be read */
async function placeAt(
  bot: BotName,
  line: number,
  { paths, keys }: Context,
): Promise<{ poem: string; next: number }> {
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const found = bots.find(({ name }) => name === bot);
  if (!found)
    throw new FlockError('usage', `${bot} is not in the flock`, { hint: 'flockd status lists the bots' });
  const lines = splitPoem(await readPoem(found.poemFile), found.settings.unit);
  if (line > lines.length) {
    throw new FlockError('usage', `the poem of ${bot} has no line ${line}`, {
      hint: `it has ${lines.length}`,
    });
  }
  return { poem: fingerprints(lines), next: line - 1 };
}
