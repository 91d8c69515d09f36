import { html } from 'hono/html';
import { needsSomebody, networksOf, shownState, stateCounts, states } from '../../flock/status.ts';
import { counted, listed } from '../../text.ts';
import type { Html } from '../layout.ts';
import { showCount } from './charts.ts';
import { botControls, type Control } from './controls.ts';
import {
  hintOf,
  lastPostAt,
  nameOf,
  needsRepair,
  nextOf,
  note,
  pageOf,
  placeOf,
  progressOf,
  waitOf,
} from './parts.ts';
import type { BotView, FlockView } from './snapshot.ts';

/*
 * The list of bots: which are shown, and how to find one among many. What is looked for is in the address of the page, so that
 * it works without a script, stays when the page is updated, and can be sent to somebody.
 */

type StateName = (typeof states)[number]['name'];

/** Which bots are looked for. */
export interface BotFilter {
  /** Undefined for any. */
  state: StateName | undefined;
  /** A part of the name of a bot or of its account; empty for any. */
  text: string;
}

export const everyBot: BotFilter = { state: undefined, text: '' };

const maxText = 100;

/** A state in an address: `needs-you`. */
const slugOf = (state: StateName): string => state.replaceAll(' ', '-');

/** Reads what is looked for from the address of a page. A state that there is not counts as none. */
export function parseFilter({
  state,
  q = '',
}: {
  state?: string | undefined;
  q?: string | undefined;
}): BotFilter {
  const found = states.find(({ name }) => slugOf(name) === state);
  return { state: found?.name, text: q.normalize('NFC').trim().slice(0, maxText) };
}

/** Equal for filters that find the same. */
export const filterName = ({ state, text }: BotFilter): string => `${state ?? ''} ${text.toLowerCase()}`;

/** The address of the page with a filter, from the page of the flock. */
function addressOf({ state, text }: BotFilter): string {
  const query = new URLSearchParams();
  if (state !== undefined) query.set('state', slugOf(state));
  if (text !== '') query.set('q', text);
  return query.size === 0 ? './' : `./?${query.toString()}`;
}

function botsWith(bots: readonly BotView[], text: string): readonly BotView[] {
  const wanted = text.toLowerCase().replace(/^@/, '');
  if (wanted === '') return bots;
  return bots.filter(
    ({ bot, account }) => bot.includes(wanted) || account?.toLowerCase().includes(wanted) === true,
  );
}

/** How many bots are shown at most: at first, and of those that are looked for. */
const maxBots = { first: 60, found: 200 };

const maxOf = (filter: BotFilter): number =>
  filterName(filter) === filterName(everyBot) ? maxBots.first : maxBots.found;

/** The bots that are looked for: those that need a person first, then those that check their timelines, then by name. */
function found({ bots }: Pick<FlockView, 'bots'>, { state, text }: BotFilter): BotView[] {
  const rank = (bot: BotView): number => (needsRepair(bot) ? 0 : 1) + (needsSomebody(bot) ? 0 : 1);
  return botsWith(bots, text)
    .filter((bot) => state === undefined || shownState(bot).name === state)
    .toSorted((a, b) => rank(a) - rank(b));
}

/** The list with its search. */
export function botListOf(view: FlockView, filter: BotFilter, control: Control): Html {
  const shown = found(view, filter);
  const look = { now: view.now, isMixed: networksOf(view.bots).length > 1 };
  return html`${view.bots.length > 1 && searchOf(view, filter, shown.length)}
    <ul id="bots" class="bots" role="list">
      ${shown.slice(0, maxOf(filter)).map((bot) => botOf(bot, look, filter, control))}
    </ul>
    ${botsLeft(view, filter, shown.length)} ${keylessOf(view)}`;
}

function searchOf(view: FlockView, filter: BotFilter, shown: number): Html {
  const { state, text } = filter;
  const matching = botsWith(view.bots, text);
  const said = filterName(filter) === filterName(everyBot) ? '' : `${counted(shown, 'bot')} found.`;
  return html`<div class="finder">
    <form id="find" role="search" method="get" action="./#roll">
      ${state !== undefined && html`<input type="hidden" name="state" value="${slugOf(state)}" />`}
      <label for="q" class="unseen">Find a bot by its name or account</label>
      <input
        id="q"
        type="search"
        name="q"
        value="${text}"
        maxlength="${maxText}"
        placeholder="Find a bot"
        aria-keyshortcuts="/"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />
      <button class="unless-live">Find</button>
    </form>
    <nav aria-label="By state">
      <ul role="list" class="filters">
        ${filterLink('all', undefined, matching.length, filter)}
        ${stateCounts(matching).map(({ state: { name }, count }) => filterLink(name, name, count, filter))}
      </ul>
    </nav>
    <p id="found" class="unseen" role="status">${said}</p>
  </div>`;
}

const filterLink = (name: string, state: StateName | undefined, count: number, filter: BotFilter): Html =>
  html`<li>
    <a
      id="filter-${state === undefined ? 'all' : slugOf(state)}"
      href="${addressOf({ ...filter, state })}#roll"
      data-filter
      ${filter.state === state && html`aria-current="true"`}
      >${name} <span>${showCount(count)}</span></a
    >
  </li>`;

/** What is to be said below the list: how many bots are not shown, or why there is none. */
function botsLeft({ bots }: FlockView, filter: BotFilter, shown: number): Html {
  const { state, text } = filter;
  if (bots.length === 0)
    return note(
      'bots-left',
      html`The flock has no bot yet. Put a poem into <code>poems/</code>, then get its key:
        <code>keymaker make-keys ./poems</code>. A flockd that runs takes it up by itself.
        <a href="manual/guide">The guide</a>`,
    );
  if (shown === 0) {
    const one = states.find(({ name }) => name === state)?.one;
    const which = text === '' || one === undefined ? one : `that ${one}`;
    const what = text === '' ? '' : html` has “${text}” in its name or account`;
    return note(
      'bots-left',
      html`No bot ${which}${what}. <a href="./#roll" data-filter>Show all ${showCount(bots.length)}</a>`,
    );
  }
  const left = shown - maxOf(filter);
  return note('bots-left', left > 0 && html`and ${counted(left, 'more bot')}: find them by name or by state`);
}

const maxKeyless = 12;

function keylessOf({ keyless }: FlockView): Html {
  const left = keyless.length - maxKeyless;
  const names = keyless.slice(0, maxKeyless).map((name) => `“${name}”`);
  const all = listed(left > 0 ? [...names, counted(left, 'more bot')] : names);
  const [have, flag] = keyless.length > 1 ? ['have', ''] : ['has', ` --bot=${keyless[0] ?? ''}`];
  const said = html`${all} ${have} no key yet: <code>keymaker make-keys ./poems${flag}</code>`;
  return note('keyless', keyless.length > 0 && said);
}

/** @param isMixed - whether the flock posts to several networks */
function botOf(
  bot: BotView,
  { now, isMixed }: { now: string; isMixed: boolean },
  filter: BotFilter,
  control: Control,
): Html {
  const [network] = isMixed ? networksOf([bot]) : [];
  const { bot: name, account, home } = bot;
  const { name: state, severity, meaning } = shownState(bot);
  // Otherwise it is above, where everything is that needs a person.
  const withReason = severity !== 'wrong' || filter.state === state;
  return html`<li id="bot-${name}" class="bot" data-severity="${severity}">
    <div class="who">
      <h3><a href="${pageOf(name)}">${name}</a></h3>
      ${account !== undefined && nameOf(account, home)}
      ${network && html`<span class="network">${network.title}</span>`}
    </div>
    <p class="when">
      ${severity === 'good' ? nextOf(bot, now) : html`<span class="state" title="${meaning}">${state}</span>`}
    </p>
    ${progressOf(bot)}
    <div class="row">
      <p class="place">${placeOf(bot)}<span class="last">${lastOf(bot, now)}</span></p>
      ${botControls(bot, control)}
    </div>
    ${withReason && reasonIn(bot, now)} ${withReason && severity !== 'rest' && hintOf(bot)}
  </li>`;
}

function reasonIn(bot: BotView, now: string): Html | false {
  const wait = waitOf(bot, now);
  return wait !== undefined && html`<p class="why">${wait}</p>`;
}

const lastOf = (bot: BotView, now: string): Html | string =>
  bot.last ? html`last ${lastPostAt(bot, bot.last, now)}` : 'no post yet';
