import path from 'node:path';
import * as z from 'zod';
import { FlockError, systemCode } from './errors.ts';
import { readRegularFile, reasonOf } from './fs.ts';

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

/** What X charges for reading, in micros. */
export const readingCost = (
  { posts = 0, accounts = 0 }: { posts?: number; accounts?: number },
  { postRead, userRead }: PriceTable,
): number => posts * inMicros(postRead) + accounts * inMicros(userRead);

/** The version of price tables this program understands. */
const version = 1;

const usd = z
  .number('should be a number of dollars')
  .nonnegative('should not be negative')
  .max(1000, 'should be the price of one, in dollars');

/** What X charges, in US dollars. Failed requests cost nothing. */
const priceTable = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(version, `is not ${version}, the one this program understands`),
  /** When these prices were read: `2026-08-22`. */
  date: z.iso.date('should be a date such as "2026-08-22"'),
  /** One post, and one with a link. */
  post: usd,
  linkPost: usd,
  /** One post or account that is read. */
  postRead: usd,
  userRead: usd,
});

export type PriceTable = Readonly<z.infer<typeof priceTable>>;

/** X's prices for pay-per-use. @see docs.x.com, pricing */
export const usualPrices: PriceTable = {
  version,
  date: '2026-08-22',
  post: 0.015,
  linkPost: 0.2,
  postRead: 0.005,
  userRead: 0.01,
};

const name = 'prices.json';

/** A price table is six lines. Bytes. */
const maxSize = 64 * 1024;

/**
 * X's prices: those in the flock's `prices.json`, for the day X changes them, or else those this program came with.
 *
 * @throws {FlockError} `config` for a table that cannot be read, or is of a version this program does not know
 */
export async function readPrices(root: string): Promise<PriceTable> {
  const file = path.join(root, name);
  try {
    return parsePrices((await readRegularFile(file, maxSize)).toString('utf8'));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return usualPrices;
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('config', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint: 'put a plain file there, or none: the prices this program came with count then',
      cause,
    });
  }
}

/** @throws {FlockError} `config` as {@link readPrices} */
export function parsePrices(text: string): PriceTable {
  const found = priceTable.safeParse(parseJson(text));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new FlockError('config', `${name}: ${issue ? said(issue) : 'is wrong'}`, { hint });
}

const hint = `it should read ${JSON.stringify(usualPrices)}`;

function said({ code, path: place, message }: z.core.$ZodIssue): string {
  if (code === 'unrecognized_keys') return 'has a price it does not know';
  return place.length === 0 ? 'not a table of prices' : `${place.join('.')} ${message}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) as unknown;
  } catch (cause) {
    throw new FlockError('config', `${name}: not JSON`, { hint, cause });
  }
}
