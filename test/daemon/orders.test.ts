import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { giveOrder, takeOrders, type DaemonOrder } from '../../src/daemon/orders.ts';
import { FlockError } from '../../src/errors.ts';
import type { PostReport } from '../../src/posting/post-report.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const report: PostReport = { state: 'posted', line: 3, of: 9, id: '77', at: 5 };
const post: DaemonOrder = { order: 'post', bot: 'howl' };

/** Answers that nobody has taken. */
const answersIn = (state: string): string[] =>
  readdirSync(path.join(state, 'orders'))
    .filter((name) => name.endsWith('.answer'))
    .sort();

describe('an order', () => {
  it('reaches the daemon, and what it has led to comes back', async () => {
    const state = tempFolder();
    const taken: DaemonOrder[] = [];
    const stop = await takeOrders(state, (order) => {
      taken.push(order);
      return Promise.resolve(order.order === 'post' ? report : undefined);
    });
    assert.deepEqual(await giveOrder(state, post), report);
    assert.equal(await giveOrder(state, { order: 'pause', bot: 'howl' }), undefined);
    stop();
    assert.deepEqual(taken, [post, { order: 'pause', bot: 'howl' }]);
    assert.deepEqual(answersIn(state), []);
  });

  it('is carried out once the daemon runs, in the order in which they came', async () => {
    const state = tempFolder();
    const given = ['ada', 'bea', 'cid'].map((bot) => giveOrder(state, { order: 'pause', bot }));
    const taken: string[] = [];
    const stop = await takeOrders(state, (order) => {
      if ('bot' in order) taken.push(order.bot);
      return Promise.resolve(undefined);
    });
    await Promise.all(given);
    stop();
    assert.deepEqual(taken.sort(), ['ada', 'bea', 'cid']);
  });

  it('is refused with what the daemon has against it', async () => {
    const state = tempFolder();
    const stop = await takeOrders(state, () =>
      Promise.reject(new FlockError('tryLater', 'howl has a post in doubt', { hint: 'wait' })),
    );
    await assert.rejects(giveOrder(state, post), (error) => {
      assert.ok(error instanceof FlockError);
      assert.deepEqual(
        [error.exit, error.message, error.hint],
        ['tryLater', 'howl has a post in doubt', 'wait'],
      );
      return true;
    });
    stop();
  });

  it('that is none is answered, and stops no other', async () => {
    const state = tempFolder({ 'orders/0001.order': '{"order": "obey"}', 'orders/0002.order': 'nonsense' });
    const stop = await takeOrders(state, () => Promise.resolve(report));
    assert.deepEqual(await giveOrder(state, post), report);
    stop();
    assert.deepEqual(answersIn(state), ['0001.answer', '0002.answer']);
  });

  it('that cannot be written says so', async () => {
    const state = tempFolder();
    writeFileSync(path.join(state, 'orders'), '');
    await assert.rejects(
      giveOrder(state, post),
      (error) =>
        error instanceof FlockError && error.exit === 'io' && error.message.includes('cannot tell flockd'),
    );
  });
});
