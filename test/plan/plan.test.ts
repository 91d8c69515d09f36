import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprints } from '../../src/ledger/state.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { microsPerMonth, sumOf } from '../../src/plan/render.ts';
import { from, notesIn as notes, planned, shownPosts } from './small-flock.ts';

const hour = 3_600_000;
const day = 24 * hour;
const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => `line ${n + 1}`);
const iso = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : new Date(instant).toISOString();

const prints = (texts: readonly string[]): string => fingerprints(texts.map((text) => ({ text })));

describe('a plan', () => {
  it('has the posts of all bots in the order of time', () => {
    const plan = planned({
      poems: { ada: ['a', 'b', 'c'], bea: ['x', 'y'] },
      settings: { atEnd: 'stop', bots: { bea: { schedule: '0 8,10 * * *' } } },
    });
    assert.deepEqual(shownPosts(plan), [
      'bea 06-01 08:00 x',
      'ada 06-01 09:00 a',
      'bea 06-01 10:00 y',
      'ada 06-02 09:00 b',
      'ada 06-03 09:00 c',
    ]);
  });

  it('says when a poem ends, what is left of it and what that costs', () => {
    const { ada } = planned({
      poems: { ada: [...lines(11), 'night.It'] },
      settings: { atEnd: 'stop' },
      days: 5,
    }).bots;
    assert.ok(ada);
    const { posts, micros, microsPerMonth: month, linesLeft, microsToEnd, end, every } = ada.outlook;
    assert.deepEqual([posts, micros], [5, 75_000]);
    assert.deepEqual([linesLeft, microsToEnd], [12, 11 * 15_000 + 200_000]);
    assert.equal(month, 11 * 15_000 + 200_000, 'the month is longer than the poem');
    assert.deepEqual(end, { at: Date.parse('2026-06-12T09:00Z'), about: false });
    assert.equal(every, day);
    assert.equal(ada.rest, 'finished');
  });

  it('says when a poem that loops comes to its end, and goes on', () => {
    const { posts, bots } = planned({ poems: { ada: lines(4) } });
    assert.equal(posts.length, 30);
    assert.deepEqual(bots['ada']?.outlook.end, { at: Date.parse('2026-06-04T09:00Z'), about: false });
    assert.equal(bots['ada'].outlook.microsPerMonth, 30 * 15_000);
    assert.equal(bots['ada'].outlook.microsToEnd, 4 * 15_000);
  });

  it('counts what is left from where the bot is', () => {
    const at = from - 15 * hour;
    const { bots, posts } = planned({
      poems: { ada: lines(4) },
      events: {
        ada: [
          { event: 'intent', bot: 'ada', at, slot: at, until: at, line: 0, lines: 1, print: '' },
          { event: 'posted', bot: 'ada', at, by: 'answer' },
        ],
      },
      days: 2,
    });
    assert.deepEqual(
      posts.map(({ text }) => text),
      ['line 2', 'line 3'],
    );
    assert.equal(bots['ada']?.outlook.linesLeft, 3);
    assert.equal(iso(bots['ada'].outlook.end?.at), '2026-06-03T09:00:00.000Z');
  });

  it('reckons an end that is too far away to be followed', () => {
    const { bots } = planned({
      poems: { ada: lines(100_000) },
      settings: { schedule: '0 * * * *' },
      days: 1,
    });
    const { end, linesLeft, microsToEnd } = bots['ada']?.outlook ?? {};
    assert.equal(linesLeft, 100_000);
    assert.equal(microsToEnd, 100_000 * 15_000);
    assert.equal(end?.about, true);
    const exact = from + 99_999 * hour;
    assert.ok(Math.abs(end.at - exact) < 2 * day, iso(end.at));
  });

  it('knows of no end beyond 50 years, and finds a slot that is 18 years away', () => {
    const plan = planned({ poems: { ada: lines(3) }, settings: { schedule: '0 12 29 2 1', atEnd: 'stop' } });
    assert.equal(plan.bots['ada']?.outlook.end, undefined);
    assert.equal(iso(plan.bots['ada']?.outlook.next), '2044-02-29T12:00:00.000Z');
    assert.deepEqual(notes(plan), ['ada: posts nothing before 2044-02-29 12:00 UTC']);
  });

  it('sums up a month where fewer days are planned', () => {
    const { bots } = planned({ poems: { ada: lines(9) }, settings: { schedule: '0 9 * * 1' }, days: 1 });
    assert.equal(bots['ada']?.outlook.posts, 1);
    assert.equal(bots['ada'].outlook.microsPerMonth, 5 * 15_000);
  });

  it('can be of some bots, and of the others only what they take from the budget of all', () => {
    const poems = { ada: ['a', 'b'], bea: ['a', 'x'] };
    const once = { atEnd: 'stop' };
    const alone = planned({ poems, chosen: ['bea'], settings: once, days: 2 });
    assert.deepEqual(shownPosts(alone), ['bea 06-01 09:00 a', 'bea 06-02 09:00 x']);
    const poor = planned({
      poems,
      chosen: ['bea'],
      settings: { ...once, budget: { postsPerDay: 1 } },
      days: 2,
    });
    assert.deepEqual(shownPosts(poor), ['bea 06-02 00:00 a']);
    assert.deepEqual(
      Array.from(alone.plan.lints(), ({ bot, code }) => `${bot} ${code}`),
      ['bea shared-text'],
    );
    const other = planned({ poems, chosen: ['ada'], settings: once });
    assert.deepEqual(
      Array.from(other.plan.lints(), ({ bot, code }) => `${bot} ${code}`),
      ['ada shared-text'],
    );
  });
});

describe('a plan with a budget', () => {
  it('of nothing posts nothing, and says why', () => {
    for (const budget of [{ postsPerDay: 0 }, { usdPerMonth: 0 }]) {
      const own = planned({ poems: { ada: ['a'] }, settings: { bots: { ada: { budget } } } });
      assert.deepEqual(own.posts, []);
      assert.match(
        notes(own).join('\n'),
        /^ada: its budget of .*0.* is too small for its next post: nothing is posted$/,
      );
      const all = planned({ poems: { ada: ['a'], bea: ['b'] }, settings: { budget } });
      assert.deepEqual(all.posts, []);
      assert.match(
        notes(all).join('\n'),
        /^the flock's budget of .*0.* is too small .*: nothing is posted; 2 bots wait for it$/,
      );
    }
  });

  it('says when a bot stops, and when it goes on', () => {
    const plan = planned({
      poems: { ada: lines(200) },
      settings: { schedule: '0 9,21 * * *', bots: { ada: { budget: { usdPerMonth: 0.3 } } } },
      days: 40,
    });
    assert.equal(plan.posts.length, 20 + 20);
    assert.equal(iso(plan.posts[20]?.at), '2026-07-01T00:00:00.000Z');
    assert.deepEqual(notes(plan), [
      'ada: its budget of $0.30 a month is used up from 2026-06-11 09:00 to 2026-07-01 00:00 UTC, the first of 2 such months',
    ]);
    assert.equal(plan.bots['ada']?.outlook.microsPerMonth, 300_000);
  });

  it('says how often a bot stops', () => {
    const plan = planned({
      poems: { ada: lines(200) },
      settings: { schedule: '0 * * * *', bots: { ada: { budget: { postsPerDay: 5 } } } },
      days: 3,
    });
    assert.match(
      notes(plan).join('\n'),
      /^ada: .* 5 posts a day is used up from 2026-06-01 06:00 to 2026-06-02 00:00 UTC, the first of 3 such days$/,
    );
  });

  it('tells of the flock’s once, and adds its bots up to no more', () => {
    const settings = { schedule: '0 * * * *', budget: { usdPerMonth: 0.9 } };
    const plan = planned({ poems: { ada: lines(90), bea: lines(91).slice(1) }, settings, days: 29 });
    assert.equal(plan.posts.length, 60);
    assert.deepEqual(notes(plan), [
      "the flock's budget of $0.90 a month is used up from 2026-06-02 07:00 to 2026-07-01 00:00 UTC; 2 bots wait for it",
    ]);
    const bots = plan.plan.bots();
    assert.equal(
      sumOf(bots, ({ micros }) => micros),
      900_000,
    );
    assert.equal(microsPerMonth(bots, 0.9), 900_000);
    assert.equal(plan.plan.monthWithoutBudget(), 2 * 30 * 24 * 15_000);
  });

  it('of the flock that holds nobody back costs what it costs', () => {
    const rich = planned({ poems: { ada: lines(90) }, settings: { budget: { usdPerMonth: 90 } } });
    assert.equal(rich.plan.monthWithoutBudget(), undefined);
  });
});

describe('a plan for a bot', () => {
  const bot = 'ada';
  const at = from - 5 * hour;
  const poems = { ada: ['a', 'b', 'c'] };
  const intent = { event: 'intent', bot, at, slot: at, until: at, line: 0, lines: 1, print: '' } as const;

  it('in doubt takes its post not to have arrived', () => {
    const plan = planned({ poems, events: { ada: [intent] }, days: 1 });
    assert.deepEqual(
      plan.posts.map((post) => [iso(post.at), post.text]),
      [
        ['2026-06-01T00:05:10.000Z', 'a'],
        ['2026-06-01T09:00:00.000Z', 'b'],
      ],
    );
    assert.match(
      notes(plan).join('\n'),
      /nobody knows whether it arrived; the plan assumes that it did not$/,
    );
  });

  const parked = { event: 'parked', bot, at, why: 'it is ill', hint: 'heal it' } as const;
  it('that is parked posts nothing, unless its key is another one', () => {
    const plan = planned({ poems, events: { ada: [{ ...parked, key: 'key' }] } });
    assert.deepEqual(plan.posts, []);
    assert.deepEqual(notes(plan), ['ada: it is ill']);
    assert.equal(
      planned({ poems, events: { ada: [{ ...parked, key: 'old' }] } }).posts.length,
      31,
      'the slot of the day before is served too',
    );
  });

  it('that is paused posts nothing', () => {
    const paused = planned({ poems, events: { ada: [{ event: 'paused', bot, at }] } });
    assert.deepEqual(paused.posts, []);
    assert.match(notes(paused).join('\n'), /^ada: paused since/);
    const byFile = planned({ poems, settings: { bots: { ada: { paused: true } } } });
    assert.deepEqual(byFile.posts, []);
    assert.deepEqual(notes(byFile), ['ada: paused in flock.json']);
  });

  it('that is at its end stays there, or begins again', () => {
    const over = [
      { ...intent, lines: 3 },
      { event: 'posted', bot, at, by: 'answer' },
    ] as const;
    const plan = planned({ poems, events: { ada: over }, settings: { atEnd: 'stop' } });
    assert.deepEqual(plan.posts, []);
    assert.deepEqual(notes(plan), ['ada: its poem is at its end']);
    assert.deepEqual(plan.bots['ada']?.outlook.end, { at, about: false });
    assert.equal(plan.bots['ada'].outlook.linesLeft, 0);
    const again = planned({ poems, events: { ada: over } });
    assert.equal(again.posts.length, 30);
    assert.equal(again.bots['ada']?.outlook.linesLeft, 3);
    assert.equal(iso(again.bots['ada'].outlook.end?.at), '2026-06-03T09:00:00.000Z');
  });

  it('that was restored looks first, and then posts for the slot that it missed', () => {
    const plan = planned({ poems, events: { ada: [{ event: 'restored', bot, at }] }, days: 1 });
    assert.deepEqual(shownPosts(plan), ['ada 06-01 00:05 a', 'ada 06-01 09:00 b']);
  });

  it('whose poem was edited goes on where it was, and one that has lost its place says so', () => {
    const posted = [intent, { event: 'posted', bot, at, by: 'answer' }] as const;
    const edited = (poem: string): LedgerEvent[] => [
      ...posted,
      { event: 'edited', bot, at, poem, next: 1, ahead: [] },
    ];
    const kept = planned({ poems, events: { ada: edited(prints(['a', 'B', 'c'])) }, days: 2 });
    assert.deepEqual(
      kept.posts.map(({ text }) => text),
      ['b', 'c'],
    );
    const lost = planned({ poems, events: { ada: edited(prints(['x', 'y', 'z'])) }, days: 2 });
    assert.deepEqual(lost.posts, []);
    assert.match(
      notes(lost).join('\n'),
      /^ada: will need you at line 2 on 2026-06-01 09:00 UTC: its poem has become another one/,
    );
  });

  it('whose unit was changed in the middle of a stanza is parked as the daemon parks it', () => {
    const { bots } = planned({
      poems: { ada: ['a', 'b', '', 'c'] },
      settings: { unit: 'stanza' },
      events: {
        ada: [
          { event: 'edited', bot: 'ada', at: from - 1, poem: prints(['a', 'b', 'c']), next: 1, ahead: [] },
        ],
      },
    });
    assert.equal(bots['ada']?.parked?.why, 'its unit has been changed in the middle of a stanza');
    assert.match(bots['ada'].parked.hint, /^put the unit back, then: flockd resume ada; or .* --line 1$/);
  });

  it('that comes to two cashtags is parked there', () => {
    const plan = planned({ poems: { ada: ['a', '$ONE $TWO', 'c'] }, days: 9 });
    assert.deepEqual(
      plan.posts.map(({ text }) => text),
      ['a'],
    );
    assert.match(
      notes(plan).join('\n'),
      /^ada: will need you at line 2 on 2026-06-02 09:00 UTC: X takes one cashtag in a post$/m,
    );
    assert.equal(plan.bots['ada']?.rest, 'parked');
  });
});
