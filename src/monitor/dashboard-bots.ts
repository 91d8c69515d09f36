import type { BotView, FlockView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import { bar } from './dashboard-bar.ts';
import { botControls, type FormToken } from './dashboard-controls.ts';
import { isTroubled } from './dashboard-troubles.ts';
import { atClock, away, counted, listed, ordinal, showCount, withClocks } from './dashboard-words.ts';
import type { Region } from './regions.ts';

/** A page of more bots is read by nobody. */
const mostBots = 200;

/** The bots that are shown: what is wrong first, then by name. */
export function botRegions({ bots, now }: FlockView, token: FormToken): Region[] {
  const troubled: BotView[] = [];
  const others: BotView[] = [];
  for (const bot of bots) {
    if (troubled.length === mostBots) break;
    if (isTroubled(bot)) troubled.push(bot);
    else if (others.length < mostBots) others.push(bot);
  }
  return [...troubled, ...others].slice(0, mostBots).map((bot) => {
    const id = `bot-${bot.bot}`;
    return { id, html: botOf(bot, id, now, token) };
  });
}

/** Who is not shown, or that nobody is there. */
export function botsLeft({ bots }: FlockView): Html {
  const left = Math.max(0, bots.length - mostBots);
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
const mostKeyless = 12;

/** Who has a poem, and no key to post it with. */
export function keylessOf({ keyless }: FlockView): Html {
  const [first, ...others] = keyless;
  if (first === undefined) return html`<p id="keyless" hidden></p>`;
  const left = keyless.length - mostKeyless;
  const names = keyless.slice(0, mostKeyless).map((name) => `“${name}”`);
  const all = listed(left > 0 ? [...names, counted(left, 'more bot')] : names);
  return html`<p id="keyless" class="more">
    ${all} ${others.length > 0 ? 'have' : 'has'} no key yet:
    <code>keymaker make-keys ./poems${others.length > 0 ? '' : ` --bot=${first}`}</code>
  </p>`;
}

function botOf(bot: BotView, id: string, now: string, token: FormToken): Html {
  const { bot: name, account, home, state, why } = bot;
  const isPlain = state === 'fine';
  return html`<li id="${id}" class="bot" data-state="${isTroubled(bot) ? 'wrong' : state}">
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
