import path from 'node:path';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf } from '../fs.ts';
import { priceTable, type PriceTable, usualPrices } from './price-table.ts';

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
