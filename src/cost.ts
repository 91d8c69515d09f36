import path from 'node:path';
import * as z from 'zod';
import { FlockError, systemCode } from './errors.ts';
import { fileError, readRegularFile } from './fs.ts';
import { firstIssue, parseJson } from './text.ts';

/*
 * What X charges, and how sums are written. Sums are whole millionths of a dollar (`micros`), so that they add up exactly;
 * people and other programs see dollars.
 */

/** @param usd - US dollars */
export const inMicros = (usd: number): number => Math.round(usd * 1e6);

/** @returns US dollars */
export const inUsd = (micros: number): number => micros / 1e6;

/** A sum as a person reads it, in whole cents: `$10.80`, `$0.05`, `$1,296.00`; `<$0.01` for less than half a cent. */
export const showUsd = (micros: number): string =>
  micros > 0 && micros < 5000 ? '<$0.01' : `$${format(2).format(inUsd(micros))}`;

/** A price exactly, since prices have fractions of a cent: `$0.015`, `$0.20`. @param usd - US dollars */
export const showPrice = (usd: number): string => `$${format(6).format(usd)}`;

/**
 * By the maximum number of decimals. Each format is made on first use, since that takes ten milliseconds and most commands
 * show no money, and once, since a table of thousands of bots has many sums.
 */
const formats = new Map<number, Intl.NumberFormat>();

function format(maxDigits: number): Intl.NumberFormat {
  const known = formats.get(maxDigits);
  if (known) return known;
  const made = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: maxDigits });
  formats.set(maxDigits, made);
  return made;
}

/** The price of reading posts and accounts, in micros. */
export const readingCost = (
  { posts = 0, accounts = 0 }: { posts?: number; accounts?: number },
  { postRead, userRead }: PriceTable,
): number => posts * inMicros(postRead) + accounts * inMicros(userRead);

/** The version of `prices.json` that this program reads. */
const version = 1;

const usd = z
  .number('should be a number of dollars')
  .nonnegative('should not be negative')
  .max(1000, 'should be the price of a single one, in dollars');

/** What X charges for each request, in US dollars. Failed requests cost nothing. */
const priceTable = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(version, `is not ${version}, the version that this program reads`),
  /** The day on which X listed these prices: `2026-08-22`. */
  date: z.iso.date('should be a date such as "2026-08-22"'),
  /** A post, and a post with a link. */
  post: usd,
  linkPost: usd,
  /** Reading one post, and reading one account. */
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

/** The maximum size of `prices.json`. Bytes. */
const maxSize = 64 * 1024;

/**
 * X's prices: those in the flock's `prices.json`, which an owner writes when X changes its prices, otherwise
 * {@link usualPrices}.
 *
 * @throws {FlockError} `config` if the file cannot be read, is invalid, or has another version
 */
export async function readPrices(root: string): Promise<PriceTable> {
  const file = path.join(root, name);
  try {
    return parsePrices((await readRegularFile(file, maxSize)).toString('utf8'));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return usualPrices;
    const hint = 'put a regular file there, or remove it to use the built-in prices';
    throw fileError(cause, 'config', `cannot read ${file}`, hint);
  }
}

/** @throws {FlockError} `config` as {@link readPrices} */
export function parsePrices(text: string): PriceTable {
  const value = parseJson(text);
  const { data, error } = priceTable.safeParse(value);
  if (data) return data;
  const isUnknown = error.issues[0]?.code === 'unrecognized_keys';
  const whole = isUnknown ? 'has an unknown price' : 'not a table of prices';
  const why = value === undefined ? 'not JSON' : firstIssue(error, whole);
  const hint = `it should read ${JSON.stringify(usualPrices)}`;
  throw new FlockError('config', `${name}: ${why}`, { hint });
}
