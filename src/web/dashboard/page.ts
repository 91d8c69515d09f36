import { createHash } from 'node:crypto';
import { html } from 'hono/html';
import { inMicros, showUsd } from '../../cost.ts';
import { needsSomebody, reasonOf, shownState, stateCounts } from '../../flock/status.ts';
import { counted, listed } from '../../text.ts';
import { awayFrom } from '../browser/away.ts';
import { type Html, layout } from '../layout.ts';
import { bar, calendarOf, formatIn, lastDayBefore, showCount, spendingOf } from './charts.ts';
import { shownDays } from './forecast.ts';
import type { BotView, FlockView } from './snapshot.ts';

/** What a form of the page must carry where the page may do anything; undefined where it only shows. */
type FormToken = string | undefined;

/** What the page can order one bot to do. */
export const botOrders = ['post', 'pause', 'resume'] as const;
type BotOrder = (typeof botOrders)[number];

const orderNames: Record<BotOrder, string> = { post: 'Post now', pause: 'Pause', resume: 'Resume' };

/** The buttons of one bot that have an effect as it stands. */
function botControls(bot: BotView, token: FormToken): Html | undefined {
  const orders = ordersFor(bot);
  if (token === undefined || orders.length === 0) return undefined;
  const forms = orders.map((order) => form(`bots/${order}`, orderNames[order], token, bot));
  return html`<div class="controls">${forms}</div>`;
}

/**
 * A bot's place as its form has it: `2.14` is line 14 of the second reading. An order to post is for that line, so that
 * several clicks post it once.
 */
export const placeName = (pass: number, done: number): string => `${pass}.${done + 1}`;

function ordersFor(bot: BotView): readonly BotOrder[] {
  if (bot.needsKey) return [];
  if (bot.pausedSince !== undefined || bot.state === 'parked') return ['resume'];
  if (['fine', 'waiting'].includes(bot.state)) return ['post', 'pause'];
  return shownState(bot).name === 'checking' ? ['pause'] : [];
}

function flockControls({ flock, bots }: FlockView, token: FormToken): Html | undefined {
  if (token === undefined || bots.length === 0) return undefined;
  const [order, name] = flock.stopped ? ['resume', 'Resume the flock'] : ['pause', 'Pause the flock'];
  return html`<div class="controls">${form(`flock/${order}`, name, token)}</div>`;
}

const form = (action: string, name: string, token: string, bot?: BotView): Html =>
  html`<form method="post" action="${action}">
    <input type="hidden" name="csrf" value="${token}" />
    ${
      bot &&
      html`<input type="hidden" name="bot" value="${bot.bot}" />
        <input type="hidden" name="place" value="${placeName(bot.pass, bot.done)}" />`
    }
    <button>${name}${bot && html`<span class="unseen"> (${bot.bot})</span>`}</button>
  </form>`;

const maxTroubles = 12;

const needsRepair = (bot: BotView): boolean => shownState(bot).name === 'needs you';

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
    ${left > 0 && html`<p class="more">and ${counted(left, 'more bot')}; <code>flockd status</code> lists them</p>`}
  </section>`;
}

const stoppedTrouble = html`<li>
  <p><strong>The whole flock</strong> is paused: no bot posts.</p>
  <p class="hint"><code>flockd resume</code> resumes it</p>
</li>`;

const troubleOf = (bot: BotView, now: string): Html =>
  html`<li>
    <p>
      <a href="#bot-${bot.bot}"><strong>${bot.bot}</strong></a
      >: ${withClocks(bot.why ?? shownState(bot).meaning, bot.timezone, now)}
    </p>
    ${hintOf(bot)}
  </li>`;

const hintOf = (bot: BotView): Html | false => {
  const { hint } = reasonOf(bot);
  return hint !== undefined && html`<p class="hint">${withCommands(hint, bot.bot)}</p>`;
};

const verbs = 'reauth|make-keys|doctor|resume|resolve|pause|post|status|reload|run';

function withCommands(hint: string, bot: string): Html[] {
  const command = new RegExp(
    `((?:flockd|keymaker) (?:${verbs})(?: \\./poems)?(?: --bot)?(?: ${bot})?(?:(?: \\|)? --[a-z-]+(?: \\d+)?)*)(?![a-z])`,
  );
  return hint
    .split(command)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

const maxBots = 200;

/** The bots that are shown: those that need a person first, then those that check their timelines, then by name. */
export function botItems({ bots, now }: FlockView, token: FormToken): Html[] {
  const rank = (bot: BotView): number => (needsRepair(bot) ? 0 : 1) + (needsSomebody(bot) ? 0 : 1);
  return bots
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, maxBots)
    .map((bot) => botOf(bot, now, token));
}

/** How many bots are not shown, or that there are none. */
export function botsLeft({ bots }: FlockView): Html {
  const left = bots.length - maxBots;
  const none = html`The flock has no bot yet: <code>keymaker make-keys ./poems</code> makes the keys.`;
  if (bots.length === 0) return note('bots-left', none);
  const more = html`and ${counted(left, 'more bot')}; <code>flockd status</code> lists them all`;
  return note('bots-left', left > 0 && more);
}

/** A paragraph that is always on the page, hidden where it says nothing. */
const note = (id: string, content: Html | string | false): Html =>
  content === false ? html`<p id="${id}" hidden></p>` : html`<p id="${id}" class="more">${content}</p>`;

const maxKeyless = 12;

function keylessOf({ keyless }: FlockView): Html {
  const left = keyless.length - maxKeyless;
  const names = keyless.slice(0, maxKeyless).map((name) => `“${name}”`);
  const all = listed(left > 0 ? [...names, counted(left, 'more bot')] : names);
  const [have, flag] = keyless.length > 1 ? ['have', ''] : ['has', ` --bot=${keyless[0] ?? ''}`];
  const said = html`${all} ${have} no key yet: <code>keymaker make-keys ./poems${flag}</code>`;
  return note('keyless', keyless.length > 0 && said);
}

function botOf(bot: BotView, now: string, token: FormToken): Html {
  const { bot: name, account, home } = bot;
  const { name: state, severity, meaning } = shownState(bot);
  return html`<li id="bot-${name}" class="bot" data-severity="${severity}">
    <div class="who">
      <h3>${name}</h3>
      ${account !== undefined && nameOf(account, home)}
    </div>
    <p class="when">
      ${severity === 'good' ? nextOf(bot, now) : html`<span class="state" title="${meaning}">${state}</span>`}
    </p>
    ${progressOf(bot)}
    <p class="place">${placeOf(bot)}</p>
    <p class="last">${lastOf(bot, now)}</p>
    ${severity !== 'wrong' && whyOf(bot, now)} ${severity === 'soon' && hintOf(bot)}
    ${botControls(bot, token)}
  </li>`;
}

function whyOf(bot: BotView, now: string): Html | false {
  const { why } = reasonOf(bot);
  const next = bot.next !== undefined && bot.state === 'waiting' && html`; next ${nextOf(bot, now)}`;
  return why !== undefined && html`<p class="why">${withClocks(why, bot.timezone, now)}${next}</p>`;
}

const nameOf = (account: string, home: string | undefined): Html =>
  home === undefined
    ? html`<span class="account">@${account}</span>`
    : html`<a class="account" href="${home}" rel="noreferrer">@${account}</a>`;

function nextOf({ next, timezone }: BotView, now: string): Html | string {
  if (next === undefined) return 'no slot ahead';
  const clock = atClock(next, timezone, now);
  return html`${away(now, next, { due: true })}, <span class="clock">${clock}</span>`;
}

const linesDone = ({ done, of }: BotView): string => `${showCount(done)} of ${counted(of, 'line')}`;

function progressOf(bot: BotView): Html | false {
  const label = `${bot.bot}’s place in its poem`;
  const [value, max] = [bot.done, bot.of];
  return max > 0 && bar({ role: 'progressbar', label, value, max, text: linesDone(bot) });
}

function placeOf(bot: BotView): string {
  const { of, pass, state } = bot;
  if (of === 0) return 'its poem is not known';
  const place = state === 'finished' ? `all ${counted(of, 'line')}` : linesDone(bot);
  return pass === 1 ? place : `${place}, ${ordinal(pass)} reading`;
}

const lastOf = ({ last }: BotView, now: string): Html | string =>
  last ? html`last ${postedAt(last, now, `line ${last.line} on X`)}` : 'no post yet';

/** When a post was made, with a link to it where its address is known. */
function postedAt({ at, url }: { at: string; url: string | undefined }, now: string, where: string): Html {
  const time = away(now, at);
  return url === undefined
    ? time
    : html`<a href="${url}" rel="noreferrer">${time}<span class="unseen">, ${where}</span></a>`;
}

/** The flock in a sentence or two. */
export function summaryOf({ bots, flock }: FlockView): string {
  const [only] = bots;
  if (!only) return 'No bot is posting yet.';
  if (flock.stopped) return 'The flock is paused, and posts nothing.';
  if (bots.length === 1) return `${only.bot} ${shownState(only).one}.`;
  const counts = stateCounts(bots);
  const posting = counts.find(({ state }) => state.name === 'posting')?.count ?? 0;
  const all = inWords(bots.length);
  if (posting === bots.length) return `All ${all} bots are posting.`;
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

const fact = (name: string, value: Html | string, more: Html | string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}<small>${more}</small></dd>
  </div>`;

function nextFact({ bots, now, days }: FlockView): Html {
  let first: { bot: string; next: string; timezone: string } | undefined;
  for (const { bot, next, timezone } of bots)
    if (next !== undefined && (!first || next < first.next)) first = { bot, next, timezone };
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

function monthFact({ flock, timezone }: FlockView): Html {
  const { usdPerMonth } = flock.budget;
  const until = `until ${lastDayBefore(flock.monthEnds, timezone)}`;
  const more = usdPerMonth === undefined ? until : `of ${showUsd(inMicros(usdPerMonth))} ${until}`;
  return fact('This month', showUsd(inMicros(flock.spent.usdMonth)), more);
}

function botsFact({ bots }: FlockView): Html {
  const parts = stateCounts(bots).map(
    ({ state, count }, index) =>
      html`${index > 0 && ' · '}<span data-severity="${state.severity}" title="${state.meaning}"
          >${showCount(count)} ${count > 1 && state.name === 'needs you' ? state.many : state.name}</span
        >`,
  );
  return fact('Bots', showCount(bots.length), html`<span class="counts">${parts}</span>`);
}

/** The last posts, each as it reads; newest first. */
export const lineItems = ({ recent, now }: FlockView): Html[] => recent.map((post) => lineOf(post, now));

function lineOf(post: FlockView['recent'][number], now: string): Html {
  const { bot, at, line, lines, text } = post;
  const place = lines === 1 ? `line ${line}` : `lines ${line} to ${line + lines - 1}`;
  return html`<li id="line-${bot}-${Date.parse(at)}">
    ${
      text === undefined
        ? html`<p class="gone">A line that is not in the poem any more.</p>`
        : html`<blockquote dir="auto" lang="">${text}</blockquote>`
    }
    <p class="by"><cite>${bot}</cite>, ${place}, ${postedAt(post, now, 'on X')}</p>
  </li>`;
}

/** How many lines are shown at once; the reader opens those before them. */
const firstLines = 7;

/**
 * The whole page. Its version is different for each content.
 *
 * @param token - what its forms carry, where it has any
 * @param edition - tells this page's script and style from those of another flockd
 */
export async function dashboardPage(view: FlockView, token: FormToken, edition: string) {
  const main = await mainOf(view, token);
  const version = versionOf(String(main));
  const page = await layout(
    {
      title: 'The flock',
      program: 'flockd',
      style: 'dashboard.css',
      script: 'dashboard.js',
      attributes: html`data-version="${version}" data-edition="${edition}" data-now="${view.now}"
      data-timezone="${view.timezone}"`,
    },
    html`<header class="masthead">
        <h1>flockd <span class="unseen">: the flock</span></h1>
        <p class="live" id="live" data-live="no">as of ${atClock(view.now, view.timezone, view.now)}</p>
      </header>
      ${main}
      <p id="notice" class="notice" role="status"></p>
      <footer class="colophon">
        <p>flockd ${view.version}. Days and months by the clock of ${view.timezone}.</p>
      </footer>`,
  );
  return { version, bytes: Buffer.from(String(page)) };
}

/** Without the text of times, which follows the reader's clock: a page does not change because time passes. */
const versionOf = (main: string): string =>
  createHash('sha256')
    .update(main.replaceAll(/(<time [^>]*>)[^<]*/g, '$1'))
    .digest('hex')
    .slice(0, 12);

const section = (name: string, title: string, content: Html): Html =>
  html`<section class="${name}" aria-labelledby="${name}-name">
    <h2 id="${name}-name">${title}</h2>
    ${content}
  </section>`;

function mainOf(view: FlockView, token: FormToken): Html {
  const lines = lineItems(view);
  return html`<main>
    <div class="opening">
      <p id="summary" class="summary" role="status">${summaryOf(view)}</p>
      <p id="lost" class="lost" role="status"></p>
      <div id="flock-controls">${flockControls(view, token)}</div>
    </div>
    ${troublesOf(view)} ${factsOf(view)}
    <div class="spread">
      ${section(
        'lately',
        'The last lines',
        html`${note('no-lines', lines.length === 0 && 'No line has been posted yet. The first will appear here.')}
          <ol id="lines" class="lines" role="list">
            ${lines.slice(0, firstLines)}
          </ol>
          <details id="before">
            <summary>Lines before these</summary>
            <ol id="earlier" class="lines" role="list">
              ${lines.slice(firstLines)}
            </ol>
          </details>`,
      )}
      <div class="aside">
        ${section('days', 'The calendar', calendarOf(view))} ${section('spent', 'Spending', spendingOf(view))}
      </div>
    </div>
    ${section(
      'roll',
      'The bots',
      html`<ul id="bots" class="bots" role="list">
          ${botItems(view, token)}
        </ul>
        ${botsLeft(view)} ${keylessOf(view)}`,
    )}
  </main>`;
}

/** A page that says why an order was not carried out. @param hint - what the person can do about it */
export const noticePage = (title: string, text: string, hint?: string): Html =>
  layout(
    { title, program: 'flockd', style: '../dashboard.css' },
    html`<main class="message">
      <h1>${title}</h1>
      <p>${text}</p>
      ${hint !== undefined && html`<p>${hint}</p>`}
      <p><a class="button" href="../">Back to the flock</a></p>
    </main>`,
  );

/** An instant, relative to the reader's clock. @param due - something is to happen then, though it may be late */
function away(now: string, instant: string, { due = false } = {}): Html {
  const isLate = due && instant <= now;
  const text = isLate ? 'due now' : awayFrom(Date.parse(now), Date.parse(instant));
  return html`<time datetime="${instant}" data-away="${due ? 'due' : 'done'}">${text}</time>`;
}

const day = 24 * 3_600_000;
const clock = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const;

/** An instant by the clock of a zone: `Sun 09:00 CET` within a week, `22 Dec, 09:00 CET` further away. */
export function atClock(instant: string, timeZone: string, now: string): string {
  const at = Date.parse(instant);
  const isNear = Math.abs(at - Date.parse(now)) < 6 * day;
  const format = isNear
    ? formatIn(timeZone, 'near', { weekday: 'short', ...clock })
    : formatIn(timeZone, 'far', { day: 'numeric', month: 'short', ...clock });
  return format.format(at).replace(/^(\w{3}),? /, isNear ? '$1 ' : '$&');
}

/** A text with each instant in it as {@link atClock} shows it. */
export const withClocks = (text: string, timeZone: string, now: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => atClock(instant, timeZone, now));

const words = 'no one two three four five six seven eight nine ten eleven twelve'.split(' ');

/** Small numbers as words, as a book has them. */
export const inWords = (count: number): string => words[count] ?? showCount(count);

const first = 'th first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth';
const ordinals = first.split(' ');
const endings: Record<string, string> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
const rules = new Intl.PluralRules('en', { type: 'ordinal' });

/** `third`, `23rd` */
export const ordinal = (place: number): string =>
  ordinals[place] ?? `${showCount(place)}${endings[rules.select(place)] ?? 'th'}`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
