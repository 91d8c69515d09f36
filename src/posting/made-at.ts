import { postInstant } from '../networks/x/client.ts';
import type { Intent, LedgerEvent } from './ledger-event.ts';

/**
 * When a post was made: a restored bot finds its posts long after, and their ids tell. Milliseconds since 1970.
 *
 * @param open - what was written down before it
 */
export function madeAt(
  { id, at, by }: Extract<LedgerEvent, { event: 'posted' }>,
  { look }: Pick<Intent, 'look'>,
): number {
  if (look !== true || by !== 'timeline' || id === undefined) return at;
  return Math.min(postInstant(id) ?? at, at);
}
