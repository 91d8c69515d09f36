import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { latenessOf, type Report } from '../../src/rehearsal/rehearse.ts';
import { duration, showReport, times, verdictOf } from '../../src/cli/flockd/rehearse.ts';
import { lines, rehearsed } from './rehearsed.ts';

const poems = { heron: lines('heron', 12), otter: lines('otter', 15) };

async function reportOf(change: Partial<Report> = {}): Promise<Report> {
  const { report } = await rehearsed(
    { poems, settings: { spread: '20m' } },
    { days: 30, from: '2026-11-21T00:00:00Z' },
  );
  return { ...report, ...change };
}

describe('a report as a person reads it', () => {
  it('says what came of it', async () => {
    const report = await reportOf();
    assert.deepEqual(showReport(report, 0.42, 80), [
      '30 days of 2 bots, from 2026-11-21 00:00 to 2026-12-21 00:00 UTC, in 0.4 s',
      '',
      'every line   once, in order: 60 posts',
      'late         no post',
      '             not counting the spread of up to 11 min 21 s',
      'slots missed none',
      'refused      none',
      'in doubt     none',
      "cost         $0.90; the sandbox's bill agrees",
      '',
      'bot    posts  refused  in doubt   cost  state',
      'heron     30        0         0  $0.45  posting',
      'otter     30        0         0  $0.45  posting',
    ]);
    assert.equal(verdictOf(report), 'All as promised.');
  });

  it('fits 60 columns', async () => {
    const faults = {
      rate: 0.02,
      drawn: { '503': 12, drop: 11, hang: 9, late: 8, delay: 7, cut: 6, '429': 5 },
    };
    const report = await reportOf({
      faults,
      refused: 30,
      refusals: { duplicate: 18, wait: 12 },
      inDoubt: 46,
    });
    const shown = showReport(report, 6.2, 60);
    assert.deepEqual(
      shown.slice(1).filter((line) => line.length > 60),
      [],
    );
    assert.ok(shown.includes('in doubt     46, all settled'));
  });

  it('says what went wrong', async () => {
    const [heron, otter] = (await reportOf()).bots;
    assert.ok(heron && otter);
    const at = '2026-11-24T09:00:00.000Z';
    const report = await reportOf({
      kept: false,
      broken: [
        { bot: 'heron', what: 'twice', line: 3, at },
        { bot: 'heron', what: 'skipped', line: 4, at },
        { bot: 'heron', what: 'strange', line: 5, at },
        { bot: 'heron', what: 'ledger', says: '3 posts, and there are 4' },
      ],
      bots: [
        heron,
        {
          ...otter,
          state: 'parked',
          why: 'X refuses its key (401)',
          hint: 'keymaker reauth otter',
          budgetWaits: 3,
        },
      ],
      leftOut: [{ bot: 'tern', why: 'tern has no lines', hint: 'write the poem' }],
      bill: 0.915,
      lines: 62,
      passedOver: 1,
      missed: 4,
      inDoubt: 3,
      unsettled: 1,
    });
    const shown = showReport(report, 1, 200);
    for (const line of [
      'every line   NO: wrong 3 times in 60 posts',
      'refrains     twice joined with the line after it',
      '             once skipped',
      'slots missed 4: they passed while a bot had to wait',
      'in doubt     3, 1 of them not settled',
      'budget       otter waited for it, 3 times in all',
      'cost         $0.90; the sandbox bills $0.02 more',
      'heron: line 3 was posted once too often, at 2026-11-24 09:00',
      'heron: line 4 was left out, before 2026-11-24 09:00',
      'heron: the post at 2026-11-24 09:00 is not line 5, which was due',
      'heron: the ledger says 3 posts, and there are 4',
      'otter: needs you at the end: X refuses its key (401)',
      'hint: keymaker reauth otter',
      'tern is left out: tern has no lines',
      'hint: write the poem',
    ])
      assert.ok(shown.includes(line), `${line}\nis not in\n${shown.join('\n')}`);
    assert.notEqual(verdictOf(report), 'All as promised.');
  });

  it('shows sums in whole cents', async () => {
    const report = await reportOf();
    const bots = report.bots.map((bot) => ({ ...bot, usd: 5.475 }));
    const shown = showReport({ ...report, bots, usd: 10.95, bill: 10.95 }, 1, 80);
    assert.deepEqual(
      shown.flatMap((line) => line.match(/\$[\d.]+/g) ?? []),
      ['$10.95', '$5.48', '$5.48'],
    );
  });

  it('tells what is the matter once for all bots that have it', async () => {
    const report = await reportOf();
    const [bot] = report.bots;
    assert.ok(bot);
    const poor = { ...bot, state: 'waiting', why: 'the budget is used up', hint: 'raise it' } as const;
    const bots = ['ada', 'bea', 'cid'].map((name) => ({ ...poor, bot: name }));
    const alone = { ...poor, bot: 'dot', hint: 'something else' };
    const shown = showReport({ ...report, bots: [...bots, alone] }, 1, 80);
    assert.deepEqual(shown.slice(-4), [
      'ada, bea and 1 more: waiting at the end: the budget is used up',
      'hint: raise it',
      'dot: waiting at the end: the budget is used up',
      'hint: something else',
    ]);
  });

  it('lists of a great flock, and of many faults, only what matters', async () => {
    const [bot] = (await reportOf()).bots;
    assert.ok(bot);
    const bots = Array.from({ length: 100 }, (_, index) => ({ ...bot, bot: `bot-${index}` }));
    const fine = showReport(await reportOf({ bots }), 1, 80);
    assert.ok(fine.includes('100 bots more are posting; --json has every one'));
    bots.push({ ...bot, bot: 'wren', state: 'parked' });
    const broken = bots.map(({ bot: name }) => ({ bot: name, what: 'ledger', says: 'so' }) as const);
    const shown = showReport(await reportOf({ bots, broken }), 1, 80);
    assert.ok(shown.some((line) => line.startsWith('wren ')));
    assert.ok(!shown.some((line) => line.startsWith('bot-5 ')));
    assert.equal(shown.at(-1), 'and 89 more: --json has every one');
  });

  it('says that nothing was posted', async () => {
    const shown = showReport(await reportOf({ posted: 0, lines: 0, late: undefined }), 1, 80);
    assert.ok(shown.includes('late         nothing was posted'));
  });
});

describe('words', () => {
  for (const [ms, words] of [
    [0, '0 s'],
    [240, '0.3 s'],
    [4000, '4 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [190_000, '3 min 10 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [86_400_000 + 3_600_000, '1 d 1 h'],
    [86_400_000 + 60_000, '1 d'],
  ] as const) {
    it(`shows ${ms} ms as ${words}`, () => {
      assert.equal(duration(ms), words);
    });
  }

  it('has some for times', () => {
    assert.deepEqual([0, 1, 2, 3, 1200].map(times), ['never', 'once', 'twice', '3 times', '1,200 times']);
  });

  it('finds how late posts were', () => {
    assert.equal(latenessOf([]), undefined);
    assert.deepEqual(latenessOf([7]), { p50: 7, p99: 7, max: 7 });
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(latenessOf(hundred), { p50: 50, p99: 99, max: 100 });
  });
});
