import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ToldOrders } from '../../src/daemon/told-orders.ts';

describe('what bots are told', () => {
  it('is carried out by each of them, in order, once it comes to it', async () => {
    const told = new ToldOrders<string>();
    const done: string[] = [];
    const order = (name: string) => (): Promise<void> => {
      done.push(name);
      return Promise.resolve();
    };
    const first = told.add('ada', order('ada 1'));
    const second = told.add('ada', order('ada 2'));
    const other = told.add('bea', order('bea 1'));
    assert.deepEqual(done, []);
    for (const carryOut of told.take('ada')) await carryOut();
    assert.deepEqual(done, ['ada 1', 'ada 2']);
    await Promise.all([first, second]);
    assert.deepEqual(told.take('ada'), []);
    for (const carryOut of told.take('bea')) await carryOut();
    await other;
    assert.deepEqual(done, ['ada 1', 'ada 2', 'bea 1']);
  });

  it('fails for who gave the order alone', async () => {
    const told = new ToldOrders<string>();
    const given = told.add('ada', () => Promise.reject(new Error('no')));
    const refused = assert.rejects(given, /^Error: no$/);
    for (const carryOut of told.take('ada')) await carryOut();
    await refused;
  });
});
