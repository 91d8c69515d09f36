import { createHash } from 'node:crypto';
import { html } from 'hono/html';
import { inMicros, showUsd } from '../../cost.ts';
import { needsCare, needsSomebody } from '../../flock/status.ts';
import { type BotView, type FlockView, type PostView, shownDays } from '../../flock/view.ts';
import { type Html, layout } from '../layout.ts';
import { calendarOf, calendarParts, spendingOf } from './charts.ts';
import {
  atClock,
  away,
  bar,
  capital,
  counted,
  inWords,
  lastDayBefore,
  listed,
  ordinal,
  showCount,
  withClocks,
} from './format.ts';

/** What a form of the page must carry where the page may do anything; undefined where it only shows. */
type FormToken = string | undefined;

/** What a person can tell one bot. */
export const botOrders = ['post', 'pause', 'resume'] as const;
type BotOrder = (typeof botOrders)[number];

const names: Record<BotOrder, string> = { post: 'Post now', pause: 'Pause', resume: 'Resume' };

/** The buttons of one bot: those that do something as it stands. */
function botControls(bot: BotView, token: FormToken): Html | undefined {
  const orders = token === undefined ? [] : ordersFor(bot);
  if (token === undefined || orders.length === 0) return undefined;
  return html`<div class="controls">
    ${orders.map((order) => form(`bots/${order}`, names[order], token, bot))}
  </div>`;
}

/**
 * A bot's place as its form has it: `2.14` is line 14 of the second reading. An order to post is for that line, so that it is
 * posted once, however often somebody clicks.
 */
export const placeName = (pass: number, done: number): string => `${pass}.${done + 1}`;

function ordersFor({ state, pausedSince, needsKey }: BotView): readonly BotOrder[] {
  if (needsKey) return [];
  if (pausedSince !== undefined || state === 'parked') return ['resume'];
  if (['fine', 'waiting'].includes(state)) return ['post', 'pause'];
  return ['in doubt', 'looking'].includes(state) ? ['pause'] : [];
}

/** The button that stops the whole flock, or lets it go on. */
function flockControls({ flock, bots }: FlockView, token: FormToken): Html | undefined {
  if (token === undefined || bots.length === 0) return undefined;
  const [order, name] = flock.stopped ? ['resume', 'Let the flock go on'] : ['pause', 'Pause the flock'];
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

/** So many bots are told of one by one. */
const maxTold = 12;

/** Whether something about a bot should be looked at. One that looks for its place needs nobody while flockd runs. */
const isTroubled = (bot: BotView): boolean => bot.state !== 'looking' && needsSomebody(bot);

/** What is wrong and how to repair it; nothing where nothing is. */
export function troublesOf({ bots, flock, timezone, now }: FlockView): Html {
  const troubled = bots.filter(isTroubled);
  const isWell = troubled.length === 0 && !flock.stopped;
  if (isWell) return html`<section id="troubles" class="troubles" hidden></section>`;
  const left = troubled.length - maxTold;
  return html`<section id="troubles" class="troubles" aria-labelledby="troubles-name">
    <h2 id="troubles-name">Needs you</h2>
    <ul role="list">
      ${flock.stopped && stoppedTrouble}
      ${troubled.slice(0, maxTold).map((bot) => troubleOf(bot, { timezone, now }))}
    </ul>
    ${left > 0 && html`<p class="more">and ${counted(left, 'more bot')}; <code>flockd status</code> lists them</p>`}
  </section>`;
}

const stoppedTrouble = html`<li>
  <p><strong>The whole flock</strong> is stopped: nobody posts.</p>
  <p class="hint"><code>flockd resume</code> lets it go on</p>
</li>`;

const troubleOf = (
  { bot, state, why, hint, schedule }: BotView,
  { timezone, now }: Pick<FlockView, 'timezone' | 'now'>,
): Html =>
  html`<li>
    <p>
      <a href="#bot-${bot}"><strong>${bot}</strong></a>
      ${predicates[state]}${why !== undefined && `: ${withClocks(why, schedule?.timezone ?? timezone, now)}`}
    </p>
    ${hint !== undefined && html`<p class="hint">${withCommands(hint, bot)}</p>`}
  </li>`;

const predicates: Record<BotView['state'], string> = {
  new: 'is new',
  fine: 'is fine',
  waiting: 'waits',
  'in doubt': 'is in doubt',
  looking: 'looks for its place',
  parked: 'is parked',
  paused: 'is paused',
  stopped: 'is stopped',
  finished: 'has finished',
  unfit: 'cannot post',
};

const verbs = 'reauth|make-keys|doctor|resume|resolve|pause|post|status|reload|run';

/** A hint, with the commands in it set as such. */
function withCommands(hint: string, bot: string): Html[] {
  const command = new RegExp(
    `((?:flockd|keymaker) (?:${verbs})(?: \\./poems)?(?: --bot)?(?: ${bot})?(?:(?: \\|)? --[a-z-]+(?: \\d+)?)*)(?![a-z])`,
  );
  return hint
    .split(command)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

/** A page of more bots is read by nobody. */
const maxBots = 200;

/** The bots that are shown: what is wrong first, then by name. */
export function botItems({ bots, now }: FlockView, token: FormToken): Html[] {
  const troubled: BotView[] = [];
  const others: BotView[] = [];
  for (const bot of bots) {
    if (troubled.length === maxBots) break;
    if (isTroubled(bot)) troubled.push(bot);
    else if (others.length < maxBots) others.push(bot);
  }
  return [...troubled, ...others].slice(0, maxBots).map((bot) => botOf(bot, now, token));
}

/** Who is not shown, or that nobody is there. */
export function botsLeft({ bots }: FlockView): Html {
  const left = Math.max(0, bots.length - maxBots);
  if (bots.length === 0)
    return html`<p id="bots-left" class="more">
      Nobody is in the flock: <code>keymaker make-keys ./poems</code> makes the bots their keys.
    </p>`;
  if (left === 0) return html`<p id="bots-left" hidden></p>`;
  return html`<p id="bots-left" class="more">
    and ${counted(left, 'more bot')}; <code>flockd status</code> lists them all
  </p>`;
}

/** So many bots without a key are named. */
const maxKeyless = 12;

/** Who has a poem, and no key to post it with. */
function keylessOf({ keyless }: FlockView): Html {
  const [first, ...others] = keyless;
  if (first === undefined) return html`<p id="keyless" hidden></p>`;
  const left = keyless.length - maxKeyless;
  const names = keyless.slice(0, maxKeyless).map((name) => `“${name}”`);
  const all = listed(left > 0 ? [...names, counted(left, 'more bot')] : names);
  return html`<p id="keyless" class="more">
    ${all} ${others.length > 0 ? 'have' : 'has'} no key yet:
    <code>keymaker make-keys ./poems${others.length > 0 ? '' : ` --bot=${first}`}</code>
  </p>`;
}

function botOf(bot: BotView, now: string, token: FormToken): Html {
  const { bot: name, account, home, state, why } = bot;
  const isPlain = state === 'fine';
  return html`<li id="bot-${name}" class="bot" data-state="${isTroubled(bot) ? 'wrong' : state}">
    <div class="who">
      <h3>${name}</h3>
      ${account !== undefined && nameOf(account, home)}
    </div>
    <p class="when">
      ${isPlain || state === 'new' ? nextOf(bot, now) : html`<span class="state">${state}</span>`}
    </p>
    ${progressOf(bot)}
    <p class="place">${placeOf(bot)}</p>
    <p class="last">${lastOf(bot, now)}</p>
    ${!isPlain && why !== undefined && !isTroubled(bot) && html`<p class="why">${withClocks(why, bot.schedule?.timezone ?? 'UTC', now)}${bot.next !== undefined && html`; next ${nextOf(bot, now)}`}</p>`}
    ${botControls(bot, token)}
  </li>`;
}

const nameOf = (account: string, home: string | undefined): Html =>
  home === undefined
    ? html`<span class="account">@${account}</span>`
    : html`<a class="account" href="${home}" rel="noreferrer">@${account}</a>`;

function nextOf({ next, schedule }: BotView, now: string): Html | string {
  if (next === undefined) return 'no slot ahead';
  if (!schedule) return away(now, next, { due: true });
  const clock = atClock(next, schedule.timezone, now);
  return html`${away(now, next, { due: true })}, <span class="clock">${clock}</span>`;
}

const progressOf = ({ bot, done, of }: BotView): Html | false =>
  of > 0 &&
  bar({
    role: 'progressbar',
    label: `${bot}’s place in its poem`,
    value: done,
    most: of,
    text: `${showCount(done)} of ${counted(of, 'line')}`,
  });

function placeOf({ done, of, pass, state }: BotView): string {
  if (of === 0) return 'its poem is not known';
  const place =
    state === 'finished' ? `all ${counted(of, 'line')}` : `${showCount(done)} of ${counted(of, 'line')}`;
  return pass === 1 ? place : `${place}, ${ordinal(pass)} reading`;
}

function lastOf({ last }: BotView, now: string): Html | string {
  if (!last) return 'no post yet';
  const { at, url, line } = last;
  if (url === undefined) return html`last ${away(now, at)}`;
  return html`last
    <a href="${url}" rel="noreferrer">${away(now, at)}<span class="unseen">, line ${line} on X</span></a>`;
}

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
  ...predicates,
  new: 'is about to begin',
  fine: 'is reading',
  finished: 'has finished its poem',
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

/** The last posts, each as it reads; newest first. */
export const lineItems = ({ recent, now }: FlockView): Html[] => recent.map((post) => lineOf(post, now));

function lineOf({ bot, at, line, lines, text, url }: PostView, now: string): Html {
  const place = lines === 1 ? `line ${line}` : `lines ${line} to ${line + lines - 1}`;
  return html`<li id="line-${bot}-${Date.parse(at)}">
    ${
      text === undefined
        ? html`<p class="gone">A line that is not in the poem any more.</p>`
        : html`<blockquote dir="auto" lang="">${text}</blockquote>`
    }
    <p class="by">
      <cite>${bot}</cite>, ${place},
      ${url === undefined ? away(now, at) : html`<a href="${url}" rel="noreferrer">${away(now, at)}<span class="unseen">, on X</span></a>`}
    </p>
  </li>`;
}

/** Lines that are shown at once; those before them, where somebody wants them. */
const firstLines = 7;

const noLines = ({ recent }: FlockView): Html =>
  recent.length > 0
    ? html`<p id="no-lines" hidden></p>`
    : html`<p id="no-lines" class="more">No line has been posted yet. The first will stand here.</p>`;

interface DashboardPage {
  /** Different where something else is to be seen. */
  version: string;
  html: string;
}

/**
 * The whole page.
 *
 * @param token - what its forms carry, where it has any
 * @param edition - tells this page's script and style from those of another flockd
 */
export async function dashboardPage(
  view: FlockView,
  { token, edition }: { token: FormToken; edition: string },
): Promise<DashboardPage> {
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
  return { version, html: String(page) };
}

/** How far away an instant is, is for the reader's clock to say: a page does not change because time passes. */
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

/** Everything on the page that changes. */
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
        html`${noLines(view)}
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
        ${section('days', 'The calendar', calendarOf(calendarParts(view)))}
        ${section('spent', 'Spending', spendingOf(view))}
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

interface Notice {
  title: string;
  text: string;
  /** What the person can do about it. */
  hint?: string | undefined;
}

/** A page that only says something, for a form that led nowhere. */
export const noticePage = ({ title, text, hint }: Notice): Html =>
  layout(
    { title, program: 'flockd', style: '../dashboard.css' },
    html`<main class="message">
      <h1>${title}</h1>
      <p>${text}</p>
      ${hint !== undefined && html`<p>${hint}</p>`}
      <p><a class="button" href="../">Back to the flock</a></p>
    </main>`,
  );
