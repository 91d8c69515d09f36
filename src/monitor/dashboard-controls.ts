import type { BotView, FlockView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';

/** What a form of the page must carry where the page may do anything; undefined where it only shows. */
export type FormToken = string | undefined;

/** What a person can tell one bot. */
export const botOrders = ['post', 'pause', 'resume'] as const;
export type BotOrder = (typeof botOrders)[number];

const names: Record<BotOrder, string> = { post: 'Post now', pause: 'Pause', resume: 'Resume' };

/** The buttons of one bot: those that do something as it stands. */
export function botControls(bot: BotView, token: FormToken): Html | undefined {
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
export function flockControls({ flock, bots }: FlockView, token: FormToken): Html | undefined {
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
