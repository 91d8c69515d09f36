import type { BotStatus, FlockStatus } from '../../src/flock/status.ts';

export const noon = Date.parse('2026-11-21T12:00:00Z');

/** A bot that is fine, and whatever else a test says of it. */
export const shownBot = (bot: string, more: Partial<BotStatus> = {}): BotStatus => ({
  bot,
  account: `${bot.replaceAll('-', '_')}_bot`,
  network: 'x',
  server: undefined,
  state: 'fine',
  timezone: 'UTC',
  done: 8,
  of: 14,
  pass: 1,
  posts: 8,
  last: {
    id: '77',
    at: '2026-11-21T09:00:00.000Z',
    line: 8,
    url: `https://x.com/${bot}/status/77`,
  },
  next: '2026-11-21T15:00:00.000Z',
  why: undefined,
  until: undefined,
  hint: undefined,
  spent: { postsToday: 1, usdMonth: 3.6, usdTotal: 8 },
  budget: {},
  ...more,
});

/** A flock without a budget, and whatever else a test says of it. */
export const shownFlock = (more: Partial<FlockStatus> = {}): FlockStatus => ({
  stopped: false,
  spent: { postsToday: 24, usdMonth: 3.6, usdTotal: 8 },
  dayEnds: '2026-11-22T00:00:00.000Z',
  monthEnds: '2026-12-01T00:00:00.000Z',
  budget: {},
  left: {},
  ...more,
});
