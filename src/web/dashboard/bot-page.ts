import { html } from 'hono/html';
import { shownState } from '../../flock/status.ts';
import {
  counted,
  didYouMean,
  duration,
  localTime,
  linesInWords,
  scheduleInWords,
  withClocks,
} from '../../text.ts';
import type { Html } from '../layout.ts';
import type { BotDetails, HistoryEntry } from './bot-details.ts';
import { botSpending, showCount } from './charts.ts';
import { botControls, type Control, resolveForm } from './controls.ts';
import type { Page } from './page.ts';
import {
  atClock,
  away,
  fact,
  foldedList,
  hintOf,
  lastPostAt,
  liveLayout,
  nameOf,
  needsRepair,
  nextOf,
  onNetwork,
  note,
  noticePage,
  placeOf,
  progressOf,
  section,
  waitOf,
} from './parts.ts';
import type { BotView, FlockView } from './snapshot.ts';

/*
 * The page of one bot: how it stands, its poem with its place, what it posts next, and what has happened to it.
 */

interface BotPageOptions {
  control: Control;
  /** As those of the flock's page. */
  edition: string;
  version: string;
}

export async function botPage(
  view: FlockView,
  details: BotDetails,
  { control, edition, version }: BotPageOptions,
): Promise<Page> {
  const title = details.bot.bot;
  const page = await liveLayout(
    view,
    { title, root: '../', version, edition },
    mainOf(view, details, control),
  );
  return { version, bytes: Buffer.from(String(page)) };
}

function mainOf({ now }: FlockView, details: BotDetails, control: Control): Html {
  const { bot } = details;
  return html`<main class="one">
    <div class="opening">
      <h1 class="title">${bot.bot} ${bot.account !== undefined && nameOf(bot.account, bot.home)}</h1>
      <p id="summary" class="standing" role="status" data-severity="${shownState(bot).severity}">
        ${standingOf(details, now)}
      </p>
      <p id="lost" class="lost" role="status"></p>
      <div id="controls">${botControls(bot, control, { isOwnPage: true })}</div>
    </div>
    ${reasonOf(details, now)} ${doubtOf(details, now, control)} ${factsOf(details, now)}
    <div class="spread">
      ${section('poem', 'The poem', poemOf(details))}
      <div class="column">
        ${section('next', 'The next lines', nextLinesOf(details, now))}
        ${section('schedule', 'Schedule', scheduleOf(details))}
        ${section('spent', 'Spending', botSpending(bot))} ${section('key', 'Key', keyOf(details))}
      </div>
    </div>
    ${section('history', 'History', historyOf(details, now))}
  </main>`;
}

function standingOf({ bot }: BotDetails, now: string): Html {
  const { name, severity, meaning } = shownState(bot);
  const when = severity === 'good' ? html`: next ${nextOf(bot, now)}` : html`: ${meaning}`;
  return html`<strong>${name}</strong>${when}`;
}

/** Why it does not post, and the repair. */
function reasonOf({ bot, doubt }: BotDetails, now: string): Html {
  const wait = waitOf(bot, now);
  // A post in doubt has a part of the page to itself.
  if (wait === undefined || doubt) return html`<div id="reason" hidden></div>`;
  return html`<div id="reason" class="${needsRepair(bot) ? 'troubles' : 'reason'}">
    <p>${wait}</p>
    ${hintOf(bot)}
  </div>`;
}

function doubtOf(details: BotDetails, now: string, control: Control): Html {
  const { bot, doubt } = details;
  if (!doubt) return html`<section id="doubt" hidden></section>`;
  const home =
    bot.home !== undefined && html` Its <a href="${bot.home}" rel="noreferrer">timeline</a> shows it.`;
  return html`<section id="doubt" class="doubt" aria-labelledby="doubt-name">
    <h2 id="doubt-name">Was this posted?</h2>
    <blockquote dir="auto" lang="">${doubt.text ?? 'A line that is not in the poem any more.'}</blockquote>
    <p class="by">
      ${linesInWords(doubt.line, doubt.lines)}, sent ${away(now, doubt.at)},
      ${atClock(doubt.at, bot.timezone, now)}. flockd looks by itself.${home}
    </p>
    ${resolveForm(details, control) ?? html`<p class="hint"><code>flockd resolve ${bot.bot} --posted</code> or <code>--not-posted</code></p>`}
  </section>`;
}

function factsOf({ bot }: BotDetails, now: string): Html {
  const { spent, last, posts } = bot;
  const when = last ? lastPostAt(bot, last, now) : 'none';
  return html`<dl class="facts" id="facts">
    ${fact('Place', bot.of === 0 ? 'not known' : `line ${showCount(Math.min(bot.done + 1, bot.of))}`, html`${placeOf(bot)} ${progressOf(bot)}`)}
    ${fact('Next line', bot.next === undefined ? 'none' : away(now, bot.next, { due: true }), bot.next === undefined ? 'no slot is known' : atClock(bot.next, bot.timezone, now))}
    ${fact('Last post', when, last ? atClock(last.at, bot.timezone, now) : 'its first is still to come')}
    ${fact('Posts', showCount(posts), `${showCount(spent.postsToday)} today`)}
  </dl>`;
}

function poemOf({ poem }: BotDetails): Html {
  if (!poem) return html`<p class="more">It cannot be read now.</p>`;
  const { lines, of, earlier, later } = poem;
  const [first, last] = [lines[0]?.number ?? 1, lines.at(-1)?.number ?? 0];
  const items = lines.map(
    ({ number, text, is }) =>
      html`<li
        id="l-${number}"
        value="${number}"
        class="${is.replace(' ', '-')}"
        ${is === 'next' && html`aria-current="step"`}
      >
        <span dir="auto" lang="">${text}</span>${is === 'next' && html` <em>next</em>`}
      </li>`,
  );
  const isAtPlace = lines.length === of || lines.some(({ is }) => is === 'next');
  return html`${earlier !== undefined && partLink(`?line=${earlier}`, `Earlier: lines 1 to ${showCount(first - 1)}`)}
    <ol class="verses" start="${first}" role="list" aria-label="Lines ${first} to ${last} of ${of}">
      ${items}
    </ol>
    ${later !== undefined && partLink(`?line=${later}`, `Later: lines ${showCount(later)} to ${showCount(of)}`)}
    ${!isAtPlace && partLink('?', 'Around its place')}`;
}

const partLink = (query: string, text: string): Html =>
  html`<p class="more"><a href="${query}#poem" data-filter>${text}</a></p>`;

function nextLinesOf({ bot, next, poem }: BotDetails, now: string): Html {
  if (next.length > 0)
    return html`<ol class="upcoming tall" role="list">
      ${next.map(
        (post) =>
          html`<li>
            <p class="by">
              ${away(now, post.at, { due: true })}, ${atClock(post.at, bot.timezone, now)},
              ${linesInWords(post.line, post.lines)}
            </p>
            <p class="words" dir="auto" lang="">${post.text}</p>
          </li>`,
      )}
    </ol>`;
  const line = poem?.lines.find(({ is }) => is === 'next');
  if (!line) return html`<p class="more">None is to come.</p>`;
  return html`<p class="by">line ${line.number}, when it posts again</p>
    <p class="words" dir="auto" lang="">${line.text}</p>`;
}

function scheduleOf({ settings, offset }: BotDetails): Html {
  if (!settings) return html`<p class="more">Its settings are not known.</p>`;
  const { schedule, timezone, spread, missed, atEnd, unit } = settings;
  const words = scheduleInWords(schedule);
  const later = spread > 0 ? `, each ${duration(offset)} later by its spread of ${duration(spread)}` : '';
  return html`<p>${words}${later}, by the clock of ${timezone}.</p>
    <p class="more">
      ${words !== schedule && html`<code>${schedule}</code>. `}${missedInWords[missed]}
      ${atEnd === 'loop' ? 'At its end the poem begins again.' : 'At the end of the poem it stops.'}
      ${unit === 'stanza' && 'A post is a stanza.'}
    </p>`;
}

const missedInWords = {
  skip: 'Slots that are missed are left out.',
  one: 'Missed slots are made up for by one post.',
  all: 'Every missed slot is made up for.',
};

function keyOf({ bot, key, settings }: BotDetails): Html {
  if (!settings) return html`<p class="more">It has no good key: <code>keymaker doctor</code></p>`;
  const whose = bot.account === undefined ? 'an account whose name it does not have' : html`@${bot.account}`;
  const changed = key.changed === undefined ? '' : `, last changed ${dayOf(key.changed, bot.timezone)}`;
  return html`<p>For ${whose} at ${key.place}${changed}.</p>
    <p class="more">Another one: <code>keymaker reauth ${bot.bot}</code></p>`;
}

/** `22 Aug 2026` */
function dayOf(instant: string, timezone: string): string {
  const { date } = localTime(Date.parse(instant), timezone);
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(Date.parse(date));
}

/** How many events are shown at once; the reader opens those before them. */
const firstEvents = 15;

function historyOf({ bot, history, historyFrom }: BotDetails, now: string): Html {
  const entries = history.map((entry) => entryOf(entry, bot, now));
  const earlier =
    historyFrom !== undefined &&
    `Of the time before ${atClock(historyFrom, bot.timezone, now)} only posts are known.`;
  return html`${note('no-history', history.length === 0 && 'Nothing has happened yet.')}
  ${foldedList(entries, { id: 'events', first: firstEvents, summary: 'What was before' })}
  ${note('history-from', earlier)}`;
}

function entryOf(entry: HistoryEntry, bot: BotView, now: string): Html {
  const { timezone } = bot;
  const where = onNetwork(bot);
  return html`<li data-level="${entry.level}">
    <span class="clock"
      >${entry.url === undefined ? html`${stampOf(entry.at, timezone)}` : html`<a href="${entry.url}" rel="noreferrer">${stampOf(entry.at, timezone)}<span class="unseen">, ${where}</span></a>`}</span
    >
    <p>
      ${withClocks(entry.message, (at) => atClock(at, timezone, now))}
      ${entry.text !== undefined && html`<q dir="auto" lang="">${entry.text}</q>`}
    </p>
  </li>`;
}

/** `2026-08-22 09:00`, by the bot's clock. */
function stampOf(instant: string, timezone: string): Html {
  const { date, time } = localTime(Date.parse(instant), timezone);
  return html`<time datetime="${instant}">${date} ${time}</time>`;
}

/** What is said of a bot that the flock does not have. */
export function noBotPage({ bots, keyless }: FlockView, name: string): Html {
  if (keyless.includes(name))
    return noticePage(
      'No key yet',
      `${name} has a poem and no key.`,
      html`<code>keymaker make-keys ./poems --bot=${name}</code>`,
    );
  const all = bots.map(({ bot }) => bot);
  return noticePage(
    'No such bot',
    `The flock has no bot of the name ${name}.`,
    didYouMean(name, all, `It has ${counted(all.length, 'bot')}.`),
  );
}
