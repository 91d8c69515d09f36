import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PendingCommands } from '../../src/daemon/daemon.ts';

function openOrders() {
  const told = new PendingCommands();
  const done: string[] = [];
  const tell = (bot: string, text: string): Promise<void> =>
    told.add(bot, async () => {
      done.push(`${text} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      done.push(`${text} ends`);
    });
  return { told, done, tell };
}

describe('what bots are told', () => {
  it('is carried out by each of them, one after the other, once it comes to it', async () => {
    const { told, done, tell } = openOrders();
    const given = [tell('ada', 'first'), tell('ada', 'second')];
    const other = tell('bea', 'third');
    assert.deepEqual(done, []);
    await told.carryOut('ada');
    await Promise.all(given);
    assert.deepEqual(done, ['first begins', 'first ends', 'second begins', 'second ends']);
    await told.carryOut('ada');
    assert.equal(done.length, 4);
    await told.carryOut('bea');
    await other;
    assert.equal(done.length, 6);
  });

  it('fails for who gave the order alone', async () => {
    const { told, done, tell } = openOrders();
    const refused = assert.rejects(
      told.add('ada', () => Promise.reject(new Error('no'))),
      /^Error: no$/,
    );
    const other = tell('ada', 'other');
    await told.carryOut('ada');
    await Promise.all([refused, other]);
    assert.deepEqual(done, ['other begins', 'other ends']);
  });

  it('is carried out aside, one after the other, for a bot that is not there', async () => {
    const { told, done, tell } = openOrders();
    const given = [tell('ada', 'first')];
    told.carryOutAside('ada');
    given.push(tell('ada', 'second'));
    told.carryOutAside('ada');
    assert.equal(told.aside('bea'), undefined);
    let isDone = false;
    const aside = told.aside('ada')?.then(() => (isDone = true));
    await given[0];
    assert.equal(isDone, false);
    await Promise.all([aside, told.asideIsDone()]);
    assert.deepEqual(done, ['first begins', 'first ends', 'second begins', 'second ends']);
    assert.equal(told.aside('ada'), undefined);
  });
});
