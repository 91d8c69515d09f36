import type { BotView, FlockView } from '../../../src/web/dashboard/snapshot.ts';
import type { Html } from '../../../src/web/layout.ts';

type FlockDay = FlockView['days'][number];
type PostView = FlockView['recent'][number];

export const now = '2026-08-22T10:00:00.000Z';

/** A bot that is fine, but for what is said of it. */
export const aBot = (bot: string, change: Partial<BotView> = {}): BotView => ({
  bot,
  account: `${bot}_bot`,
  home: `https://x.com/${bot}_bot`,
  network: 'x',
  server: undefined,
  state: 'fine',
  timezone: 'Europe/Berlin',
  done: 3,
  of: 14,
  pass: 1,
  posts: 3,
  last: { id: '77', at: '2026-08-22T07:00:00.000Z', line: 3, url: `https://x.com/${bot}_bot/status/77` },
  next: '2026-08-23T07:00:00.000Z',
  why: undefined,
  until: undefined,
  hint: undefined,
  spent: { postsToday: 1, usdMonth: 0.045, usdTotal: 0.045 },
  budget: {},
  pausedSince: undefined,
  needsKey: false,
  capped: false,
  ...change,
});

export const aPost = (bot: string, change: Partial<PostView> = {}): PostView => ({
  bot,
  network: 'x',
  at: '2026-08-22T07:00:00.000Z',
  line: 3,
  lines: 1,
  text: 'The bell lets go of the hour.',
  url: `https://x.com/${bot}_bot/status/77`,
  ...change,
});

/** The days around 22 August 2026, with nothing in them but what is given by date. */
export function theDays(known: Record<string, Partial<FlockDay>> = {}): FlockDay[] {
  const begins = Date.parse('2026-02-21');
  return Array.from({ length: 26 * 7 + 1 + 8 * 7 }, (_, index) => {
    const day = new Date(begins + index * 86_400_000).toISOString().slice(0, 10);
    return { day, posted: 0, planned: 0, ...known[day] };
  });
}

export function aView(bots: BotView[], change: Partial<FlockView> = {}): FlockView {
  return {
    now,
    version: '1.0.0',
    revision: '0.0',
    timezone: 'Europe/Berlin',
    flock: {
      stopped: false,
      spent: { postsToday: 7, usdMonth: 4.2, usdTotal: 31.5 },
      dayEnds: '2026-08-22T22:00:00.000Z',
      monthEnds: '2026-08-31T22:00:00.000Z',
      budget: {},
      left: {},
    },
    bots,
    keyless: [],
    days: theDays(),
    recent: [],
    upcoming: [],
    ...change,
  };
}

/** A flock whose bots stand like that. */
export const flockOf = (...states: BotView['state'][]): FlockView =>
  aView(states.map((state, n) => aBot(`bot-${n}`, { state })));

/** The markup of a piece of a page; none of ours has to be waited for. */
export function markupOf(html: Html | undefined): string {
  if (html === undefined || html instanceof Promise) throw new TypeError('there is no markup yet');
  return html.toString();
}

/** What is to be read in a piece of a page. */
export const textOf = (html: Html | undefined): string =>
  markupOf(html)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** Markup on one line, however its template was broken. */
export const flat = (html: Html | undefined): string => markupOf(html).replaceAll(/\s+/g, ' ');
