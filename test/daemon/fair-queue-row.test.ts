import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairQueue } from '../../src/daemon/fair-queue.ts';

/** Whoever is left, first to last. */
function rest(row: FairQueue<string>): string[] {
  const left: string[] = [];
  for (let next = row.next(); next !== undefined; next = row.next()) left.push(next);
  return left;
}

describe('a row', () => {
  it('is left in the order in which it was joined, also while others join', () => {
    const row = new FairQueue<string>();
    for (const name of ['a', 'b', 'c']) row.add(name);
    assert.equal(row.next(), 'a');
    row.add('d');
    assert.equal(row.length, 3);
    assert.deepEqual(rest(row), ['b', 'c', 'd']);
    assert.equal(row.next(), undefined);
  });

  it('has everybody once, until they have left it', () => {
    const row = new FairQueue<string>();
    for (const name of ['a', 'b', 'a']) row.add(name);
    assert.equal(row.next(), 'a');
    row.add('a');
    assert.deepEqual(rest(row), ['b', 'a']);
  });

  it('can be sent home', () => {
    const row = new FairQueue<string>();
    row.add('a');
    row.clear();
    assert.equal(row.length, 0);
    row.add('a');
    assert.deepEqual(rest(row), ['a']);
  });

  it('has lanes that have their turns, however long one of them is', () => {
    const row = new FairQueue<string>();
    for (const name of ['a', 'b', 'c', 'd']) row.add(name, 'long');
    assert.equal(row.next(), 'a');
    row.add('e');
    row.add('f', 'third');
    assert.deepEqual(rest(row), ['b', 'e', 'f', 'c', 'd']);
  });

  it('lets nobody out of a lane that is closed, and all others', () => {
    const row = new FairQueue<string>();
    for (const name of ['a', 'b']) row.add(name, 'closed');
    for (const name of ['c', 'd']) row.add(name);
    assert.deepEqual([row.next('closed'), row.next('closed'), row.next('closed')], ['c', 'd', undefined]);
    assert.equal(row.length, 2);
    assert.deepEqual(rest(row), ['a', 'b']);
  });
});
