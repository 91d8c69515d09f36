import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flockWords, troublesOf } from '../../src/cli/tables.ts';
import { noon, shownBot, shownFlock } from './shown-bots.ts';

describe('a flock in words', () => {
  it('is counted by how its bots stand', () => {
    const bots = [shownBot('ada'), shownBot('bea', { state: 'parked' }), shownBot('cid')];
    assert.equal(
      flockWords(shownFlock(), bots),
      '3 bots: 2 posting, 1 needs you. 24 posts today, $3.60 this month.',
    );
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
