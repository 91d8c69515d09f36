import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { FlockError } from '../../src/errors.ts';
import { type ForeignKey, type Found, isKey, readForeign } from '../../src/keys/foreign-formats.ts';

/** The secrets of all files here have the word Hidden in them, which nothing that is shown may have. */
export function checked(text: string, file = 'dir/some.file'): Found[] {
  const found = readForeign(text, file);
  assert.ok(found.length > 0);
  assert.doesNotMatch(inspect(found, { depth: 9, showHidden: true }), /Hidden/);
  for (const refusal of found) {
    if (refusal instanceof FlockError)
      assert.deepEqual([refusal.exit, typeof refusal.hint], ['data', 'string']);
  }
  return found;
}

export const keysIn = (text: string, file?: string): ForeignKey[] => checked(text, file).filter(isKey);
export const refusalsIn = (text: string, file?: string): string[] =>
  checked(text, file).flatMap((found) => (found instanceof FlockError ? [found.message] : []));

export function onlyKey(text: string, file?: string): ForeignKey {
  const [key] = keysIn(text, file);
  assert.ok(key, refusalsIn(text, file).join());
  assert.equal(checked(text, file).length, 1);
  return key;
}

export function onlyRefusal(text: string, message: RegExp, file?: string): void {
  const [refusal] = refusalsIn(text, file);
  assert.equal(keysIn(text, file).length, 0);
  assert.match(refusal ?? 'it was taken', message);
}

export const json = (value: unknown): string => JSON.stringify(value);

export function without(record: Record<string, unknown>, field: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));
}

/** Nothing a reader should stumble over, whatever it is in the place of. */
export const wrongValues: [name: string, value: unknown, message: RegExp][] = [
  ['null', null, /is missing or not a string$/],
  ['a number', 7, /is missing or not a string$/],
  ['a list', ['Hidden'], /is missing or not a string$/],
  ['an object', { Hidden: 'Hidden' }, /is missing or not a string$/],
  ['empty', '', /is empty$/],
];
