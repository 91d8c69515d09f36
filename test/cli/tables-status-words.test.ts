import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flockWords, maxRelativeTime, relativeTime, troublesOf } from '../../src/cli/tables.ts';
import { noon, shownBot, shownFlock } from './shown-bots.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('a time away', () => {
  const cases: [ms: number, words: string][] = [
    [0, 'now'],
    [-999, 'now'],
    [second, 'in 1 s'],
    [-59_999, '59 s ago'],
    [-66 * second, '1 min ago'],
    [minute, 'in 1 min'],
    [2 * minute, 'in 2 min'],
    [-119 * minute, '119 min ago'],
    [2 * hour - 1, 'in 119 min'],
    [2 * hour, 'in 2 h'],
    [-2 * day + 1, '47 h ago'],
    [-2 * day, '2 d ago'],
    [400 * day, 'in 400 d'],
  ];
  for (const [ms, words] of cases) {
    it(`of ${ms} ms is ${words}`, () => {
      assert.equal(relativeTime(ms), words);
    });
  }

  it('is never longer than a column for it, within three years', () => {
    for (let ms = 1; ms < 1000 * day; ms = Math.ceil(ms * 1.01)) {
      assert.ok(relativeTime(ms).length <= maxRelativeTime.ahead, relativeTime(ms));
      assert.ok(relativeTime(-ms).length <= maxRelativeTime.past, relativeTime(-ms));
    }
  });
});

describe('a flock in words', () => {
  it('is counted by how its bots stand', () => {
    const bots = [shownBot('ada'), shownBot('bea', { state: 'parked' }), shownBot('cid')];
    assert.equal(
      flockWords(shownFlock(), bots),
      '3 bots: 2 posting, 1 needs you. 24 posts today, $3.60 this month.',
    );
  });

  it('has no sum where nothing is charged', () => {
    const flock = shownFlock({ spent: { postsToday: 24, usdMonth: 0, usdTotal: 0 } });
    const words = flockWords(flock, [shownBot('ada', { network: 'mastodon' })]);
    assert.equal(words, '1 bot: 1 posting. 24 posts today.');
    assert.match(flockWords(flock, [shownBot('ada')]), /\$0\.00 this month\.$/);
  });

  it('is held against its budget', () => {
    const budget = { postsPerDay: 50, usdPerMonth: 20 };
    const words = flockWords(shownFlock({ budget }), [shownBot('ada')]);
    assert.equal(words, '1 bot: 1 posting. 24 of 50 posts today, $3.60 of $20.00 this month.');
  });
});

describe('what is the matter', () => {
  it('is said with its end and its repair', () => {
    const bot = shownBot('ada', {
      state: 'waiting',
      why: 'its budget of 2 posts a day is used up',
      until: '2026-11-22T00:00:00.000Z',
      hint: 'wait',
    });
    assert.deepEqual(troublesOf([bot, shownBot('bea')], noon), [
      {
        text: 'ada: its budget of 2 posts a day is used up, until 2026-11-22 00:00 UTC (12 h)',
        hint: 'wait',
      },
    ]);
  });

  it('is said once for bots that differ in the name in their repair', () => {
    const bots = ['ada', 'bea', 'cid', 'dot'].map((bot) =>
      shownBot(bot, { state: 'parked', why: 'X refuses its key', hint: `keymaker reauth ${bot}` }),
    );
    assert.deepEqual(troublesOf(bots, noon), [
      { text: 'ada, bea, cid and 1 more: X refuses its key', hint: 'keymaker reauth <bot>' },
    ]);
  });

  it('has its instants by the clock of the bot', () => {
    const bot = shownBot('ada', {
      state: 'paused',
      timezone: 'Europe/Berlin',
      why: 'paused since 2026-11-21T10:55:41.235Z',
    });
    assert.equal(troublesOf([bot], noon)[0]?.text, 'ada: paused since 2026-11-21 11:55 CET');
  });

  it('is said once for all who have it', () => {
    const bots = Array.from({ length: 9 }, (_, index) =>
      shownBot(`bot-${index}`, { state: 'waiting', why: 'no money' }),
    );
    const [trouble, ...more] = troublesOf(bots, noon);
    assert.deepEqual(more, []);
    assert.equal(trouble?.text, 'bot-0, bot-1, bot-2 and 6 more: no money');
  });

  it('is said of a poem that is finished, too', () => {
    const [trouble] = troublesOf([shownBot('ada', { state: 'finished', next: undefined })], noon);
    assert.deepEqual(trouble, { text: 'ada: its poem is at its end', hint: 'atEnd in flock.json says stop' });
  });

  it('is not said of each bot of a flock that is stopped', () => {
    assert.deepEqual(troublesOf([shownBot('ada', { state: 'stopped', why: 'stopped' })], noon), []);
  });
});
