import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualPrices } from '../../src/cost/price-table.ts';
import { HeldClock } from '../../src/held-clock.ts';
import { readSince } from '../../src/posting/reconcile.ts';
import type { TimelineStart, XClient } from '../../src/x/x-client.ts';

const clock = new HeldClock('2026-05-01T12:00:00Z');
const at = (instant: string): number => Date.parse(instant);

/** Where the timeline is read from. */
async function beginOf(open: { at: number; since?: string }): Promise<TimelineStart | undefined> {
  let asked: TimelineStart | undefined;
  const x: XClient = {
    post: () => Promise.reject(new Error('nothing is posted')),
    me: () => Promise.resolve({ ok: { userId: '1', screenName: 'howl' } }),
    timeline(_, from) {
      asked = from;
      return Promise.resolve({ ok: [] });
    },
  };
  const rest = { event: 'intent', bot: 'howl', slot: 0, until: 0, line: 0, lines: 1, print: '' } as const;
  await readSince({ open: { ...rest, ...open }, userId: '1', x, clock, prices: usualPrices });
  return asked;
}

describe('the timeline of a post in doubt', () => {
  it('is read from the last confirmed post on', async () => {
    assert.deepEqual(await beginOf({ at: at('2027-01-01T00:00:00Z'), since: '7' }), { sinceId: '7' });
  });

  it('is read from a little before it was sent, where there is none', async () => {
    assert.deepEqual(await beginOf({ at: at('2026-05-01T11:00:00Z') }), {
      start: at('2026-05-01T10:55:00Z'),
    });
  });

  it('is read from its beginning, where a clock that was ahead tells when that was', async () => {
    const beginning = { start: at('2010-11-06T00:00:01Z') };
    assert.deepEqual(await beginOf({ at: at('2027-05-01T11:00:00Z') }), beginning);
    // A machine that does not know the time yet.
    assert.deepEqual(await beginOf({ at: at('1970-01-01T00:00:10Z') }), beginning);
  });
});
