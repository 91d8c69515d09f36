import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BotSchedule, offsetIn } from '../../src/schedule/schedule.ts';

describe('a bot’s offset', () => {
  it('is the same for ever', () => {
    // A change here would move every slot of every flock that is out there.
    assert.equal(offsetIn(3_600_000, 'rain'), offsetIn(3_600_000, 'rain'));
    assert.deepEqual([offsetIn(3_600_000, 'rain'), offsetIn(3_600_000, 'lamp')], [697591, 2834391]);
  });

  it('is at least 0 and below the spread', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400_000 }), fc.string(), (spread, bot) => {
        const offset = offsetIn(spread, bot);
        assert.ok(Number.isInteger(offset) && offset >= 0 && offset < spread);
      }),
    );
  });

  it('is 0 where there is no spread', () => {
    assert.equal(offsetIn(0, 'rain'), 0);
    assert.equal(offsetIn(-5, 'rain'), 0);
  });

  it('spreads a flock out evenly', () => {
    const parts = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 2000; n++) {
      const part = Math.floor(offsetIn(10_000, `bot-${n}`) / 1000);
      parts[part] = (parts[part] ?? 0) + 1;
    }
    for (const count of parts) assert.ok(count > 140 && count < 260, parts.join(' '));
  });
});

describe('when a bot posts next', () => {
  const at = (text: string): number => Date.parse(text);
  const served = at('2026-03-01T09:00:00Z');
  const next = (
    settings: { schedule?: string; timezone?: string; spread?: number } = {},
  ): number | undefined =>
    new BotSchedule('rain', { schedule: '0 9 * * *', timezone: 'UTC', spread: 0, ...settings }).nextPost(
      served,
    );

  it('is the next slot after those it has served, in its zone', () => {
    assert.equal(next(), at('2026-03-02T09:00:00Z'));
    assert.equal(next({ schedule: '0 9 1 * *' }), at('2026-04-01T09:00:00Z'));
    assert.equal(next({ timezone: 'Asia/Tokyo' }), at('2026-03-02T00:00:00Z'));
  });

  it('is later than the slot by its offset', () => {
    assert.equal(next({ spread: 3_600_000 }), at('2026-03-02T09:00:00Z') + 697_591);
  });
});
