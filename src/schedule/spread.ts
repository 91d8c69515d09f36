import { hash } from 'node:crypto';

/**
 * How long after its slot a bot posts, so that a flock on one schedule does not post all at once.
 * It is fixed for a bot: the same name and spread always give the same offset.
 *
 * @param spread - milliseconds
 * @returns milliseconds, at least 0 and below `spread`
 */
export function offsetIn(spread: number, bot: string): number {
  if (spread <= 0) return 0;
  const share = hash('sha256', bot, 'buffer').readUInt32BE(0) / 2 ** 32;
  return Math.floor(share * spread);
}
