import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import type { Broken } from '../../src/rehearsal/rehearse.ts';
import { changing, lines, rehearsed } from './rehearsed.ts';

const poems = { heron: lines('heron', 12), otter: lines('otter', 15) };

/** Changes one bot's posts, each that is the n-th of seven. */
function everySeventh(change: (event: LedgerEvent & { event: 'posted' }) => LedgerEvent[]) {
  let posts = 0;
  return (ledger: Ledger): Ledger =>
    changing(ledger, (event) =>
      event.event === 'posted' && event.bot === 'heron' && ++posts % 7 === 0 ? change(event) : [event],
    );
}

const whats = (broken: readonly Broken[]): string[] => broken.map(({ bot, what }) => `${bot} ${what}`);

/** A rehearsal is only worth something if it would show what is wrong. */
describe('a rehearsal of a daemon with a bug', () => {
  it('shows a line that is posted twice because its outcome was forgotten', async () => {
    const forget = everySeventh(({ bot, at }) => [
      // X takes the same text again after half a day.
      { event: 'refused', bot, at, why: 'never-sent', reason: 'forgotten', retryAt: at + 13 * 3_600_000 },
    ]);
    const { report } = await rehearsed({ poems }, { days: 30, through: forget });
    assert.deepEqual(new Set(whats(report.broken)), new Set(['heron twice']));
    assert.deepEqual(report.broken[0], {
      bot: 'heron',
      what: 'twice',
      line: 7,
      at: '2026-05-07T22:00:00.000Z',
    });
    assert.equal(report.kept, false);
  });

  it('shows a line that is left out', async () => {
    const skip = everySeventh((event) => [
      event,
      { event: 'skipped', bot: event.bot, at: event.at, line: 0 },
    ]);
    const { report } = await rehearsed({ poems }, { days: 30, through: skip });
    assert.deepEqual(new Set(whats(report.broken)), new Set(['heron skipped']));
    assert.deepEqual(report.broken[0], {
      bot: 'heron',
      what: 'skipped',
      line: 8,
      at: '2026-05-08T09:00:00.000Z',
    });
    assert.equal(report.kept, false);
  });

  it('shows a post that the ledger believes in and that is not there', async () => {
    const believe = (ledger: Ledger): Ledger =>
      changing(ledger, (event) =>
        event.event === 'absent' ? [{ ...event, event: 'posted', id: '1' }] : [event],
      );
    const { report } = await rehearsed({ poems }, { days: 60, faults: 0.2, through: believe });
    assert.ok(whats(report.broken).includes('heron skipped'), 'its line is missing');
    assert.equal(report.kept, false);
  });

  it('shows a ledger that counts otherwise than the account', async () => {
    const miscount = (ledger: Ledger): Ledger => ({
      ...changing(ledger, (event) => [event]),
      state: (bot) => {
        const state = ledger.state(bot);
        return state && { ...state, posts: state.posts + 1 };
      },
    });
    const { report } = await rehearsed({ poems }, { through: miscount });
    assert.deepEqual(whats(report.broken), ['heron ledger', 'otter ledger']);
    assert.equal(report.kept, false);
  });

  it('shows a ledger that is in another place of the poem', async () => {
    let last: LedgerEvent | undefined;
    const displace = (ledger: Ledger): Ledger =>
      changing(ledger, (event) => {
        if (event.event !== 'posted' || event.bot !== 'otter') return [event];
        last = event;
        return event.at < Date.parse('2026-05-07')
          ? [event]
          : [event, { event: 'skipped', bot: event.bot, at: event.at, line: 0 }];
      });
    const { report } = await rehearsed({ poems }, { through: displace });
    assert.ok(last);
    assert.deepEqual(report.broken, [
      { bot: 'otter', what: 'ledger', says: 'line 9 is next, and it is line 8' },
    ]);
  });

  it('shows that the ledger’s sum is not the bill', async () => {
    const generous = (ledger: Ledger): Ledger =>
      changing(ledger, (event) =>
        event.event === 'intent' && event.cost !== undefined ? [{ ...event, cost: event.cost - 5 }] : [event],
      );
    const { report } = await rehearsed({ poems }, { through: generous });
    assert.deepEqual([report.broken, report.bill, report.usd], [[], 0.21, 0.20993]);
    assert.equal(report.kept, false);
  });
});
