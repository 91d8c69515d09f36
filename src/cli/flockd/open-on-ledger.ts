import { type Context, openContext, type Places } from '../../context.ts';
import type { Terminal } from '../terminal.ts';
import { onLedger } from './ledger-place.ts';

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
