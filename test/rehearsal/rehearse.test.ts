import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { flockError } from '../support/flock-error.ts';
import { changing, lines, rehearsed } from './rehearsed.ts';

const poems = { heron: lines('heron', 12), otter: lines('otter', 15) };
const hourly = { schedule: '0 * * * *' };

describe('a rehearsal', () => {
  it('joins refrains, and counts every line in them once', async () => {
    // Line 3 repeats line 1 two hours later, which X refuses; the whole poem comes again after a day.
    const poem = ['again', 'b', 'again', ...lines('d', 21)];
    const { report } = await rehearsed({ poems: { heron: poem }, settings: hourly }, { days: 10 });
    // Each pass of 24 lines takes 23 posts.
    const [passes, rest] = [Math.floor(240 / 23), 240 % 23];
    const joined = passes + (rest >= 3 ? 1 : 0);
    assert.deepEqual([report.posted, report.lines, report.refused], [240, 240 + joined, joined]);
    assert.deepEqual([report.refusals, report.kept], [{ duplicate: joined }, true]);
  });

  it('lets refrains go where it is told to', async () => {
    const poem = ['again', 'b', 'again', ...lines('d', 21)];
    const settings = { ...hourly, refrain: 'skip' };
    const { report } = await rehearsed({ poems: { heron: poem }, settings }, { days: 10 });
    assert.deepEqual([report.posted, report.lines, report.kept], [240, 240, true]);
    assert.equal(report.passedOver, report.refused);
    assert.ok(report.passedOver >= 10);
  });

  it('stops where a poem stops', async () => {
    const { report } = await rehearsed({ poems, settings: { atEnd: 'stop' } }, { days: 20 });
    assert.deepEqual(
      report.bots.map(({ posted, state, missed }) => [posted, state, missed]),
      [
        [12, 'finished', 0],
        [15, 'finished', 0],
      ],
    );
    assert.ok(report.kept);
  });

  it('holds the flock to its budget', async () => {
    const settings = { ...hourly, budget: { postsPerDay: 20 } };
    const { report } = await rehearsed({ poems, settings }, { days: 5 });
    // The time ends with the first slot of the sixth day.
    assert.equal(report.posted, 5 * 20 + 2);
    assert.deepEqual([report.usd, report.bill], [1.53, 1.53]);
    assert.ok(report.bots.every(({ budgetWaits }) => budgetWaits === 5));
  });

  it('prices a link as one', async () => {
    const { report } = await rehearsed({ poems: { heron: ['The night.It is cold', 'b', 'c'] } }, { days: 3 });
    assert.deepEqual([report.usd, report.bill, report.kept], [0.23, 0.23, true]);
  });

  it('goes the same way again with the same seed, and another way with another', async () => {
    const options = { days: 60, faults: 0.1 };
    const [first, again, other] = await Promise.all([
      rehearsed({ poems }, { ...options, seed: 'one' }),
      rehearsed({ poems }, { ...options, seed: 'one' }),
      rehearsed({ poems }, { ...options, seed: 'two' }),
    ]);
    assert.deepEqual(first.report, again.report);
    assert.deepEqual(first.posted, again.posted);
    assert.notDeepEqual(first.posted, other.posted);
  });

  it('keeps the promise where almost nothing works', async () => {
    const { report } = await rehearsed({ poems, settings: { missed: 'all' } }, { days: 90, faults: 0.8 });
    assert.deepEqual([report.broken, report.kept], [[], report.unsettled === 0]);
    assert.ok(report.posted > 90);
  });

  it('says what could not be settled', async () => {
    const forget = (ledger: Ledger): Ledger =>
      changing(ledger, (event) => ('by' in event && event.by === 'timeline' ? [] : [event]));
    const { report } = await rehearsed({ poems }, { days: 4, faults: 0.9, through: forget });
    assert.deepEqual([report.unsettled, report.kept], [2, false]);
    assert.deepEqual(new Set(report.bots.map(({ state }) => state)), new Set(['in doubt']));
    assert.deepEqual(report.broken, []);
  });

  it('leaves out a bot whose poem cannot be read, and names it', async () => {
    const { report } = await rehearsed(
      { poems: { ...poems, tern: [] } },
      {
        days: 2,
      },
    );
    assert.deepEqual(
      report.leftOut.map(({ bot, why }) => [bot, why]),
      [['tern', 'tern has no lines']],
    );
    assert.deepEqual([report.posted, report.kept], [4, false]);
  });

  it('refuses where nobody is left, for the first one’s reason', async () => {
    await assert.rejects(rehearsed({ poems: {} }), flockError('data', /there is no poem/));
    await assert.rejects(
      rehearsed({ poems: { tern: [], wren: [] } }),
      flockError('data', /^no bot can be rehearsed: tern has no lines \(and 1 more\)$/),
    );
  });

  it('refuses more slots than can be rehearsed, and says how many days can', async () => {
    const everySecond = { schedule: '* * * * * *' };
    await assert.rejects(
      rehearsed({ poems, settings: everySecond }, { days: 365 }),
      flockError('usage', /^about 63,072,000 slots in 365 days/, /--days 5\b/),
    );
    const paused = { ...everySecond, bots: { heron: { paused: true }, otter: { schedule: '0 9 * * *' } } };
    assert.equal((await rehearsed({ poems, settings: paused }, { days: 30 })).report.posted, 30);
  });

  it('tells how far it is, and can be ended early', async () => {
    const shares: number[] = [];
    const stop = new AbortController();
    const progress = (share: number): void => {
      shares.push(share);
      if (share >= 0.5) stop.abort();
    };
    await assert.rejects(
      rehearsed({ poems }, { progress, signal: stop.signal }),
      (error) => error instanceof FlockError && error.exit === 'interrupted',
    );
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
    );
    assert.equal(shares.at(-1), 0.5);
  });

  it('ends where its ledger keeps nothing more', async () => {
    const full = new FlockError('io', 'cannot keep the ledger: the disk is full', { hint: 'mend it' });
    const through = (ledger: Ledger): Ledger =>
      changing(ledger, () => {
        throw full;
      });
    await assert.rejects(rehearsed({ poems }, { through }), full);
  });
});
