import type { Exit, FlockError } from '../../errors.ts';
import { VerifierRefused } from '../../oauth/client.ts';
import type { Terminal } from '../terminal.ts';

/** What became of one bot's key; a poem whose bot has no name is named by its file. */
export type Result = { bot: string } & (
  { key: 'made' | 'kept' | 'skipped' } | { key: 'failed'; error: FlockError }
);

/** Whether the next bot would fare no better. */
export const stopsAll = (error: FlockError): boolean =>
  !(error instanceof VerifierRefused || ['data', 'partly', 'permission'].includes(error.exit));

export function summarize(results: readonly Result[], terminal: Terminal): void {
  const counts = (['made', 'kept', 'skipped', 'failed'] as const).map(
    (key) => `${results.filter((result) => result.key === key).length} ${key}`,
  );
  terminal.say(`Keys: ${counts.join(', ')}.`);
}

export function exitOf(results: readonly Result[]): Exit {
  const failed = results.filter((result) => result.key === 'failed');
  const [first] = failed;
  if (!first) return 'done';
  return failed.length === results.length ? first.error.exit : 'partly';
}
