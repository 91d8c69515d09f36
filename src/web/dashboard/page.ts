import { createHash } from 'node:crypto';
import { html } from 'hono/html';
import { inMicros, showUsd } from '../../cost.ts';
import { chargesNothing, isFree, networksOf, shownState, stateCounts } from '../../flock/status.ts';
import { counted, cutTo, listed, localTime, linesInWords } from '../../text.ts';
import type { Html } from '../layout.ts';
import { type BotFilter, botListOf, everyBot } from './bot-list.ts';
import { calendarOf, lastDayBefore, showCount, spendingOf } from './charts.ts';
import { alarmsOf, type Control, flockControls } from './controls.ts';
import { shownDays } from './forecast.ts';
import {
  atClock,
  away,
  capital,
  fact,
  foldedList,
  hintOf,
  inWords,
  liveLayout,
  needsRepair,
  note,
  onNetwork,
  pageOf,
  postedAt,
  section,
  whyOf,
} from './parts.ts';
import type { FlockView } from './snapshot.ts';

type BotView = FlockView['bots'][number];

const maxTroubles = 12;

/** What is wrong and how to repair it; hidden where nothing is. */
export function troublesOf({ bots, flock, now }: FlockView): Html {
  const troubled = bots.filter(needsRepair);
  if (troubled.length === 0 && !flock.stopped)
    return html`<section id="troubles" class="troubles" hidden></section>`;
  const left = troubled.length - maxTroubles;
  return html`<section id="troubles" class="troubles" aria-labelledby="troubles-name">
    <h2 id="troubles-name">Needs you</h2>
    <ul role="list">
      ${flock.stopped && stoppedTrouble} ${troubled.slice(0, maxTroubles).map((bot) => troubleOf(bot, now))}
    </ul>
    ${left > 0 && html`<p class="more">and <a href="./?state=needs-you#roll">${counted(left, 'more bot')}</a></p>`}
  </section>`;
}

const stoppedTrouble = html`<li>
  <p><strong>The whole flock</strong> is paused: no bot posts.</p>
  <p class="hint"><code>flockd resume</code> resumes it</p>
</li>`;

const troubleOf = (bot: BotView, now: string): Html =>
  html`<li>
    <p>
      <a href="${pageOf(bot.bot)}"><strong>${bot.bot}</strong></a
      >: ${whyOf(bot, now) ?? shownState(bot).meaning}
    </p>
    ${hintOf(bot)}
  </li>`;

/** The flock in a sentence or two. */
export function summaryOf({ bots, flock }: FlockView): string {
  const [only] = bots;
  if (!only) return 'No bot is posting yet.';
  if (flock.stopped) return 'The flock is paused, and posts nothing.';
  if (bots.length === 1) return `${only.bot} ${shownState(only).one}.`;
  const counts = stateCounts(bots);
  const [same] = counts;
  if (same && counts.length === 1) return `All ${inWords(bots.length)} bots ${same.state.many}.`;
  const posting = counts.find(({ state }) => state.name === 'posting')?.count ?? 0;
  const all = inWords(bots.length);
  const first = posting === 0 ? 'None' : capital(inWords(posting));
  const others = counts.flatMap(({ state, count }) =>
    state.name === 'posting' ? [] : [`${inWords(count)} ${count === 1 ? state.one : state.many}`],
  );
  return `${first} of ${all} bots ${posting < 2 ? 'is' : 'are'} posting. ${capital(listed(others))}.`;
}

/** Four facts: the next line, today, this month, and how many bots are in each state. */
export function factsOf(view: FlockView): Html {
  return html`<dl class="facts" id="facts">
    ${nextFact(view)} ${todayFact(view)} ${monthFact(view)} ${botsFact(view)}
  </dl>`;
}

function nextFact({ bots, now, days }: FlockView): Html {
  const first = soonest(bots);
  if (first) {
    const clock = atClock(first.next, first.timezone, now);
    return fact('Next line', away(now, first.next, { due: true }), `${first.bot}, ${clock}`);
  }
  return days.some(({ planned }) => planned > 0)
    ? fact('Next line', 'not known', 'until bots have checked their timelines')
    : fact('Next line', 'none', 'no slot is ahead');
}

function todayFact({ flock, days }: FlockView): Html {
  const { postsPerDay } = flock.budget;
  const planned = days[shownDays.past]?.planned ?? 0;
  const max = postsPerDay === undefined ? '' : `of ${showCount(postsPerDay)}, `;
  const toCome = planned === 0 ? 'none' : `at most ${showCount(planned)}`;
  return fact('Today', counted(flock.spent.postsToday, 'post'), `${max}${toCome} still to come`);
}

function monthFact({ bots, flock, timezone }: FlockView): Html {
  if (isFree(flock, bots)) return fact('This month', 'free', chargesNothing(networksOf(bots)));
  const { usdPerMonth } = flock.budget;
  const until = `until ${lastDayBefore(flock.monthEnds, timezone)}`;
  const more = usdPerMonth === undefined ? until : `of ${showUsd(inMicros(usdPerMonth))} ${until}`;
  return fact('This month', showUsd(inMicros(flock.spent.usdMonth)), more);
}

function botsFact({ bots }: FlockView): Html {
  const parts = stateCounts(bots).map(
    ({ state, count }, index) =>
      html`${index > 0 && ' · '}<a
          href="./?state=${state.name.replaceAll(' ', '-')}#roll"
          data-filter
          data-severity="${state.severity}"
          title="${state.meaning}"
          >${showCount(count)} ${count > 1 && state.name === 'needs you' ? state.many : state.name}</a
        >`,
  );
  return fact('Bots', showCount(bots.length), html`<span class="counts">${parts}</span>`);
}

/** The last posts, each as it reads; newest first. */
export const lineItems = ({ recent, now }: FlockView): Html[] => recent.map((post) => lineOf(post, now));

function lineOf(post: FlockView['recent'][number], now: string): Html {
  const { bot, at, text } = post;
  return html`<li id="line-${bot}-${Date.parse(at)}">
    ${
      text === undefined
        ? html`<p class="gone">A line that is not in the poem any more.</p>`
        : html`<blockquote dir="auto" lang="">${text}</blockquote>`
    }
    <p class="by">
      <cite><a href="${pageOf(bot)}">${bot}</a></cite
      >, ${linesInWords(post.line, post.lines)}, ${postedAt(post, now, onNetwork(post))}
    </p>
  </li>`;
}

/** The posts of the day that are still to come: those that come first, and how many more. */
function todayOf({ upcoming, days, bots, flock, now, timezone }: FlockView): Html {
  const planned = days[shownDays.past]?.planned ?? 0;
  const more = planned - upcoming.length;
  const left =
    upcoming.length > 0
      ? more > 0 && `and at most ${showCount(more)} more today`
      : flock.stopped || !soonest(bots)
        ? html`Nothing: no bot posts now.${resumesOne({ bots, flock })}`
        : html`Nothing more today. ${firstNext(bots, now)}`;
  return html`<ol id="upcoming" class="upcoming" role="list">
      ${upcoming.map((post) => upcomingOf(post, now, timezone))}
    </ol>
    ${note('upcoming-left', left)}`;
}

/** What to do where every bot is paused by itself. */
const resumesOne = ({ bots, flock }: Pick<FlockView, 'bots' | 'flock'>): Html | false =>
  !flock.stopped &&
  bots.length > 0 &&
  bots.every((bot) => shownState(bot).name === 'paused') &&
  html` All are paused: <code>flockd resume BOT</code> resumes one.`;

function upcomingOf(
  { bot, at, line, text }: FlockView['upcoming'][number],
  now: string,
  timezone: string,
): Html {
  const { time } = localTime(Date.parse(at), timezone);
  const due = at <= now ? 'due' : time;
  return html`<li id="next-${bot}-${Date.parse(at)}">
    <time datetime="${at}">${due}</time> <a href="${pageOf(bot)}" title="line ${line}">${bot}</a>
    <span class="words" dir="auto" lang="">${cutTo(text.replaceAll(/\s+/g, ' '), maxWords)}</span>
  </li>`;
}

/** The longest text of a line that is shown before it is posted. Columns. */
const maxWords = 60;

function firstNext(bots: readonly BotView[], now: string): Html | string {
  const first = soonest(bots);
  return first ? html`The next line is ${first.bot}’s, ${atClock(first.next, first.timezone, now)}.` : '';
}

function soonest(bots: readonly BotView[]): { bot: string; next: string; timezone: string } | undefined {
  let first: { bot: string; next: string; timezone: string } | undefined;
  for (const { bot, next, timezone } of bots)
    if (next !== undefined && (!first || next < first.next)) first = { bot, next, timezone };
  return first;
}

/** How many lines are shown at once; the reader opens those before them. */
const firstLines = 6;

/** A page as it is sent. Its version is another one whenever something else is to be seen. */
export interface Page {
  version: string;
  bytes: Buffer<ArrayBuffer>;
}

interface DashboardOptions {
  control: Control;
  /** Tells this page's script and style from those of another flockd. */
  edition: string;
  filter?: BotFilter;
  /** The version of this view, where it is known. */
  version?: string;
}

/** The page of the flock. */
export async function dashboardPage(
  view: FlockView,
  { control, edition, filter = everyBot, version: known }: DashboardOptions,
): Promise<Page> {
  const main = await mainOf(view, filter, control);
  const version = known ?? versionOf(`${view.revision}${String(main)}`);
  const page = await liveLayout(view, { title: 'The flock', root: '', version, edition }, main);
  return { version, bytes: Buffer.from(String(page)) };
}

/** Without the text of times, which follows the reader's clock: a page does not change because time passes. */
const versionOf = (main: string): string =>
  createHash('sha256')
    .update(main.replaceAll(/(<time [^>]*>)[^<]*/g, '$1'))
    .digest('hex')
    .slice(0, 12);

function mainOf(view: FlockView, filter: BotFilter, control: Control): Html {
  const alarms = alarmsOf(control);
  return html`<main>
    <div class="opening">
      <p id="summary" class="summary" role="status">${summaryOf(view)}</p>
      <p id="lost" class="lost" role="status"></p>
      <div id="flock-controls">${flockControls(view, control)}</div>
    </div>
    ${troublesOf(view)} ${factsOf(view)}
    <div class="spread">
      <div class="column">
        ${section('lately', 'The last lines', latelyOf(view))}
        ${alarms && section('alarms', 'Alarms', alarms)}
      </div>
      <div class="column">
        ${section('today', 'Still today', todayOf(view))} ${section('days', 'The calendar', calendarOf(view))}
        ${section('spent', 'Spending', spendingOf(view))}
      </div>
    </div>
    ${section('roll', 'The bots', botListOf(view, filter, control))}
  </main>`;
}

function latelyOf(view: FlockView): Html {
  const lines = lineItems(view);
  return html`${note('no-lines', lines.length === 0 && noLines(view))}
  ${foldedList(lines, { id: 'lines', first: firstLines, summary: 'Lines before these' })}`;
}

function noLines({ bots, flock, now }: FlockView): Html {
  const first = flock.stopped ? undefined : soonest(bots);
  const when = first ? html`${first.bot} posts the first, ${atClock(first.next, first.timezone, now)}.` : '';
  return html`No line has been posted yet; each appears here as it is posted. ${when}`;
}
