/** What X charges, in dollars, by its pages of August 2026. Failed requests cost nothing. */
export const prices = { date: 'August 2026', userRead: 0.01 } as const;

/**
 * What the online checks will cost, to be said before they run.
 *
 * @param reads - accounts to be read on X
 * @param isX - whether they are read on X itself, and not on something that plays it
 */
export function forecast(reads: number, isX: boolean): string {
  if (reads === 0) return 'No account is read on X: this costs nothing.';
  const accounts = reads === 1 ? '1 account is' : `${reads} accounts are`;
  const dollars = `about $${(reads * prices.userRead).toFixed(2)}`;
  return isX ? `${accounts} read on X: ${dollars}.` : `${accounts} read; X would charge ${dollars}.`;
}

/** A sum of prices without the noise of binary fractions. */
export const inDollars = (sum: number): number => Math.round(sum * 1000) / 1000;
