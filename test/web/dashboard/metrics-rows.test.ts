import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxBots } from '../../../src/web/dashboard/metrics.ts';
import { begun, hour, intent, MeasuredFlock, now, parked, posted, refused } from './measured-flock.ts';
import { seriesOf } from './prometheus.ts';

describe('the metrics of a flock of very many bots', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `bot-${index}`);

  it('have a series for each bot up to a bound', async () => {
    const series = await new MeasuredFlock(names(maxBots)).series();
    const ofBots = [...series.keys()].filter((name) => name.startsWith('flockd_lines_remaining'));
    assert.equal(ofBots.length, maxBots);
  });

  it('have one series for all beyond it', async () => {
    const flock = new MeasuredFlock(names(maxBots + 1), {
      bots: { 'bot-1': { budget: { postsPerDay: 1 } } },
    });
    for (const bot of ['bot-0', 'bot-1', 'bot-2'])
      await flock.happened(begun(bot), intent(bot, { at: now - 60_000 }));
    await flock.happened(posted('bot-0'), refused('bot-1'));
    await flock.happened(begun('bot-3'), intent('bot-3', { at: now - hour }));
    await flock.happened(begun('bot-4'), intent('bot-4'), refused('bot-4', 'reauth'));
    await flock.happened(parked('bot-4', 'reauth: X says 401'));
    const text = await flock.scrape();
    const series = seriesOf(text);
    const value = (name: string): number | undefined => series.get(`flockd_${name}`);
    assert.doesNotMatch(text, /bot=/);
    assert.ok(text.length < 20_000, `${text.length} characters`);
    assert.equal(value('bots'), maxBots + 1);
    assert.equal(value('posts_total{outcome="posted"}'), 1);
    assert.equal(value('posts_total{outcome="refused"}'), 2);
    assert.equal(value('lines_remaining'), 5 * (maxBots + 1) - 1);
    assert.equal(value('in_doubt_since_timestamp_seconds'), (now - hour) / 1000);
    assert.equal(value('next_due_timestamp_seconds'), (now + hour) / 1000);
    assert.equal(value('last_success_timestamp_seconds'), now / 1000);
    assert.equal(value('key_valid'), 0);
    assert.equal(value('bot_state{state="in doubt"}'), 2);
    assert.equal(value('bot_state{state="new"}'), maxBots + 1 - 5);
    assert.equal(value('spend_dollars_total'), 0.015);
    assert.equal(value('bot_day_posts'), 3);
    assert.equal(value('bot_day_posts_limit'), undefined);
    assert.equal(value('unknown_outcomes'), 2);
  });
});
