import { inMicros, showUsd } from '../cost.ts';
import type { BotView, FlockView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import { bar } from './dashboard-bar.ts';
import { counted, lastDayBefore, showCount } from './dashboard-words.ts';

/** Bots whose budgets are shown one by one: those that have used most of theirs. */
const mostBots = 6;

/** Something that may be used up. */
interface Use {
  /** Whose. */
  name: string;
  used: number;
  most: number;
  text: () => string;
  /** Whether it is a sum of money: a day's posts are used up each day, and come again tomorrow. */
  isMoney: boolean;
  /** How much of its time has passed, as a share. */
  passed?: number | undefined;
}

/** What was spent, and what of the budgets of the flock and its bots is used up. */
export function spendingOf(view: FlockView): Html {
  const own = view.bots.flatMap((bot) => usesOf(bot)).sort((a, b) => shareOf(b) - shareOf(a));
  const left = own.length - mostBots;
  return html`<div id="spending">
    ${flockUses(view)}
    ${
      own.length > 0 &&
      html`<h3>Bots with budgets of their own</h3>
        ${own.slice(0, mostBots).map((use) => useOf(use))}
        ${left > 0 && html`<p class="more">and ${showCount(left)} more, which have used less of theirs</p>`}`
    }
  </div>`;
}

function flockUses({ flock, timezone, now }: FlockView): Html[] {
  const { spent, budget, dayEnds, monthEnds } = flock;
  const month = showUsd(inMicros(spent.usdMonth));
  const until = `until ${lastDayBefore(monthEnds, timezone)}`;
  const parts: Html[] = [];
  if (budget.usdPerMonth === undefined) {
    parts.push(html`<p class="sum"><span>This month</span> <strong>${month}</strong></p>`);
  } else {
    const most = showUsd(inMicros(budget.usdPerMonth));
    const text = (): string => `${month} of ${most} ${until}`;
    const passed = passedOfMonth(now, monthEnds);
    parts.push(
      useOf({
        name: 'This month',
        used: spent.usdMonth,
        most: budget.usdPerMonth,
        text,
        isMoney: true,
        passed,
      }),
    );
  }
  if (budget.postsPerDay !== undefined) {
    const posts = counted(budget.postsPerDay, 'post');
    const text = (): string => `${showCount(spent.postsToday)} of ${posts}`;
    const passed = 1 - (Date.parse(dayEnds) - Date.parse(now)) / day;
    parts.push(
      useOf({
        name: 'Today',
        used: spent.postsToday,
        most: budget.postsPerDay,
        text,
        isMoney: false,
        passed,
      }),
    );
  }
  parts.push(
    html`<p class="sum">
      <span>Since it began</span> <strong>${showUsd(inMicros(spent.usdTotal))}</strong>
    </p>`,
  );
  if (budget.usdPerMonth === undefined && budget.postsPerDay === undefined)
    parts.push(html`<p class="more">The flock has no budget; <code>flock.json</code> can give it one.</p>`);
  return parts;
}

const day = 86_400_000;

/** Thirty days are close enough for a mark. */
const passedOfMonth = (now: string, monthEnds: string): number =>
  1 - (Date.parse(monthEnds) - Date.parse(now)) / (30.5 * day);

const none: Use[] = [];

function usesOf({ bot, budget, spent }: BotView): Use[] {
  const { usdPerMonth, postsPerDay } = budget;
  if (usdPerMonth === undefined && postsPerDay === undefined) return none;
  const uses: Use[] = [];
  if (usdPerMonth !== undefined) {
    const text = (): string =>
      `${showUsd(inMicros(spent.usdMonth))} of ${showUsd(inMicros(usdPerMonth))} this month`;
    uses.push({ name: bot, used: spent.usdMonth, most: usdPerMonth, text, isMoney: true });
  }
  if (postsPerDay !== undefined) {
    const text = (): string => `${showCount(spent.postsToday)} of ${counted(postsPerDay, 'post')} today`;
    uses.push({ name: bot, used: spent.postsToday, most: postsPerDay, text, isMoney: false });
  }
  return uses;
}

const shareOf = ({ used, most }: Use): number => (most > 0 ? used / most : 1);

function useOf({ name, used, most, text: say, isMoney, passed }: Use): Html {
  const text = say();
  return html`<div class="use">
    <p class="sum"><span>${name}</span> <strong>${text}</strong></p>
    ${bar({ role: 'meter', label: `Budget of ${name}`, value: used, most, text, alarms: isMoney, mark: passed === undefined ? undefined : markAt(passed) })}
  </div>`;
}

/** In steps: the mark need not move each second. */
const markAt = (passed: number): number => Math.round(Math.min(1, Math.max(0, passed)) * 48) / 48;
