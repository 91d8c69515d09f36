import assert from 'node:assert/strict';
import { rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { BotFileCache } from '../../../src/web/dashboard/snapshot.ts';
import { ShownFlock } from '../../support/shown-flock.ts';

const lines = (word: string): string => Array.from({ length: 20 }, (_, n) => `${word} ${n + 1}`).join('\n');

describe('a view of a running flock', () => {
  it('is all there is to know of it', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z', {
      timezone: 'Europe/Berlin',
      schedule: '0 9,21 * * *',
      budget: { usdPerMonth: 5 },
      bots: { birch: { atEnd: 'stop' } },
    });
    flock.add('amber', lines('Amber'), {}, { account: 'amber_bot' });
    flock.add('birch', 'Birch one\n    Birch two\n');
    flock.addInvalid('broken', 'a bad bundle', 'make it again');
    flock.update();
    await flock.until('2026-08-22T10:00:00Z');
    const view = await flock.view();
    assert.equal(view.now, '2026-08-22T10:00:00.000Z');
    assert.equal(view.timezone, 'Europe/Berlin');
    assert.deepEqual(
      view.bots.map(({ bot, state }) => [bot, state]),
      [
        ['amber', 'fine'],
        ['birch', 'finished'],
        ['broken', 'unfit'],
      ],
    );
    const [amber] = view.bots;
    assert.deepEqual([amber?.next, amber?.timezone], ['2026-08-22T19:00:00.000Z', 'Europe/Berlin']);
    assert.deepEqual([view.flock.spent.postsToday, view.flock.budget], [1, { usdPerMonth: 5 }]);
    const today = view.days[182];
    assert.deepEqual(today, { day: '2026-08-22', posted: 1, planned: 1 });
    assert.deepEqual(view.days[183], { day: '2026-08-23', posted: 0, planned: 2 });
    const [last] = view.recent;
    assert.deepEqual(
      [last?.bot, last?.line, last?.lines, last?.text, last?.at],
      ['amber', 5, 1, 'Amber 5', '2026-08-22T07:00:00.000Z'],
    );
    assert.match(last?.url ?? '', /^https:\/\/x\.com\/amber_bot\/status\/\d+$/);
    assert.equal(view.recent.length, 7);
    assert.deepEqual(
      view.recent.filter(({ bot }) => bot === 'birch').map(({ text }) => text),
      ['Birch two', 'Birch one'],
    );
  });

  it('knows who is in doubt, and since when, and who was told to rest', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    for (const bot of ['amber', 'birch']) flock.add(bot, lines(bot));
    flock.update();
    await flock.until('2026-08-20T10:00:00Z');
    await flock.daemon.execute({ order: 'pause', bot: 'birch' });
    flock.deaf = true;
    await flock.until('2026-08-21T09:01:00Z');
    const [amber, birch] = (await flock.view()).bots;
    assert.equal(amber?.state, 'in doubt');
    assert.match(amber.why ?? '', /was sent at 2026-08-21T09:00:00\.000Z/);
    assert.deepEqual([birch?.state, birch?.pausedSince], ['paused', '2026-08-20T10:00:00.000Z']);
  });

  it('knows who is parked for its key, and who for its account or its poem', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z', { unit: 'line' });
    for (const bot of ['amber', 'birch', 'cinder']) flock.add(bot, lines(bot));
    // X takes one cashtag in a post.
    flock.add('dune', 'from $TIDE to $SALT\n');
    flock.update();
    flock.control('accounts/amber/revoke');
    flock.control('accounts/birch/suspend');
    // X calls no key revoked: it is believed after an hour.
    await flock.until('2026-08-20T09:05:00Z');
    assert.equal((await flock.view()).bots[0]?.state, 'waiting');
    await flock.until('2026-08-20T10:30:00Z');
    const { bots } = await flock.view();
    assert.deepEqual(
      bots.map(({ bot, state, needsKey }) => [bot, state, needsKey]),
      [
        ['amber', 'parked', true],
        ['birch', 'parked', false],
        ['cinder', 'fine', false],
        ['dune', 'parked', false],
      ],
    );
  });

  it('takes a post that was just sent for under way, and one without an answer for in doubt', async () => {
    await using flock = new ShownFlock('2026-08-20T08:59:59Z');
    flock.add('amber', lines('Amber'));
    flock.update();
    // It looks at its timeline before its first post.
    await flock.until('2026-08-21T08:59:59Z');
    flock.deaf = true;
    const snapshots = flock.snapshots();
    const stateAt = async (instant: string): Promise<string | undefined> => {
      await flock.until(instant);
      return (await snapshots.view()).bots[0]?.state;
    };
    assert.equal(await stateAt('2026-08-21T09:00:05Z'), 'fine');
    assert.equal(await stateAt('2026-08-21T09:03:00Z'), 'in doubt');
  });

  it('knows that the flock is stopped, and plans nothing then', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    flock.add('amber', lines('Amber'));
    flock.update();
    await flock.until('2026-08-20T10:00:00Z');
    flock.stopped = true;
    const view = await flock.view();
    assert.equal(view.flock.stopped, true);
    assert.equal(view.bots[0]?.state, 'stopped');
    assert.equal(Math.max(...view.days.map(({ planned }) => planned)), 0);
  });

  it('is the same for all who ask within a second, unless something was done', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    flock.add('amber', lines('Amber'));
    flock.update();
    const snapshots = flock.snapshots();
    const first = snapshots.view();
    assert.equal(snapshots.view(), first);
    await first;
    await flock.until('2026-08-20T00:00:00.999Z');
    assert.equal(snapshots.view(), first);
    snapshots.forget();
    assert.notEqual(snapshots.view(), first);
    const second = snapshots.view();
    await second;
    // The longer a view takes, the longer the next one waits.
    await flock.until('2026-08-20T00:10:00Z');
    assert.notEqual(snapshots.view(), second);
  });
});

describe('what the files of a flock say', () => {
  it('is read again when they change, and else is the same', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    flock.add('amber', 'one\ntwo\n');
    flock.addInvalid('zinc', 'a bad bundle', 'make it again');
    flock.update();
    const cache = new BotFileCache();
    const loaded = flock.flock();
    const read = () => cache.files(loaded);
    const first = await read();
    assert.deepEqual(
      first.map(({ bot, lines: count, unfit }) => [bot, count, unfit?.why]),
      [
        ['amber', 2, undefined],
        ['zinc', 0, 'a bad bundle'],
      ],
    );
    assert.equal((await read())[0], first[0]);
    const poem = path.join(flock.root, 'poems/amber.txt');
    await writeFile(poem, 'one\ntwo\nthree.It\n');
    const second = await read();
    assert.deepEqual([second[0]?.lines, [...(second[0]?.linked ?? [])]], [3, [2]]);
    await rm(poem);
    assert.match((await read())[0]?.unfit?.why ?? '', /cannot read .*amber\.txt/);
    await writeFile(poem, 'one\n');
    await utimes(poem, 1, 1);
    assert.equal((await read())[0]?.lines, 1);
  });

  it('is looked at in turns where there are many, and is known of all of them', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    for (let n = 0; n < 900; n++) flock.add(`bot-${n}`, 'one\ntwo\n');
    flock.update();
    const cache = new BotFileCache();
    const loaded = flock.flock();
    const known = async (): Promise<number> => {
      const files = await cache.files(loaded);
      assert.equal(files.length, 900);
      return files.filter((file) => file.lines === 2).length;
    };
    assert.deepEqual([await known(), await known(), await known()], [400, 800, 900]);
    const settled = await cache.files(loaded);
    const again = await cache.files(loaded);
    assert.ok(again.every((files, index) => files === settled[index]));
  });

  it('is that of the bots that are there now', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z');
    for (const bot of ['amber', 'birch']) flock.add(bot, 'one\n');
    flock.update();
    const cache = new BotFileCache();
    const { bots, ...others } = flock.flock();
    const [amber] = await cache.files({ ...others, bots });
    const left = await cache.files({ ...others, bots: bots.filter(({ name }) => name === 'amber') });
    assert.deepEqual(
      left.map(({ bot }) => bot),
      ['amber'],
    );
    assert.equal(left[0], amber);
  });
});
