/*
 * Money is counted in whole millionths of a dollar (`micros`), so that sums are exact. People and programs are shown dollars.
 */

/** @param usd - US dollars */
export const inMicros = (usd: number): number => Math.round(usd * 1e6);

/** @returns US dollars, without the noise of binary fractions */
export const inUsd = (micros: number): number => micros / 1e6;

/** A sum as a person reads it: `$10.80`, `$0.015`, `$1,296.00`. */
export function showUsd(micros: number): string {
  return dollars(micros, micros % 10_000 === 0 || micros >= 1e6 ? 2 : 3);
}

/** How to show sums that stand below each other: all with the same digits, and so many that they add up as they are shown. */
export function showUsdAlike(sums: readonly number[]): (micros: number) => string {
  const digits = [2, 3, 4, 5].find((most) => sums.every((micros) => micros % 10 ** (6 - most) === 0)) ?? 6;
  return (micros) => dollars(micros, digits);
}

/**
 * By the digits after the point. Each is made once, since a table of thousands of bots has many sums, and not before: the
 * first takes ten milliseconds, and most calls show no money.
 */
const formats = new Map<number, Intl.NumberFormat>();

function dollars(micros: number, digits: number): string {
  const exactly = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = formats.get(digits) ?? new Intl.NumberFormat('en-US', exactly);
  formats.set(digits, format);
  return `$${format.format(inUsd(micros))}`;
}
