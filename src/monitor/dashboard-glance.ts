import { inMicros, showUsd } from '../cost.ts';
import { needsCare } from '../flock/status.ts';
import { type BotView, type FlockView, shownDays } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import {
  atClock,
  away,
  capital,
  counted,
  inWords,
  lastDayBefore,
  listed,
  showCount,
} from './dashboard-words.ts';

/** The flock in a sentence or two. */
export function summaryOf({ bots, counts, flock }: FlockView): string {
  const [only] = bots;
  if (!only) return 'Nobody is reading yet.';
  if (flock.stopped) return 'The flock is stopped, and posts nothing.';
  if (bots.length === 1) return `${only.bot} ${aloneIs[only.state]}.`;
  const reading = counts.fine + counts.new;
  const all = capital(inWords(bots.length));
  if (reading === bots.length) return `All ${inWords(bots.length)} bots are reading.`;
  const who =
    reading === 0
      ? `None of ${inWords(bots.length)} bots is reading.`
      : `${capital(inWords(reading))} of ${all.toLowerCase()} bots ${reading === 1 ? 'is' : 'are'} reading.`;
  const others = rest.flatMap(([state, one, many]) => {
    const count = counts[state];
    return count === 0 ? [] : [`${inWords(count)} ${count === 1 ? one : many}`];
  });
  return `${who} ${capital(listed(others))}.`;
}

const aloneIs: Record<BotView['state'], string> = {
  new: 'is about to begin',
  fine: 'is reading',
  waiting: 'waits',
  'in doubt': 'is in doubt',
  looking: 'looks for its place',
  parked: 'is parked',
  paused: 'is paused',
  stopped: 'is stopped',
  finished: 'has finished its poem',
  unfit: 'cannot post',
};

/** What the others do, the gravest first. */
const rest: readonly (readonly [BotView['state'], string, string])[] = [
  ['unfit', 'cannot post', 'cannot post'],
  ['parked', 'is parked', 'are parked'],
  ['in doubt', 'is in doubt', 'are in doubt'],
  ['looking', 'looks for its place', 'look for their places'],
  ['waiting', 'waits', 'wait'],
  ['paused', 'is paused', 'are paused'],
  ['stopped', 'is stopped', 'are stopped'],
  ['finished', 'has finished', 'have finished'],
];

/** Four facts: the next line, today, this month, who stands how. */
export function factsOf(view: FlockView): Html {
  return html`<dl class="facts" id="facts">
    ${nextFact(view)} ${todayFact(view)} ${monthFact(view)} ${botsFact(view)}
  </dl>`;
}

const fact = (name: string, value: Html | string, more: Html | string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}<small>${more}</small></dd>
  </div>`;

function nextFact({ next, now, bots, days, timezone }: FlockView): Html {
  if (!next && days.some(({ planned }) => planned > 0))
    return fact('Next line', 'not known', 'until bots know their places again');
  if (!next) return fact('Next line', 'none', 'no slot is ahead');
  const zone = bots.find(({ bot }) => bot === next.bot)?.schedule?.timezone ?? timezone;
  return fact('Next line', away(now, next.at, { due: true }), `${next.bot}, ${atClock(next.at, zone, now)}`);
}

function todayFact({ flock, days }: FlockView): Html {
  const { postsToday } = flock.spent;
  const { postsPerDay } = flock.budget;
  const toCome = days[shownDays.past]?.planned ?? 0;
  const most = postsPerDay === undefined ? '' : `of ${showCount(postsPerDay)}, `;
  return fact(
    'Today',
    counted(postsToday, 'post'),
    `${most}${toCome === 0 ? 'none' : `at most ${showCount(toCome)}`} still to come`,
  );
}

function monthFact({ flock, timezone }: FlockView): Html {
  const { usdPerMonth } = flock.budget;
  const until = `until ${lastDayBefore(flock.monthEnds, timezone)}`;
  const more = usdPerMonth === undefined ? until : `of ${showUsd(inMicros(usdPerMonth))} ${until}`;
  return fact('This month', showUsd(inMicros(flock.spent.usdMonth)), more);
}

function botsFact({ bots, counts }: FlockView): Html {
  const states = (Object.keys(counts) as BotView['state'][]).filter((state) => counts[state] > 0);
  const parts = states.map((state, index) => {
    const count = html`<span data-state="${needsCare(state) && state !== 'looking' ? 'wrong' : 'well'}"
      >${showCount(counts[state])} ${state}</span
    >`;
    return index === 0 ? count : html` · ${count}`;
  });
  return fact('Bots', showCount(bots.length), html`<span class="counts">${parts}</span>`);
}
