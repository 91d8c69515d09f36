import type { Context } from '../../context.ts';
import { isStopped } from '../../daemon/stop-switch.ts';
import type { Bot } from '../../flock/load.ts';
import { hasJournal } from '../../ledger/journal.ts';
import { applyEvent } from '../../ledger/state.ts';
import { readPoem } from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { eventsOf } from '../../posting/commands.ts';
import { fingerprints } from '../../posting/cursor.ts';

/**
 * What would keep a bot from posting its first line, asked before a ledger is begun: a refusal leaves none behind. Where there
 * is one, the order itself tells.
 *
 * @throws {FlockError} `data` where its poem cannot be read, `usage` where it rests
 */
export async function mustBeReady(
  { name: bot, poemFile, settings }: Bot,
  { clock, paths }: Context,
): Promise<void> {
  if (await hasJournal(paths.state)) return;
  const at = clock.now();
  const poem = fingerprints(await linesOf(poemFile, settings.unit, readPoem));
  const readiness = { ...settings, isStopped: isStopped(paths.state) };
  eventsOf({ order: 'post', bot }, applyEvent(undefined, { event: 'begun', bot, at, poem }), at, readiness);
}
