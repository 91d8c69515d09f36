/*
 * Money is counted in whole millionths of a dollar (`micros`), so that sums are exact. People and programs are shown dollars.
 */

/** @param usd - US dollars */
export const inMicros = (usd: number): number => Math.round(usd * 1e6);

/** @returns US dollars, without the noise of binary fractions */
export const inUsd = (micros: number): number => micros / 1e6;

/** A sum as a person reads it: `$10.80`, `$0.015`, `$1,296.00`. */
export function showUsd(micros: number): string {
  const digits = micros % 10_000 === 0 || micros >= 1e6 ? 2 : 3;
  return `$${inUsd(micros).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}
