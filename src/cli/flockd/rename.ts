import path from 'node:path';
import * as z from 'zod';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { poemFinder } from '../../flock/import.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { ListedBundle } from '../../keys/store.ts';
import { lengthOf } from '../../ledger/cursor.ts';
import { readJournal } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import { type BotName, botNameOf, parseBotName } from '../../poems/bot-name.ts';
import { nearest, shellWord } from '../../text.ts';
import { botArgument, command, placeFlags, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { openOnLedger, sendToDaemon } from './on-ledger.ts';

/*
 * The ledger comes first, the bundle last: whatever ends the command in between, no bot posts under a name whose place in the
 * ledger is another's, and the same command once more completes what is left.
 */

export const rename = command({
  summary: 'Call a bot otherwise: it keeps its place, its history and its key',
  schema: z.object({
    old: botArgument.meta({ description: 'the name of the bot so far' }),
    // A poem that has the new name already is a good guess.
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

/** What of a bot has its old name still. */
interface Renaming {
  from: BotName;
  to: BotName;
  /** What the ledger says of it, where the ledger has it under the old name. */
  state: BotState | undefined;
  /** The same under the new name, where this was done before. */
  done: BotState | undefined;
  bundle: ListedBundle | undefined;
  /** The bundle that has the new name already. */
  newBundle: ListedBundle | undefined;
}

/** @throws {FlockError} `usage` where there is nothing to rename, or the new name is another bot's */
async function examine(from: BotName, to: BotName, { paths, keys }: Context): Promise<Renaming> {
  const { states } = await readJournal(paths.state);
  const bundles = await keys.list();
  const bundleOf = (bot: BotName): ListedBundle | undefined => bundles.find((listed) => listed.bot === bot);
  const [bundle, newBundle] = [bundleOf(from), bundleOf(to)];
  const state = states.get(from);
  const done = states.get(to);
  const isDone =
    state === undefined && (done ? done.was?.includes(from) === true : await readsAs(from, newBundle, keys));
  const taken = (why: string, hint: string): FlockError =>
    new FlockError('usage', `${from} cannot be renamed to ${to}: ${why}`, { hint });
  if (!state && !bundle && !isDone) {
    const known = [...states.keys(), ...bundles.map((listed) => listed.bot)];
    const meant = nearest(from, known);
    throw new FlockError('usage', `${from} is not in the flock`, {
      hint: meant === undefined ? 'flockd status lists the bots' : `did you mean ${meant}?`,
    });
  }
  if (done && !isDone) {
    throw taken(
      'that is a bot with a place of its own',
      `choose another name, or: flockd resume ${to} --line N`,
    );
  }
  if (bundle && newBundle)
    throw taken('both have a key bundle', 'keymaker list shows whose they are; remove the wrong one');
  if (newBundle && state) await mustBeSame(newBundle, state, taken, keys);
  return { from, to, state, done: isDone ? done : undefined, bundle, newBundle };
}

/** Whether a bundle of a bot that has not begun still says that its poem has the old name. */
async function readsAs(
  from: BotName,
  bundle: ListedBundle | undefined,
  keys: Context['keys'],
): Promise<boolean> {
  if (!bundle) return false;
  const known = await keys.read(bundle.file).catch(() => undefined);
  return known?.poemFile !== undefined && botNameOf(known.poemFile) === from;
}

/** A bundle that has the new name already is the bot's own where it is for the same account. */
async function mustBeSame(
  { file }: ListedBundle,
  { account }: BotState,
  taken: (why: string, hint: string) => FlockError,
  keys: Context['keys'],
): Promise<void> {
  const { userId } = await keys.read(file);
  if (account !== undefined && userId === account) return;
  throw taken(`${path.basename(file)} is the key of another account`, 'choose another name');
}

/** @throws {FlockError} `config` where the bot would lose its settings */
function mustHaveSettings({ from, to }: Renaming, { named }: FlockFile): void {
  if (!named.includes(from) || named.includes(to)) return;
  throw new FlockError('config', `flock.json has settings for ${from}, and none for ${to}`, {
    hint: `copy them under "${to}" in "bots" first; those of "${from}" can go when it is renamed`,
  });
}

/**
 * Writes down where the bot's poem is, where it has moved: before the bundle has its new name, so that no bot is ever without
 * its poem.
 *
 * @returns where the poem is, as far as is known, and whether that is new
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
  if (named.includes(from)) terminal.say(`flock.json still names ${from}: its settings there can go.`);
}

function tellOfPoem(
  poem: string,
  { from, to }: { from: BotName; to: BotName },
  places: Parameters<typeof withInvocationFlags>[0],
  terminal: Terminal,
): void {
  const renamed = path.join(path.dirname(poem), `${to}.txt`);
  const again = withInvocationFlags(places, 'flockd')(`rename ${from} ${to}`);
  terminal.say(`Its poem still has the old name, which keymaker make-keys would take for another bot:`);
  terminal.say(`hint: mv ${shellWord(poem)} ${shellWord(renamed)}, then ${again} once more`);
}
