import { systemClock } from '../../clock.ts';
import type { Context } from '../../context.ts';
import { sendCommand } from '../../daemon/control.ts';
import { lockState } from '../../daemon/lock.ts';
import { FlockError } from '../../errors.ts';
import { hasJournal, Journal, type Ledger, readJournal } from '../../ledger/journal.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { type Command, eventsOf, type PostReport } from '../../posting/commands.ts';
import { didYouMean } from '../../text.ts';
import type { Terminal } from '../terminal.ts';
import { lastWord } from './ledger-place.ts';

/*
 * How a command changes the ledger: through the daemon that runs on it, or alone.
 */

/** An opened context, with the state folder that has the last word, as {@link lastWord} finds it. A failure closes it. */
export async function onLedger(context: Context, terminal: Terminal): Promise<Context> {
  try {
    return { ...context, paths: await lastWord(context, terminal) };
  } catch (error) {
    await context[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The bot that a person named, one with a key bundle or one in the ledger, and the bots in the ledger.
 *
 * @throws {FlockError} `usage` if there is none of that name
 */
export async function knownBot(text: string, { keys, paths }: Pick<Context, 'keys' | 'paths'>) {
  const bot = parseBotName(text);
  const { states } = await readJournal(paths.state);
  const bundles = await keys.list();
  const known = [...bundles.map((listed): string => listed.bot), ...states.keys()];
  if (known.includes(bot)) return { bot, states };
  throw notInFlock(bot, known);
}

/** @param known - the bots that may be meant instead */
export function notInFlock(bot: BotName, known: readonly string[]): FlockError {
  const hint = didYouMean(bot, known, 'flockd status lists the bots');
  return new FlockError('usage', `${bot} is not in the flock`, { hint });
}

/**
 * Carries a command out, and returns when it is done.
 *
 * @throws {FlockError} if there is nothing to do, or it failed
 */
export async function sendToDaemon(state: string, order: Command): Promise<void> {
  // A refusal makes no state folder.
  if (!(await hasJournal(state))) eventsOf(order, undefined, systemClock.now());
  await runOrSend(state, order, async (ledger) => {
    await ledger.record(...eventsOf(order, ledger.state(order.bot), systemClock.now()));
    return undefined;
  });
}

/**
 * Sends a command to the running daemon. Without one it calls `alone`, with the ledger to itself.
 *
 * @returns the outcome of a command to post
 * @throws {FlockError} as {@link sendToDaemon}
 */
export async function runOrSend(
  state: string,
  order: Command,
  alone: (ledger: Ledger) => Promise<PostReport | undefined>,
): Promise<PostReport | undefined> {
  await using lock = await lockState(state).catch((error: unknown) => {
    if (error instanceof FlockError && error.exit === 'tryLater') return undefined;
    throw error;
  });
  if (!lock) return (await sendCommand(state, order)).report;
  await using ledger = await Journal.open(state);
  return await alone(ledger);
}
