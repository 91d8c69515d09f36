import { type Cap, describeCap } from '../posting/budget.ts';
import { localTime, scheduleInWords, showDate } from '../text.ts';
import type { BotPlan, FlockPlan } from './flock-plan.ts';
import { count } from './shown-line.ts';

/** What is to be known of a bot's plan besides its posts, and what helps. */
export interface Note {
  text: string;
  hint?: string | undefined;
}

/** `daily at 18:30, Europe/Berlin` */
export const scheduleOf = ({ bot: { settings } }: BotPlan): string =>
  `${scheduleInWords(settings.schedule)}, ${settings.timezone}`;

/** When its poem ends: `25 Nov 2026`, `25 Nov 2026, then again`, `about Nov 2031`, or why it does not. */
export function endOf({ bot: { settings }, outlook: { end }, rest }: BotPlan): string {
  if (end === undefined) return rest === undefined ? 'not in 50 years' : 'never';
  const date = `${end.about ? 'about ' : ''}${showDate(end.at, settings.timezone)}`;
  return settings.atEnd === 'loop' ? `${date}, then again` : date;
}

/** Whatever keeps it from posting, or will. */
export function notesOf(plan: BotPlan, { from, until }: { from: number; until: number }): Note[] {
  const notes = [
    ofStanding(plan),
    ofPark(plan, from),
    ofBudget(plan),
    ofRefusals(plan),
    ofSlots(plan, until),
  ];
  return notes.flatMap((note) => note ?? []);
}

function ofStanding({ standing: { condition, why, hint, until }, bot, outlook }: BotPlan): Note | undefined {
  if (condition === 'finished')
    return { text: 'its poem is at its end', hint: 'atEnd in flock.json says stop' };
  // What a budget does is told below, for the whole time.
  if (why === undefined || (condition === 'waiting' && outlook.held)) return undefined;
  const { settings } = bot;
  const end = until === undefined ? '' : `, until ${moment(until, settings.timezone)}`;
  const inDoubt = condition === 'in doubt' ? '; planned as if it had not' : '';
  return { text: `${why}${inDoubt}${end}`, hint };
}

/** What X will not take, or an edit that left too little: it is parked once it comes to it. */
function ofPark({ standing, parked, bot }: BotPlan, from: number): Note | undefined {
  if (!parked || standing.condition === 'parked') return undefined;
  const when = parked.at > from ? ` on ${moment(parked.at, bot.settings.timezone)}` : '';
  return { text: `will be parked at line ${parked.line}${when}: ${parked.why}`, hint: parked.hint };
}

function ofBudget({ outlook: { held }, bot }: BotPlan): Note | undefined {
  if (!held || held.first.cap.whose === 'flock') return undefined;
  const { cap, at } = held.first;
  const unit = cap.what === 'postsPerDay' ? 'days' : 'months';
  const again = held.times > 1 ? `, the first of ${held.times} such ${unit}` : '';
  return { text: stop(cap, at, bot.settings.timezone) + again, hint: `raise its ${cap.what} in flock.json` };
}

/** Why posts are missing that no budget holds back. */
function ofRefusals({ outlook: { refused, held }, bot }: BotPlan): Note | undefined {
  if (!refused || refused.missing === 0) return undefined;
  const { times, missing, slots } = refused;
  if (held) return { text: `X refuses repetitions, ${count(times, 'time')} in all` };
  const fate = bot.settings.missed === 'all' ? 'come late' : 'fall away';
  const all = count(slots, 'slot');
  return { text: `X refuses repetitions: ${missing.toLocaleString('en-US')} of ${all} ${fate}` };
}

/** What happens where the flock has spent all that it may. */
export function notesOfFlock(plan: FlockPlan): Note[] {
  const held = plan
    .bots()
    .flatMap(({ outlook }) => (outlook.held?.first.cap.whose === 'flock' ? [outlook.held.first] : []));
  const [first] = held.sort((a, b) => a.at - b.at);
  if (!first) return [];
  const wait = `; ${count(held.length, 'bot')} ${held.length === 1 ? 'waits' : 'wait'} then`;
  const text = stop(first.cap, first.at, plan.purse.timezone) + wait;
  return [{ text, hint: `raise the flock's ${first.cap.what} in flock.json` }];
}

/** `its budget of 2 posts a day is used up from 21 Nov 2026 18:30 to 22 Nov 2026 00:00 UTC` */
function stop(cap: Cap, at: number, timezone: string): string {
  if (cap.until === undefined) return `${describeCap(cap)}: nothing is posted`;
  const begins = `${showDate(at, timezone)} ${localTime(at, timezone).time}`;
  return `${describeCap(cap)} from ${begins} to ${moment(cap.until, timezone)}`;
}

function ofSlots({ rest, outlook, bot }: BotPlan, until: number): Note | undefined {
  const { schedule, timezone } = bot.settings;
  if (rest === 'no more slots')
    return {
      text: `its schedule ${schedule} has no slot in the next 40 years`,
      hint: 'change it in flock.json',
    };
  if (outlook.next === undefined || outlook.next <= until) return undefined;
  return { text: `posts nothing before ${moment(outlook.next, timezone)}` };
}

/** `21 Nov 2026 18:30 Europe/Berlin` */
const moment = (instant: number, timezone: string): string =>
  `${showDate(instant, timezone)} ${localTime(instant, timezone).time} ${timezone}`;
