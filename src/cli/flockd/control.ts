import path from 'node:path';
import * as z from 'zod';
import { type FlockFile, readFlockFile, splitOf } from '../../config/flock-file.ts';
import { type Context, type Places, openContext } from '../../context.ts';
import { sendCommand } from '../../daemon/control.ts';
import { isLocked } from '../../daemon/lock.ts';
import { isStopped, releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { attemptAsync, type Exit, FlockError } from '../../errors.ts';
import { loadFlock, poemFinder } from '../../flock/load.ts';
import type { ListedBundle } from '../../keys/store.ts';
import { readJournal } from '../../ledger/journal.ts';
import { type BotState, fingerprints, lengthOf } from '../../ledger/state.ts';
import { type BotName, botNameOf, parseBotName } from '../../poems/bot-name.ts';
import { readPoem } from '../../poems/find.ts';
import { type Line, linesOf } from '../../poems/poem.ts';
import type { TextRules } from '../../poems/tweet-text.ts';
import { isAboutPlace } from '../../posting/commands.ts';
import { readingOf } from '../../posting/edits.ts';
import { iso, shellWord } from '../../text.ts';
import { botArgument, command, hintAs, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { knownBot, notInFlock, onLedger, sendToDaemon } from './ledger.ts';

export const pause = command({
  summary: 'Stop the whole flock within a second, or pause one bot; restarts change nothing',
  schema: z.object({
    bot: botArgument.optional().meta({ description: 'the name of the bot; without one, the whole flock' }),
    ...placeFlags,
  }),
  examples: [
    ['flockd pause', 'stop the whole flock, within a second'],
    ['flockd pause howl', 'pause this bot until flockd resume howl'],
  ],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const { state } = context.paths;
    if (args.bot !== undefined) {
      const { bot, states } = await knownBot(args.bot, context);
      if (!states.has(bot)) {
        throw new FlockError('usage', `${bot} is not in the ledger: it has not begun its poem`, {
          hint: `pause it in flock.json: "bots": {"${bot}": {"paused": true}}`,
        });
      }
      await sendToDaemon(state, { order: 'pause', bot });
      terminal.say(`${bot} is paused until: ${withInvocationFlags(args, 'flockd')(`resume ${bot}`)}`);
      return 'done';
    }
    const already = isStopped(state) ? ' already, until' : ': no bot posts until';
    await stopFlock(state, `stopped by flockd pause at ${iso(context.clock.now())}`);
    terminal.say(`The flock is paused${already} flockd resume.`);
    return 'done';
  },
});

export const reload = command({
  summary: 'Make the running daemon read its files again; invalid files change nothing',
  schema: z.object(placeFlags),
  examples: [['flockd reload', 'after a change of flock.json, as systemctl reload flockd does']],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const { paths, keys } = context;
    const { state } = paths;
    if (!(await isLocked(state))) {
      const hint = `start it: ${withInvocationFlags(args, 'flockd')('run')}`;
      throw new FlockError('unavailable', `no flockd runs on ${state}`, { hint });
    }
    await sendCommand(state, { order: 'reload' });
    terminal.say('flockd has read its files again.');
    // The daemon has read the same files. The person may command it, and need not be able to read them.
    const flock = await attemptAsync(
      readFlockFile(paths.flockFile).then((flockFile) => loadFlock(paths.root, keys, flockFile)),
    );
    for (const { bot, error } of flock instanceof FlockError ? [] : flock.invalidBots)
      terminal.warn(`${bot} cannot post: ${error.message}`, hintAs(args, error.hint).hint);
    return 'done';
  },
});

export const resolve = command({
  summary: 'Say whether a post in doubt was posted',
  schema: z.object({
    bot: botArgument,
    posted: toggle('it is on the timeline'),
    id: z
      .string()
      .optional()
      .meta({ description: "the post's id, the number at the end of its address", placeholder: 'N' }),
    'not-posted': toggle('it is not on the timeline: post it again'),
    root: placeFlags.root,
  }),
  examples: [['flockd resolve howl --posted --id 1834567890123456789', 'you looked, and it is there']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    if (args.posted === args['not-posted']) {
      const hint = `look at the timeline of ${bot} first`;
      throw new FlockError('usage', 'say either --posted or --not-posted', { hint });
    }
    if (args.id !== undefined && !/^[0-9]{1,20}$/.test(args.id)) {
      const hint = 'it is the number at the end of its address';
      throw new FlockError('usage', `${JSON.stringify(args.id)} is not the id of a post`, { hint });
    }
    await using context = await onLedger(openContext(args), terminal);
    const { state } = context.paths;
    await sendToDaemon(state, { order: 'resolve', bot, posted: args.posted, id: args.id });
    terminal.say(`${bot}: the post in doubt counts as ${args.posted ? 'posted' : 'not posted'}.`);
    return 'done';
  },
});

export const resume = command({
  summary: 'Resume the whole flock, one bot that is paused or needs you, or every bot that needs you',
  schema: z.object({
    bot: botArgument
      .optional()
      .meta({ description: 'the name of the bot; without one, the whole flock after flockd pause' }),
    all: toggle('resume every bot that needs you and whose cause may be over, and say which and why'),
    line: z
      .string()
      .regex(/^[1-9]\d{0,8}$/, 'should be the number of a line, from 1')
      .transform(Number)
      .optional()
      .meta({ description: 'go on at this line of the poem as it is now, counted from 1', placeholder: 'N' }),
    ...placeFlags,
  }),
  exits: { partly: 'some bots need you until they get their line' },
  examples: [
    ['flockd resume', 'let the whole flock go on'],
    ['flockd resume howl', 'after a repair, or after flockd pause howl'],
    ['flockd resume --all', 'after X had refused every key for hours, or the accounts were unlocked'],
    ['flockd resume howl --line 1', 'begin the poem that has replaced its old one'],
  ],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const { state } = context.paths;
    if (args.all) return await resumeParked(args, state, terminal);
    if (args.bot === undefined) return await resumeFlock(state, args.line, terminal);
    const { bot, states } = await knownBot(args.bot, context);
    if (args.line === undefined) {
      const known = states.get(bot);
      await mustHavePlace(bot, known, context, args);
      if (known && !known.parked && known.paused === undefined) {
        await sayItPosts(bot, context, terminal);
        return 'done';
      }
    }
    const place = args.line === undefined ? {} : await placeAt(bot, args.line, context);
    await sendToDaemon(state, { order: 'resume', bot, ...place });
    const where = args.line === undefined ? '' : ` at line ${args.line}`;
    terminal.say(isStopped(state) ? `${bot} will go on${where}: ${stillStopped}` : `${bot} goes on${where}.`);
    return 'done';
  },
});

const stillStopped = 'the flock is still paused, until flockd resume.';

/** @throws {FlockError} `usage` if its settings pause it, which no command changes */
async function sayItPosts(bot: BotName, { paths }: Context, terminal: Terminal): Promise<void> {
  const { settingsOf } = await readFlockFile(paths.flockFile);
  if (settingsOf(bot).paused)
    throw new FlockError('usage', `${bot} is paused`, { hint: 'flock.json says so' });
  const next = isStopped(paths.state) ? stillStopped : 'flockd status shows its state.';
  terminal.say(`${bot} is not paused, and does not need you; ${next}`);
}

/**
 * Resumes every parked bot but those that need a line from a person. Whether the cause is over, X's next answer tells.
 *
 * @returns `partly` if some stay parked
 */
async function resumeParked(
  { bot, line }: { bot?: string | undefined; line?: number | undefined },
  state: string,
  terminal: Terminal,
): Promise<Exit> {
  if (bot !== undefined || line !== undefined) {
    const other = bot === undefined ? '--line' : 'a bot';
    const hint = 'flockd resume --all, or flockd resume BOT --line N';
    throw new FlockError('usage', `resume: --all goes without ${other}`, { hint });
  }
  const parked = [...(await readJournal(state)).states].flatMap(([name, { parked: why }]) =>
    why ? [{ name, ...why }] : [],
  );
  for (const { name, why } of parked.filter((one) => !isAboutPlace(one))) {
    await sendToDaemon(state, { order: 'resume', bot: name });
    terminal.say(`${name} goes on: ${why}`);
  }
  const stuck = parked.filter(isAboutPlace);
  for (const { name, why, hint } of stuck) terminal.warn(`${name} still needs you: ${why}`, hint);
  if (parked.length === 0) terminal.say('No bot needs you.');
  if (isStopped(state)) terminal.say(`No bot posts yet: ${stillStopped}`);
  return stuck.length > 0 ? 'partly' : 'done';
}

async function resumeFlock(state: string, line: number | undefined, terminal: Terminal): Promise<Exit> {
  if (line !== undefined)
    throw new FlockError('usage', 'resume: <bot> is missing', { hint: '--line is a line of its poem' });
  const wasStopped = isStopped(state);
  await releaseFlock(state);
  const otherwise = 'The flock is not stopped; flockd resume BOT resumes one bot.';
  terminal.say(wasStopped ? 'The flock goes on.' : otherwise);
  return 'done';
}

/** The lines of a bot's poem, if the bot can post. @throws {FlockError} `data` if its poem cannot be read */
async function poemOf(
  bot: BotName,
  { paths, keys }: Context,
): Promise<{ lines: readonly Line[]; rules: TextRules } | undefined> {
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const found = bots.find(({ name }) => name === bot);
  if (!found) return undefined;
  return { lines: await linesOf(found.poemFile, splitOf(found), readPoem), rules: found.rules };
}

/** @throws {FlockError} `usage` without such a bot or line, `data` if its poem cannot be read */
async function placeAt(bot: BotName, line: number, context: Context) {
  const poem = await poemOf(bot, context);
  if (!poem) throw notInFlock(bot, []);
  const { lines } = poem;
  if (line <= lines.length) return { poem: fingerprints(lines), next: line - 1 };
  throw new FlockError('usage', `the poem of ${bot} has no line ${line}`, { hint: `it has ${lines.length}` });
}

/** How the reason begins with which flockd parks a bot whose place in its poem is lost. */
const lost = 'its poem has become another one';

/**
 * A bot that has lost its place goes on once its old poem is back, or at a line that a person names. Resumed without either,
 * it would be parked again.
 *
 * @param state - the bot in the ledger
 * @throws {FlockError} `data` if the poem on the disk does not fit the ledger, or cannot be read
 */
async function mustHavePlace(
  bot: BotName,
  state: BotState | undefined,
  context: Context,
  places: Places,
): Promise<void> {
  if (state?.parked?.why.startsWith(lost) !== true) return;
  const poem = await poemOf(bot, context);
  if (!poem || readingOf(state.place, poem.lines, poem.rules).place) return;
  const call = withInvocationFlags(places, 'flockd')(`resume ${bot} --line N`);
  throw new FlockError('data', `${bot}: ${lost}, and its place in it is lost`, {
    hint: `say where it is to go on: ${call}; or put the old poem back`,
  });
}

/*
 * The ledger is renamed first, the bundle last. If the command ends in between, no bot posts from another bot's place, and the
 * same command completes the rest.
 */

export const rename = command({
  summary: 'Rename a bot; it keeps its place, its history and its key',
  schema: z.object({
    old: botArgument.meta({ description: 'the name of the bot until now' }),
    // The completion may offer a poem that has the new name already.
    new: botArgument.meta({ description: 'its new name, which no bot has' }),
    ...placeFlags,
  }),
  examples: [['flockd rename howl growl', 'after: mv poems/howl.txt poems/growl.txt']],
  async run(args, terminal) {
    const from = parseBotName(args.old);
    const to = parseBotName(args.new);
    if (from === to) throw new FlockError('usage', `${from} has that name`, { hint: 'give a new one' });
    await using context = await onLedger(openContext(args), terminal);
    const flockFile = await readFlockFile(context.paths.flockFile);
    const renaming = await examine(from, to, context);
    mustHaveSettings(renaming, flockFile);
    const { poem, isNew } = await movePoem(renaming, context, terminal);
    if (renaming.state) await sendToDaemon(context.paths.state, { order: 'rename', bot: from, to });
    if (renaming.bundle) await context.keys.rename(renaming.bundle.file, to);
    tell(renaming, flockFile, terminal);
    if (poem === undefined) return 'done';
    if (isNew) terminal.say(`It reads ${poem} now.`);
    if (botNameOf(poem) === from) {
      const renamed = path.join(path.dirname(poem), `${to}.txt`);
      const again = withInvocationFlags(args, 'flockd')(`rename ${from} ${to}`);
      terminal.say('Its poem still has the old name, which keymaker make-keys would take for another bot:');
      terminal.say(`hint: mv ${shellWord(poem)} ${shellWord(renamed)}, then ${again} once more`);
    }
    return 'done';
  },
});

/** The parts of a bot under its old name and under its new one. */
interface Renaming {
  from: BotName;
  to: BotName;
  /** The bot in the ledger under the old name. */
  state: BotState | undefined;
  /** The bot in the ledger under the new name, if an earlier call has renamed it. */
  done: BotState | undefined;
  bundle: ListedBundle | undefined;
  /** The bundle under the new name. */
  newBundle: ListedBundle | undefined;
}

/** @throws {FlockError} `usage` if there is nothing to rename, or the new name is another bot's */
async function examine(from: BotName, to: BotName, { paths, keys }: Context): Promise<Renaming> {
  const { states } = await readJournal(paths.state);
  const bundles = await keys.list();
  const [bundle, newBundle] = [from, to].map((bot) => bundles.find((listed) => listed.bot === bot));
  const [state, other] = [states.get(from), states.get(to)];
  const isDone =
    !state && (other ? other.was?.includes(from) === true : await readsPoemOf(from, newBundle, keys));
  if (!state && !bundle && !isDone)
    throw notInFlock(from, [...states.keys(), ...bundles.map((listed) => listed.bot)]);
  const refuse = (why: string, hint: string): never => {
    throw new FlockError('usage', `${from} cannot be renamed to ${to}: ${why}`, { hint });
  };
  if (other && !isDone)
    refuse('that is a bot with a place of its own', `choose another name, or: flockd resume ${to} --line N`);
  if (bundle && newBundle)
    refuse('both have a key bundle', 'keymaker list shows whose they are; remove the wrong one');
  // A bundle under the new name may be the bot's own.
  if (newBundle && state) {
    const { userId } = await keys.read(newBundle.file);
    if (state.account === undefined || userId !== state.account)
      refuse(`${path.basename(newBundle.file)} is the key of another account`, 'choose another name');
  }
  return { from, to, state, done: isDone ? other : undefined, bundle, newBundle };
}

/** Whether a bundle still names a poem of the old name. */
async function readsPoemOf(
  from: BotName,
  bundle: ListedBundle | undefined,
  keys: Context['keys'],
): Promise<boolean> {
  if (!bundle) return false;
  const known = await keys.read(bundle.file).catch(() => undefined);
  return known?.poemFile !== undefined && botNameOf(known.poemFile) === from;
}

/** @throws {FlockError} `config` if the bot would lose its settings */
function mustHaveSettings({ from, to }: Renaming, { named }: FlockFile): void {
  if (!named.includes(from) || named.includes(to)) return;
  throw new FlockError('config', `flock.json has settings for ${from}, and none for ${to}`, {
    hint: `copy them under "${to}" in "bots" first; those of "${from}" can go when it is renamed`,
  });
}

/**
 * Stores the poem's new path in the bundle, if the poem has moved. This comes before the bundle is renamed, so that no bot is
 * ever without its poem.
 *
 * @returns the poem's path, if it is known, and whether it is new
 */
async function movePoem(
  { from, to, bundle, newBundle }: Renaming,
  { keys, paths }: Context,
  terminal: Terminal,
): Promise<{ poem?: string | undefined; isNew?: boolean }> {
  const listed = bundle ?? newBundle;
  if (!listed) return {};
  if (bundle) await keys.prepare();
  const known = await attemptAsync(keys.read(listed.file));
  if (known instanceof FlockError) {
    if (known.exit !== 'config') throw known;
    terminal.warn(`${known.message}: whether its poem has moved is not known`, known.hint);
    return {};
  }
  const found = await (await poemFinder(paths.root))(to, [known.poemFile]);
  if (found === undefined || found === known.poemFile) return { poem: known.poemFile };
  await keys.write(bundle ? from : to, { ...known, poemFile: found });
  return { poem: found, isNew: true };
}

function tell({ from, to, state, done, bundle }: Renaming, { named }: FlockFile, terminal: Terminal): void {
  const place = state ?? done;
  const where = place ? ` and goes on at line ${place.place.next + 1} of ${lengthOf(place.place)}` : '';
  terminal.say(
    state || bundle ? `${from} is ${to} now${where}.` : `${to} is what ${from} was before${where}.`,
  );
  if (named.includes(from)) terminal.say(`flock.json still has settings for ${from}, which can go.`);
}
