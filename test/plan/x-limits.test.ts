import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeExcess } from '../../src/plan/render.ts';
import { PeakFinder } from '../../src/plan/x-limits.ts';
import { Random } from '../simulation/random.ts';
import { planned } from './small-flock.ts';

const lines = (bot: string): string[] => Array.from({ length: 3000 }, (_, n) => `${bot} ${n}`);

/** What is said of the limits of a flock. */
function excesses(bots: number, schedule: string, apps: Record<string, string> = {}): string[] {
  const names = Array.from({ length: bots }, (_, n) => `bot-${n}`);
  const poems = Object.fromEntries(names.map((bot) => [bot, lines(bot)]));
  return planned({ poems, settings: { schedule }, days: 2, apps }).plan.excesses().map(describeExcess);
}

describe('the limits of X', () => {
  const rows: [schedule: string, bots: number, found: RegExp[]][] = [
    ['0 * * * *', 2, []],
    ['*/30 * * * *', 1, []],
    ['0,29 * * * *', 1, []],
    ['*/20 0-14 * * *', 1, []],
    ['*/15 8-12 * * *', 1, []],
    ['*/10 8-12 * * *', 1, [/^bot-0 makes 3 posts in 30 minutes; X allows an unverified account about 2$/]],
    ['*/15 * * * *', 1, [/^bot-0 makes 96 posts in 24 hours; X allows an unverified account 50$/]],
    [
      '*/9 * * * * *',
      1,
      [/^bot-0 makes 105 posts in 15 minutes; X allows an account 100$/, /24 hours/, /30 minutes/],
    ],
    [
      '* * * * *',
      7,
      [
        /^7 bots of one app make 10,080 posts in 24 hours; X allows an app, all its accounts together 10,000$/,
      ],
    ],
  ];
  for (const [schedule, bots, found] of rows) {
    it(`${found.length === 0 ? 'hold' : 'do not hold'} for ${bots} at ${schedule}`, () => {
      const said = excesses(bots, schedule);
      for (const [index, line] of found.entries()) assert.match(said[index] ?? '', line);
      if (found.length === 0) assert.deepEqual(said, []);
    });
  }

  it('are counted app by app', () => {
    assert.doesNotMatch(excesses(7, '* * * * *', { 'bot-0': 'another app' }).join('\n'), /of one app/);
  });

  it('are held against the busiest stretch, wherever it begins', () => {
    const random = new Random(1);
    for (let round = 0; round < 50; round++) {
      const within = 1 + random.int(100);
      const instants = Array.from({ length: 300 }, () => random.int(2000)).sort((a, b) => a - b);
      const finder = new PeakFinder(within);
      for (const at of instants) finder.add(at);
      const most = Math.max(
        ...instants.map((end) => instants.filter((at) => at > end - within && at <= end).length),
      );
      assert.equal(finder.peak.posts, most);
    }
  });
});
