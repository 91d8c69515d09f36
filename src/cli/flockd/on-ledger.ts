import { systemClock } from '../../clock.ts';
import { type Context, openContext, type Places } from '../../context.ts';
import { sendCommand } from '../../daemon/control.ts';
import { lockState } from '../../daemon/lock.ts';
import { FlockError } from '../../errors.ts';
import { hasJournal, Journal, type Ledger } from '../../ledger/journal.ts';
import { type Command, eventsOf, type PostReport } from '../../posting/commands.ts';
import type { Terminal } from '../terminal.ts';
import { onLedger } from './ledger-place.ts';

/**
 * Carries an order out: through the daemon that runs, or at once where none does.
 *
 * @throws {FlockError} where there is nothing to carry out, or it could not be
 */
export async function sendToDaemon(state: string, order: Command): Promise<void> {
  // A refusal makes no state folder for a flock that has none.
  if (!(await hasJournal(state))) eventsOf(order, undefined, systemClock.now());
  await runOrSend(state, order, async (ledger) => {
    await ledger.record(...eventsOf(order, ledger.state(order.bot), systemClock.now()));
    return undefined;
  });
}

/**
 * Gives an order to the daemon that runs, or else does the same alone, with the ledger to itself.
 *
 * @returns what an order to post has led to
 * @throws {FlockError} as {@link sendToDaemon}
 */
export async function runOrSend(
  state: string,
  order: Command,
  alone: (ledger: Ledger) => Promise<PostReport | undefined>,
): Promise<PostReport | undefined> {
  const lock = await lockState(state).catch((error: unknown) => {
    if (error instanceof FlockError && error.exit === 'tryLater') return undefined;
    throw error;
  });
  if (!lock) return sendCommand(state, order);
  await using _lock = lock;
  await using ledger = await Journal.open(state);
  return await alone(ledger);
}

/** The context of a command, with {@link onLedger | the ledger that has the last word}. */
export async function openOnLedger(places: Places, terminal: Terminal): Promise<Context> {
  const context = openContext(places);
  try {
    return { ...context, paths: await onLedger(context, terminal) };
  } catch (error) {
    await context[Symbol.asyncDispose]();
    throw error;
  }
}
