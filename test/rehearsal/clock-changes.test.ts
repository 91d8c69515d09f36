import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ClockChange, clockChanges } from '../../src/rehearsal/rehearse.ts';
import { showClockChanges } from '../../src/cli/flockd/rehearse.ts';
import { lines, rehearsed } from './rehearsed.ts';

async function changesIn(
  bots: Record<string, Record<string, unknown>>,
  from: string,
  days: number,
): Promise<ClockChange[]> {
  const poems = Object.fromEntries(Object.keys(bots).map((bot) => [bot, lines(bot, 30)]));
  const { report } = await rehearsed({ poems, settings: { bots } }, { from, days });
  assert.ok(report.kept);
  return report.clockChanges;
}

describe('clock changes', () => {
  it('tell what became of a slot that does not come', async () => {
    const timezone = 'Europe/Berlin';
    const bots = {
      heron: { timezone, schedule: '30 2 * * *' },
      otter: { timezone, schedule: '0 * * * *' },
      tern: { timezone, schedule: '0 9 * * *' },
    };
    const changes = await changesIn(bots, '2027-03-25T00:00:00Z', 7);
    assert.deepEqual(changes, [
      {
        timezone,
        at: '2027-03-28T01:00:00.000Z',
        from: '02:00',
        to: '03:00',
        by: 60,
        bots: [
          { bot: 'heron', times: ['02:30'], everyHour: false, posted: ['2027-03-28T01:00:00.000Z'] },
          { bot: 'otter', times: ['02:00'], everyHour: true, posted: ['2027-03-28T01:00:00.000Z'] },
        ],
      },
    ]);
    assert.deepEqual(showClockChanges(changes), [
      '1 clock change in the zones of the flock',
      '2027-03-28 Europe/Berlin 02:00 → 03:00',
      '  heron: 02:30 does not come; posted once, right after the gap',
      '  otter: posts every hour, and goes on',
    ]);
  });

  it('tell what became of a slot that comes twice, by half an hour and at midnight too', async () => {
    const bots = {
      gull: { timezone: 'Australia/Lord_Howe', schedule: '45 1 * * *' },
      heron: { timezone: 'America/New_York', schedule: '30 1 * * *' },
      otter: { timezone: 'America/New_York', schedule: '15 * * * *' },
      tern: { timezone: 'Atlantic/Azores', schedule: '15,45 0 * * *' },
      wren: { timezone: 'UTC', schedule: '30 1 * * *' },
    };
    const changes = await changesIn(bots, '2026-10-20T00:00:00Z', 20);
    assert.deepEqual(
      changes.map(({ timezone, at, from, to, by }) => [timezone, at, from, to, by]),
      [
        ['Atlantic/Azores', '2026-10-25T01:00:00.000Z', '01:00', '00:00', -60],
        ['America/New_York', '2026-11-01T06:00:00.000Z', '02:00', '01:00', -60],
      ],
    );
    assert.deepEqual(showClockChanges(changes).slice(1), [
      '2026-10-25 Atlantic/Azores 01:00 → 00:00',
      '  tern: 00:15 and 1 more come twice; posted twice',
      '2026-11-01 America/New_York 02:00 → 01:00',
      '  heron: 01:30 comes twice; posted once',
      '  otter: posts every hour; posted twice in these two',
    ]);
    const april = await changesIn({ gull: bots.gull }, '2027-04-01T00:00:00Z', 7);
    assert.deepEqual(showClockChanges(april).slice(1), [
      '2027-04-03 Australia/Lord_Howe 02:00 → 01:30',
      '  gull: 01:45 comes twice; posted once',
    ]);
  });

  it('are told of where no slot falls into them, in a few words', () => {
    const stretch = { from: Date.parse('2026-01-01'), until: Date.parse('2028-01-01') };
    const witness = {
      bot: 'tern',
      schedule: '0 9 * * *',
      timezone: 'Europe/Berlin',
      slots: new Set<number>(),
    };
    assert.deepEqual(showClockChanges(clockChanges([witness], stretch)), [
      '4 clock changes in the zones of the flock; no slot falls into any of them',
    ]);
    assert.deepEqual(clockChanges([{ ...witness, timezone: 'Asia/Kathmandu' }], stretch), []);
    assert.deepEqual(showClockChanges([]), []);
  });

  it('tell where nothing was posted', () => {
    const stretch = { from: Date.parse('2027-03-01'), until: Date.parse('2027-04-01') };
    const witness = {
      bot: 'tern',
      schedule: '30 2 * * *',
      timezone: 'Europe/Berlin',
      slots: new Set<number>(),
    };
    assert.deepEqual(showClockChanges(clockChanges([witness], stretch)).slice(2), [
      '  tern: 02:30 does not come; not posted',
    ]);
  });
});
