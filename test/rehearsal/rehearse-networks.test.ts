import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ledger } from '../../src/ledger/journal.ts';
import { changing, lines, rehearsed } from './rehearsed.ts';

const poems = { heron: lines('heron', 12), otter: lines('otter', 15), tern: lines('tern', 9) };
const bots = { otter: { network: 'mastodon' }, tern: { network: 'bluesky' } };
const hourly = { schedule: '0 * * * *', bots };

describe('a rehearsal of bots at three networks', () => {
  it('posts every line once and in order, and only X costs', async () => {
    const { report } = await rehearsed({ poems, settings: hourly }, { days: 10 });
    assert.deepEqual(
      report.bots.map(({ bot, network, posted, usd }) => [bot, network, posted, usd]),
      [
        ['heron', 'x', 240, 3.6],
        ['otter', 'mastodon', 240, 0],
        ['tern', 'bluesky', 240, 0],
      ],
    );
    assert.deepEqual([report.kept, report.bill, report.late?.max], [true, 3.6, 0]);
  });

  it('keeps the promise at each of them where requests fail', async () => {
    const settings = { ...hourly, missed: 'all' };
    const { report } = await rehearsed({ poems, settings }, { days: 20, faults: 0.2 });
    assert.deepEqual([report.broken, report.unsettled, report.kept], [[], 0, true]);
    for (const { bot, inDoubt, posted } of report.bots) {
      assert.ok(inDoubt > 10, bot);
      assert.ok(posted >= 440, `${bot} ${posted}`);
    }
  });

  it('finds out where a free network has a line twice', async () => {
    let posts = 0;
    const refused = { event: 'refused', why: 'never-sent', reason: 'forgotten' } as const;
    const forget = (ledger: Ledger): Ledger =>
      changing(ledger, (event) =>
        event.event === 'posted' && event.bot !== 'heron' && ++posts % 13 === 0
          ? [{ ...refused, bot: event.bot, at: event.at, retryAt: event.at + 60_000 }]
          : [event],
      );
    const { report } = await rehearsed({ poems, settings: hourly }, { days: 7, through: forget });
    assert.equal(report.kept, false);
    assert.deepEqual(new Set(report.broken.map(({ bot }) => bot)), new Set(['otter', 'tern']));
    assert.ok(report.broken.every(({ what }) => what === 'twice'));
  });

  it('posts long lines whole where they fit', async () => {
    const long = ['a '.repeat(240).trim(), `${'b '.repeat(249).trim()} c`];
    const { report } = await rehearsed(
      { poems: { heron: long, otter: long, tern: long }, settings: hourly },
      { days: 2 },
    );
    assert.ok(report.kept);
    assert.deepEqual(
      report.bots.map(({ of }) => of),
      [4, 2, 4],
    );
  });
});
