import { type PriceTable, readingCost, showUsd } from '../cost.ts';

/**
 * What the online checks will cost, to be said before they run.
 *
 * @param reads - accounts to be read on X
 * @param isX - whether they are read on X itself, and not on something that plays it
 */
export function forecast(reads: number, isX: boolean, prices: PriceTable): string {
  if (reads === 0) return 'No account is read on X: this costs nothing.';
  const accounts = reads === 1 ? '1 account is' : `${reads} accounts are`;
  const dollars = `about ${showUsd(readingCost({ accounts: reads }, prices))}`;
  return isX ? `${accounts} read on X: ${dollars}.` : `${accounts} read; X would charge ${dollars}.`;
}
