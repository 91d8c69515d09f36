import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checksOf } from '../../../src/web/dashboard/health.ts';
import {
  absent,
  begun,
  hour,
  intent,
  MeasuredFlock,
  now,
  parked,
  poem,
  posted,
  refused,
} from './measured-flock.ts';
import { noPrometheus, promtool } from './prometheus.ts';

/** What is measured of heron, without its name. */
const ofHeron = (series: Map<string, number>): Record<string, number> =>
  Object.fromEntries(
    [...series].flatMap(([name, value]) =>
      name.includes('bot="heron"') ? [[name.replace(/bot="heron",?/, '').replace('{}', ''), value]] : [],
    ),
  );

describe('the metrics of a bot', () => {
  it('of which nothing is known yet', async () => {
    const heron = ofHeron(await new MeasuredFlock(['heron']).series());
    assert.deepEqual(heron, {
      'flockd_posts_total{outcome="posted"}': 0,
      'flockd_posts_total{outcome="refused"}': 0,
      'flockd_posts_total{outcome="absent"}': 0,
      flockd_next_due_timestamp_seconds: (now + 23 * hour) / 1000,
      flockd_lines_remaining: 5,
      flockd_key_valid: 1,
      'flockd_bot_state{state="new"}': 1,
      flockd_spend_dollars_total: 0,
      flockd_bot_day_posts: 0,
      flockd_bot_month_dollars: 0,
    });
  });

  it('that has posted', async () => {
    const flock = new MeasuredFlock(['heron'], { budget: { postsPerDay: 9, usdPerMonth: 4 } });
    await flock.happened(begun('heron'), intent('heron'), posted('heron'));
    await flock.happened(intent('heron'), posted('heron', { by: 'timeline', cost: 10_000 }));
    const heron = ofHeron(await flock.series());
    assert.equal(heron['flockd_posts_total{outcome="posted"}'], 2);
    assert.equal(heron['flockd_last_success_timestamp_seconds'], now / 1000);
    assert.equal(heron['flockd_lines_remaining'], 3);
    assert.equal(heron['flockd_bot_state{state="fine"}'], 1);
    assert.equal(heron['flockd_spend_dollars_total'], 0.04);
    assert.equal(heron['flockd_bot_day_posts'], 2);
    assert.equal(heron['flockd_bot_month_dollars'], 0.04);
  });

  it('that is in doubt', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'), intent('heron', { at: now - 60_000 }));
    const series = await flock.series();
    const heron = ofHeron(series);
    assert.equal(heron['flockd_in_doubt_since_timestamp_seconds'], (now - 60_000) / 1000);
    assert.equal(heron['flockd_bot_state{state="in doubt"}'], 1);
    assert.equal(heron['flockd_spend_dollars_total'], 0, 'what is only reserved could be given back');
    assert.equal(heron['flockd_bot_month_dollars'], 0.015);
    assert.equal(heron['flockd_next_due_timestamp_seconds'], undefined);
    assert.equal(series.get('flockd_unknown_outcomes'), 1);
    await flock.happened(absent('heron'));
    const later = await flock.series();
    assert.equal(later.get('flockd_posts_total{bot="heron",outcome="absent"}'), 1);
    assert.equal(later.get('flockd_unknown_outcomes'), 0);
    assert.equal(ofHeron(later)['flockd_in_doubt_since_timestamp_seconds'], undefined);
  });

  it('that was refused, and waits', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'), intent('heron'), refused('heron'));
    const heron = ofHeron(await flock.series());
    assert.equal(heron['flockd_posts_total{outcome="refused"}'], 1);
    assert.equal(heron['flockd_owed_since_timestamp_seconds'], (now - 90_000) / 1000);
    assert.equal(heron['flockd_next_due_timestamp_seconds'], (now + hour) / 1000);
    assert.equal(heron['flockd_bot_month_dollars'], 0);
    assert.equal(heron['flockd_key_valid'], 1);
  });

  for (const [why, valid] of [
    ['reauth', 0],
    ['read-only', 0],
    ['suspended', 0],
    ['rejected', 1],
    ['wait', 1],
  ] as const) {
    it(`that is parked (${why}) has ${valid === 1 ? 'a good key all the same' : 'no good key'}`, async () => {
      const flock = new MeasuredFlock(['heron']);
      await flock.happened(
        begun('heron'),
        intent('heron'),
        refused('heron', why),
        parked('heron', 'mended by a person'),
      );
      const heron = ofHeron(await flock.series());
      assert.equal(heron['flockd_key_valid'], valid);
      assert.equal(heron['flockd_bot_state{state="parked"}'], 1);
      assert.equal(heron['flockd_owed_since_timestamp_seconds'], undefined);
    });
  }

  it('whose bundle is bad', async () => {
    const heron = ofHeron(await new MeasuredFlock(['heron']).series({ unfit: 'heron' }));
    assert.equal(heron['flockd_key_valid'], 0);
    assert.equal(heron['flockd_bot_state{state="unfit"}'], 1);
  });

  it('that was restored and only looked for what it had posted', async () => {
    const flock = new MeasuredFlock(['heron']);
    const look = { look: true, cost: undefined, dayEnds: undefined, monthEnds: undefined };
    await flock.happened(begun('heron'), { event: 'restored', bot: 'heron', at: now });
    await flock.happened(intent('heron', look));
    const looking = await flock.series();
    assert.equal(looking.get('flockd_unknown_outcomes'), 0);
    assert.equal(ofHeron(looking)['flockd_in_doubt_since_timestamp_seconds'], undefined);
    await flock.happened(posted('heron', { by: 'timeline' }));
    await flock.happened(intent('heron', look), absent('heron'));
    const series = await flock.series();
    assert.equal(series.get('flockd_posts_total{bot="heron",outcome="posted"}'), 0);
    assert.equal(series.get('flockd_posts_total{bot="heron",outcome="absent"}'), 0);
  });

  it('with a budget of its own', async () => {
    const settings = { bots: { heron: { budget: { postsPerDay: 4, usdPerMonth: 1.5 } } } };
    const series = await new MeasuredFlock(['heron', 'tern'], settings).series();
    assert.equal(series.get('flockd_bot_day_posts_limit{bot="heron"}'), 4);
    assert.equal(series.get('flockd_bot_month_dollars_limit{bot="heron"}'), 1.5);
    assert.equal(series.get('flockd_bot_month_dollars_limit{bot="tern"}'), undefined);
  });
});

describe('the metrics of the flock', () => {
  it('say how it stands', async () => {
    const flock = new MeasuredFlock(['heron', 'tern'], { budget: { usdPerMonth: 3 } });
    await flock.happened(begun('heron'), intent('heron'), posted('heron'));
    const series = await flock.series();
    const own = Object.fromEntries(
      [...series].filter(([name]) => name.startsWith('flockd_') && !/bot=|lateness/.test(name)),
    );
    assert.deepEqual(own, {
      flockd_day_posts: 1,
      flockd_month_dollars: 0.015,
      flockd_month_dollars_limit: 3,
      flockd_bots: 2,
      flockd_unknown_outcomes: 0,
      flockd_stopped: 0,
      flockd_scheduler_overdue_seconds: 0,
      'flockd_ready{check="state"}': 1,
      'flockd_ready{check="keys"}': 1,
      'flockd_ready{check="scheduler"}': 1,
      'flockd_ready{check="reload"}': 1,
      flockd_config_last_reload_successful: 1,
      flockd_config_last_reload_success_timestamp_seconds: (now - hour) / 1000,
      'flockd_build_info{version="1.2.3"}': 1,
    });
  });

  it('say what is wrong with it', async () => {
    const flock = new MeasuredFlock(['heron']);
    const reload = { good: false, goodAt: now - hour };
    const overdue = 90_000;
    const checks = checksOf({ unwritable: 'the disk is full', bots: 1, overdue, reload });
    flock.stopped = true;
    const series = await flock.series({ overdue, checks, reload });
    const value = (name: string): number | undefined => series.get(`flockd_${name}`);
    assert.equal(value('scheduler_overdue_seconds'), 90);
    assert.equal(value('ready{check="state"}'), 0);
    assert.equal(value('ready{check="keys"}'), 1);
    assert.equal(value('ready{check="reload"}'), 0);
    assert.equal(value('config_last_reload_successful'), 0);
    assert.equal(value('config_last_reload_success_timestamp_seconds'), (now - hour) / 1000);
    assert.equal(value('stopped'), 1);
    assert.equal(value('bot_state{bot="heron",state="stopped"}'), 1);
  });

  it('say how late posts were sent that arrived', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'), intent('heron'), posted('heron'));
    // When it was found counts for nothing, only when it was sent.
    await flock.happened(
      intent('heron', { slot: now - 400 }),
      posted('heron', { at: now + hour, by: 'timeline' }),
    );
    await flock.happened(intent('heron', { slot: now - 2 * hour }), refused('heron'));
    const series = await flock.series();
    const upTo = (le: string): number | undefined =>
      series.get(`flockd_post_lateness_seconds_bucket{le="${le}"}`);
    assert.deepEqual([upTo('1'), upTo('60'), upTo('300'), upTo('+Inf')], [1, 1, 2, 2]);
    assert.equal(series.get('flockd_post_lateness_seconds_sum'), 90.4);
  });

  it('forget a bot that is gone, and a state that is over', async () => {
    const flock = new MeasuredFlock(['heron', 'tern']);
    assert.equal(ofHeron(await flock.series())['flockd_bot_state{state="new"}'], 1);
    await flock.happened(begun('heron'));
    const begunNow = ofHeron(await flock.series());
    assert.deepEqual(
      Object.keys(begunNow).filter((name) => name.startsWith('flockd_bot_state')),
      ['flockd_bot_state{state="fine"}'],
    );
    flock.remove('heron');
    flock.update();
    assert.deepEqual(ofHeron(await flock.series()), {});
  });

  it('never let a counter go back, whatever comes of a post', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'));
    let before = 0;
    const spent: number[] = [];
    for (const outcome of [
      posted('heron'),
      refused('heron'),
      absent('heron', 5_000),
      posted('heron', { by: 'timeline', cost: 5_000 }),
      refused('heron', 'no-credit'),
      posted('heron', { by: 'person' }),
    ]) {
      for (const event of [intent('heron'), outcome]) {
        await flock.happened(event);
        const value = (await flock.series()).get('flockd_spend_dollars_total{bot="heron"}') ?? NaN;
        assert.ok(value >= before, `${value} after ${before}, at ${event.event}`);
        before = value;
      }
      spent.push(before);
    }
    assert.deepEqual(spent, [0.015, 0.015, 0.02, 0.04, 0.04, 0.055]);
  });

  it('do not count what the ledger could not keep', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'), intent('heron'));
    flock.ledger.isFull = true;
    await assert.rejects(flock.happened(posted('heron')), /the disk is full/);
    const series = await flock.series();
    assert.equal(series.get('flockd_posts_total{bot="heron",outcome="posted"}'), 0);
    assert.equal(series.get('flockd_post_lateness_seconds_count'), 0);
  });

  it('of two flocks in one process are apart', async () => {
    const one = new MeasuredFlock(['heron']);
    const other = new MeasuredFlock(['heron']);
    await one.happened(begun('heron'), intent('heron'), posted('heron'));
    const posts = 'flockd_posts_total{bot="heron",outcome="posted"}';
    assert.equal((await one.series()).get(posts), 1);
    assert.equal((await other.series()).get(posts), 0);
  });

  it('tell of the process, too', async () => {
    const series = await new MeasuredFlock([]).series();
    for (const name of ['process_resident_memory_bytes', 'process_start_time_seconds', 'process_open_fds'])
      assert.ok((series.get(name) ?? 0) > 0, name);
  });

  it('hold no text, no account and no key', async () => {
    const flock = new MeasuredFlock(['heron']);
    await flock.happened(begun('heron'), intent('heron'), refused('heron'), parked('heron', 'reauth: no'));
    const text = await flock.scrape();
    for (const word of ['printprt', poem.slice(0, 8), 'heron_bot', 'X has a limit', 'mend it'])
      assert.ok(!text.includes(word), word);
  });
});

describe('promtool', { skip: noPrometheus }, () => {
  it('has nothing against the metrics', async () => {
    const flock = new MeasuredFlock(['heron', 'tern'], { budget: { postsPerDay: 9, usdPerMonth: 4 } });
    await flock.happened(begun('heron'), intent('heron'), posted('heron'), begun('tern'), intent('tern'));
    assert.deepEqual(await promtool(['check', 'metrics'], await flock.scrape()), { code: 0, output: '' });
  });

  it('would say so if it had', async () => {
    const wrong = '# HELP flockd_posts Posts.\n# TYPE flockd_posts counter\nflockd_posts 1\n';
    const { code, output } = await promtool(['check', 'metrics'], wrong);
    assert.notEqual(code, 0);
    assert.match(output, /should have "_total" suffix/);
  });
});
