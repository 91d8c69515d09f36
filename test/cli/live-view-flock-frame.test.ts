import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flockFrame } from '../../src/cli/live-view.ts';
import type { BotStatus } from '../../src/flock/status.ts';
import { noon, shownBot, shownFlock } from './shown-bots.ts';

const flock = shownFlock();
const many: BotStatus[] = Array.from({ length: 40 }, (_, index) => {
  const name = `bot-${String(index).padStart(2, '0')}`;
  // The later its name, the sooner it posts.
  const next = new Date(noon + (40 - index) * 60_000).toISOString();
  if (index === 7)
    return shownBot(name, {
      state: 'parked',
      next: undefined,
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth bot-07',
    });
  return shownBot(name, { next });
});
const screen = (columns: number, rows: number) => ({ columns, rows, colors: false });
const firstWords = (lines: readonly string[]): string[] => lines.map((line) => line.split(' ')[0] ?? '');

describe('a screen of the flock', () => {
  it('has every bot, those that need a person first, a sentence, and what is wrong, where there is room', () => {
    const lines = flockFrame({ flock, bots: many }, noon, screen(100, 60));
    assert.equal(lines.length, 1 + 1 + 40 + 1 + 1);
    assert.deepEqual(firstWords(lines).slice(0, 4), ['', 'bot', 'bot-07', 'bot-00']);
    assert.match(lines.at(-2) ?? '', /^40 bots: 39 posting, 1 needs you/);
    assert.equal(lines.at(-1), 'bot-07: X refuses its key (401) (keymaker reauth bot-07)');
  });

  it('has who needs somebody first, then who posts next, and counts the others', () => {
    const lines = flockFrame({ flock, bots: many }, noon, screen(100, 24));
    assert.deepEqual(firstWords(lines).slice(2, 5), ['bot-07', 'bot-39', 'bot-38']);
    const rows = lines.filter((line) => line.startsWith('bot-') && !line.includes('401')).length;
    assert.ok(lines.includes(`… and ${40 - rows} more`), lines.join('\n'));
  });

  for (const rows of [1, 2, 3, 5, 8, 10, 24, 50, 200]) {
    for (const columns of [20, 40, 80, 140]) {
      it(`fits ${columns} columns and ${rows} rows`, () => {
        const sick = many.map((bot) => ({
          ...bot,
          state: 'parked' as const,
          why: `${bot.bot} is ${'very '.repeat(30)}sick`,
        }));
        for (const bots of [[], many.slice(0, 3), many, sick]) {
          const lines = flockFrame({ flock, bots }, noon, screen(columns, rows));
          assert.ok(lines.length < Math.max(rows, 1), `${lines.length} lines`);
          for (const line of lines) assert.ok(line.length <= columns, line);
        }
      });
    }
  }

  it('is nothing where there is room for nothing', () => {
    assert.deepEqual(flockFrame({ flock, bots: many }, noon, screen(80, 3)), []);
    assert.notDeepEqual(flockFrame({ flock, bots: many }, noon, screen(80, 4)), []);
  });

  it('says that the flock is paused', () => {
    const lines = flockFrame({ flock: shownFlock({ stopped: true }), bots: many }, noon, screen(100, 24));
    assert.ok(lines.some((line) => line.startsWith('The flock is paused. 40 bots')));
  });
});
