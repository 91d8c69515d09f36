import path from 'node:path';
import * as z from 'zod';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import type { Context, Places } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { poemFinder } from '../../flock/load.ts';
import type { KeyBundle, ListedBundle } from '../../keys/store.ts';
import { readJournal } from '../../ledger/journal.ts';
import { type BotState, lengthOf } from '../../ledger/state.ts';
import { type BotName, botNameOf, parseBotName } from '../../poems/bot-name.ts';
import { shellWord } from '../../text.ts';
import { botArgument, command, placeFlags, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { notInFlock, openOnLedger, sendToDaemon } from './ledger.ts';

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
    await using context = await openOnLedger(args, terminal);
    const flockFile = await readFlockFile(context.paths.flockFile);
    const renaming = await examine(from, to, context);
    mustHaveSettings(renaming, flockFile);
    const { poem, isNew } = await movePoem(renaming, context, terminal);
    if (renaming.state) await sendToDaemon(context.paths.state, { order: 'rename', bot: from, to });
    if (renaming.bundle) await context.keys.rename(renaming.bundle.file, to);
    tell(renaming, flockFile, terminal);
    if (poem === undefined) return 'done';
    if (isNew) terminal.say(`It reads ${poem} now.`);
    if (botNameOf(poem) === from) tellOfPoem(poem, { from, to }, args, terminal);
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
  if (other && !isDone) {
    const hint = `choose another name, or: flockd resume ${to} --line N`;
    refuse('that is a bot with a place of its own', hint);
  }
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
  let known: KeyBundle;
  try {
    known = await keys.read(listed.file);
  } catch (error) {
    if (!(error instanceof FlockError) || error.exit !== 'config') throw error;
    terminal.warn(`${error.message}: whether its poem has moved is not known`, error.hint);
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

function tellOfPoem(
  poem: string,
  { from, to }: { from: BotName; to: BotName },
  places: Places,
  terminal: Terminal,
): void {
  const renamed = path.join(path.dirname(poem), `${to}.txt`);
  const again = withInvocationFlags(places, 'flockd')(`rename ${from} ${to}`);
  terminal.say('Its poem still has the old name, which keymaker make-keys would take for another bot:');
  terminal.say(`hint: mv ${shellWord(poem)} ${shellWord(renamed)}, then ${again} once more`);
}
