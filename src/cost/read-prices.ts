import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf } from '../files.ts';
import { priceTable, usualPrices, type PriceTable } from './price-table.ts';

const name = 'prices.json';

/** A price table is six lines. Bytes. */
const largest = 64 * 1024;

/**
 * X's prices: those in the flock's `prices.json`, for the day X changes them, or else those this program came with.
 *
 * @throws {FlockError} `config` for a table that cannot be read, or is of a version this program does not know
 */
export async function readPrices(root: string): Promise<PriceTable> {
  const file = path.join(root, name);
  try {
    return parsePrices((await readRegularFile(file, largest)).toString('utf8'));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return usualPrices;
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('config', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws {FlockError} `config` as {@link readPrices} */
export function parsePrices(text: string): PriceTable {
  const found = priceTable.safeParse(parseJson(text));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const place = issue?.path.join('.') ?? '';
  const message = issue?.code === 'unrecognized_keys' ? 'has a price it does not know' : issue?.message;
  throw new FlockError('config', `${name}: ${place === '' ? '' : `${place} `}${message ?? 'is wrong'}`, {
    hint: `it should read ${JSON.stringify(usualPrices)}`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) as unknown;
  } catch (cause) {
    throw new FlockError('config', `${name}: not JSON`, {
      hint: `it should read ${JSON.stringify(usualPrices)}`,
      cause,
    });
  }
}
