import { html } from 'hono/html';
import { networksOf, reasonOf, shownState } from '../../flock/status.ts';
import { counted, withClocks } from '../../text.ts';
import { awayFrom } from '../browser/away.ts';
import { type Html, layout } from '../layout.ts';
import { bar, formatIn, showCount } from './charts.ts';
import type { BotView, FlockView } from './snapshot.ts';

/*
 * What the page of the flock and those of its bots share: the frame of a page, times, and how a bot is described.
 */

/** The frame of a page. */
interface Frame {
  /** Of the tab, without the count of bots in trouble. */
  title: string;
  /** The way to the page of the flock: empty, or `../`. */
  root: '' | '../';
  version: string;
  edition: string;
}

/** A whole page that is kept up to date. @param main - its `main` */
export function liveLayout(view: FlockView, { title, root, version, edition }: Frame, main: Html): Html {
  const troubled = view.bots.filter(needsRepair).length;
  return layout(
    {
      title: troubled > 0 ? `(${showCount(troubled)}) ${title}` : title,
      program: 'flockd',
      style: `${root}dashboard.css`,
      script: `${root}dashboard.js`,
      icon: html`<link rel="icon" href="${iconOf(troubled)}" data-lost="${lostIcon}" />`,
      attributes: html`data-version="${version}" data-edition="${edition}" data-now="${view.now}"
      data-timezone="${view.timezone}"`,
    },
    html`<header class="masthead">
        ${root === '' ? html`<h1>flockd <span class="unseen">: the flock</span></h1>` : html`<p class="home"><a href="${root}">flockd</a></p>`}
        <p class="live" id="live" data-live="no">as of ${atClock(view.now, view.timezone, view.now)}</p>
      </header>
      ${main}
      <p id="notice" class="notice" role="status"></p>
      <footer class="colophon">
        <p>
          flockd ${view.version}. Days and months by the clock of ${view.timezone}.
          <a href="${root}manual">The manual</a>
        </p>
      </footer>`,
  );
}

/** The icon of a tab: three lines of verse, and how many bots need a person. */
function iconOf(troubled: number): string {
  if (troubled === 0) return svg('#2a5b61', '');
  const count = troubled > 9 ? '9+' : String(troubled);
  return svg(
    '#2a5b61',
    `<circle cx="22" cy="10" r="10" fill="#c8321b"/><text x="22" y="14.5" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="${troubled > 9 ? 11 : 13}" fill="#fff">${count}</text>`,
  );
}

const svg = (ground: string, badge: string): string =>
  `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="1" y="3" width="28" height="28" rx="6" fill="${ground}"/><path d="M7 12h16M7 18h12M7 24h7" stroke="#faf7f1" stroke-width="3" stroke-linecap="round"/>${badge}</svg>`,
  )}`;

const lostIcon = svg('#77716a', '<circle cx="22" cy="10" r="9" fill="#c8321b"/>');

export const section = (name: string, title: string, content: Html): Html =>
  html`<section class="${name}" id="${name}" aria-labelledby="${name}-name">
    <h2 id="${name}-name">${title}</h2>
    ${content}
  </section>`;

/** A paragraph that is always on the page, hidden where it says nothing. */
export const note = (id: string, content: Html | string | false): Html =>
  content === false ? html`<p id="${id}" hidden></p>` : html`<p id="${id}" class="more">${content}</p>`;

/** A page that says something instead of what was asked for. @param hint - what the person can do about it */
export const noticePage = (title: string, text: string, hint?: Html | string): Html =>
  layout(
    { title, program: 'flockd', style: '../dashboard.css' },
    html`<main class="message">
      <h1>${title}</h1>
      <p>${text}</p>
      ${hint !== undefined && html`<p>${hint}</p>`}
      <p><a class="button" href="../">Back to the flock</a></p>
    </main>`,
  );

/** A list of which the first items are shown; the reader opens the others. @param id - of the first part, and the class of both */
export const foldedList = (
  items: readonly Html[],
  { id, first, summary }: { id: string; first: number; summary: string },
): Html =>
  html`<ol id="${id}" class="${id}" role="list">
      ${items.slice(0, first)}
    </ol>
    <details id="before">
      <summary>${summary}</summary>
      <ol id="earlier" class="${id}" role="list">
        ${items.slice(first)}
      </ol>
    </details>`;

/** Whether nothing but a person lets a bot post again. */
export const needsRepair = (bot: BotView): boolean => shownState(bot).name === 'needs you';

/** The address of a bot's page, from the page of the flock. */
export const pageOf = (bot: string): string => `bots/${encodeURIComponent(bot)}`;

/** Why a bot is in its state, by its own clock; undefined where there is nothing to say. */
export function whyOf(bot: BotView, now: string): string | undefined {
  const { why } = reasonOf(bot);
  return why === undefined ? undefined : withClocks(why, (at) => atClock(at, bot.timezone, now));
}

/** The same, and when it posts next if it only waits. */
export function waitOf(bot: BotView, now: string): Html | undefined {
  const why = whyOf(bot, now);
  const next = bot.next !== undefined && bot.state === 'waiting' && html`; next ${nextOf(bot, now)}`;
  return why === undefined ? undefined : html`${why}${next}`;
}

export const hintOf = (bot: BotView): Html | false => {
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

export const nameOf = (account: string, home: string | undefined): Html =>
  home === undefined
    ? html`<span class="account">@${account}</span>`
    : html`<a class="account" href="${home}" rel="noreferrer">@${account}</a>`;

/** When a bot posts next, relative to now and by its clock. */
export function nextOf({ next, timezone }: BotView, now: string): Html | string {
  if (next === undefined) return 'no slot ahead';
  const clock = atClock(next, timezone, now);
  return html`${away(now, next, { due: true })}, <span class="clock">${clock}</span>`;
}

const linesDone = ({ done, of }: BotView): string => `${showCount(done)} of ${counted(of, 'line')}`;

export function progressOf(bot: BotView): Html | false {
  const label = `${bot.bot}’s place in its poem`;
  const [value, max] = [bot.done, bot.of];
  return max > 0 && bar({ role: 'progressbar', label, value, max, text: linesDone(bot) });
}

export function placeOf(bot: BotView): string {
  const { of, pass, state } = bot;
  if (of === 0) return 'its poem is not known';
  const place = state === 'finished' ? `all ${counted(of, 'line')}` : linesDone(bot);
  return pass === 1 ? place : `${place}, ${ordinal(pass)} reading`;
}

/** Where posts are seen: `on X`. */
export const onNetwork = (bot: Pick<BotView, 'network'>): string => {
  const [network] = networksOf([bot]);
  return network ? `on ${network.title}` : 'on its network';
};

/** When a post was made, with a link to it where its address is known. @param where - as in {@link onNetwork} */
export function postedAt(
  { at, url }: { at: string; url?: string | undefined },
  now: string,
  where: string,
): Html {
  const time = away(now, at);
  return url === undefined
    ? time
    : html`<a href="${url}" rel="noreferrer">${time}<span class="unseen">, ${where}</span></a>`;
}

/** When a bot has posted last, with a link to that post. */
export const lastPostAt = (bot: BotView, last: NonNullable<BotView['last']>, now: string): Html =>
  postedAt(last, now, `line ${last.line} ${onNetwork(bot)}`);

export const fact = (name: string, value: Html | string, more: Html | string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}<small>${more}</small></dd>
  </div>`;

/** An instant, relative to the reader's clock. @param due - something is to happen then, though it may be late */
export function away(now: string, instant: string, { due = false } = {}): Html {
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

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
