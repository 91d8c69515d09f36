import { wrapAnsi } from 'fast-wrap-ansi';
import { inMicros, showUsd } from '../cost.ts';
import type { Flock } from '../flock/load.ts';
import { passedOverShown } from '../poems/find.ts';
import type { LintOfBot } from '../poems/lint.ts';
import { asKept } from '../poems/tweet-text.ts';
import { type BudgetExceeded, describeExceeded } from '../posting/budget.ts';
import { localTime, scheduleInWords, showDate, tableLines, widthOf } from '../text.ts';
import { type BotPlan, type FlockPlan, microsPerMonth, sumOf } from './plan.ts';
import type { PredictedPost } from './predict.ts';
import { describeExcess, xLimits } from './x-limits.ts';

/** One line of what a person is shown. */
interface ShownLine {
  text: string;
  style?: 'bold' | 'green';
}

/** How much room there is. */
interface Room {
  /** How wide a terminal is, in characters; undefined elsewhere: nothing is cut or left out then. */
  columns: number | undefined;
  /** Whether all is wanted, however long it gets. */
  whole: boolean;
  /** Whether every post is wanted. */
  calendar: boolean;
}

const line = (text = ''): ShownLine => ({ text });
const heading = (text: string): ShownLine => ({ text, style: 'bold' });

/** As much of a text as fits, with a sign where some is missing. */
function cut(text: string, width: number): string {
  if (text.length <= width / 2) return text;
  const [first = ''] = wrapAnsi(text, Math.max(1, width), { hard: true, wordWrap: false, trim: false }).split(
    '\n',
  );
  if (first.length === text.length) return text;
  const [less = ''] = wrapAnsi(text, Math.max(1, width - 1), {
    hard: true,
    wordWrap: false,
    trim: false,
  }).split('\n');
  return `${less}…`;
}

/** `1 post`, `1,440 posts` */
const count = (number: number, thing: string): string =>
  `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

/** What is to be known of a bot's plan besides its posts, and what helps. */
interface Note {
  text: string;
  hint?: string | undefined;
}

/** `daily at 18:30, Europe/Berlin` */
const scheduleOf = ({ bot: { settings } }: BotPlan): string =>
  `${scheduleInWords(settings.schedule)}, ${settings.timezone}`;

/** When its poem ends: `25 Nov 2026`, `25 Nov 2026, then again`, `about Nov 2031`, or why it does not. */
function endOf({ bot: { settings }, outlook: { end }, rest }: BotPlan): string {
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
function stop(cap: BudgetExceeded, at: number, timezone: string): string {
  if (cap.until === undefined) return `${describeExceeded(cap)}: nothing is posted`;
  const begins = `${showDate(at, timezone)} ${localTime(at, timezone).time}`;
  return `${describeExceeded(cap)} from ${begins} to ${moment(cap.until, timezone)}`;
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

/** What is the same of several lines of one poem. */
interface LintGroup extends Omit<LintOfBot, 'line'> {
  /** Lines of the file, counted from 1. */
  lines: number[];
}

/** Tells once what several lines of a poem have in common; the lints of a poem follow each other. */
function* groupedLints(lints: Iterable<LintOfBot>): Generator<LintGroup> {
  let groups = new Map<string, LintGroup>();
  let last: string | undefined;
  for (const { line, ...lint } of lints) {
    if (lint.bot !== last) {
      yield* groups.values();
      groups = new Map();
    }
    last = lint.bot;
    const key = lint.code === 'leading-space' ? lint.code : `${lint.code} ${lint.message}`;
    const known = groups.get(key);
    if (known) known.lines.push(line);
    else groups.set(key, { ...lint, lines: [line] });
  }
  yield* groups.values();
}

/** So many lines are named. */
const maxFindings = 12;

/** `poems/howl.txt:12: night.It is a link to X: …`, or `poems/howl.txt: lines 3 and 9: …` */
function describeLints({ file, lines, code, message }: LintGroup): string {
  const [first = 0, ...others] = lines;
  if (others.length === 0) return `${file}:${first}: ${message}`;
  const more = lines.length - maxFindings;
  const named = `lines ${lines.slice(0, maxFindings).join(', ')}${more > 0 ? ` and ${more.toLocaleString('en-US')} more` : ''}`;
  return code === 'leading-space'
    ? `${file}: ${named} begin with spaces, which X drops`
    : `${file}: ${named}: ${message}`;
}

/** So many bots are listed on a terminal; a flock may have thousands. */
const maxBots = 60;

const gap = '  ';

/** A row for each bot, or, where that is too wide for the terminal, a few lines for each. */
function showBots(plans: readonly BotPlan[], { columns, whole }: Room): ShownLine[] {
  const shown = columns === undefined || whole ? plans : plans.slice(0, maxBots);
  const more = plans.length - shown.length;
  const rows = [heads, ...shown.map(cellsOf)];
  const tables = [rows, rows.map((cells) => cells.slice(0, -1))].map(table);
  const fits = (drawn: string[]): boolean => drawn.every((row) => widthOf(row) <= (columns ?? Infinity));
  const lines = tables.find(fits) ?? shown.flatMap(block);
  return [
    ...lines,
    ...(more > 0 ? [`… and ${count(more, 'more bot')}: --bot NAME shows one of them`] : []),
  ].map(line);
}

/** What matters least is last: it is left out where there is no room for it. */
const heads = ['bot', 'account', 'schedule', 'posts', 'ends', 'costs', 'a month', 'to its end'];
const numbers = ['posts', 'costs', 'a month', 'to its end'].map((head) => heads.indexOf(head));

const table = (rows: readonly string[][]): string[] => tableLines(rows, { right: numbers });

function cellsOf(plan: BotPlan): string[] {
  const { bot, outlook } = plan;
  const costs = [outlook.micros, outlook.microsPerMonth, outlook.microsToEnd].map(showUsd);
  return [
    bot.name,
    accountOf(plan),
    scheduleOf(plan),
    outlook.posts.toLocaleString('en-US'),
    endOf(plan),
    ...costs,
  ];
}

const accountOf = ({ bot }: BotPlan): string => {
  if (!bot.bundle) return 'no key yet';
  return bot.account === undefined ? '?' : `@${bot.account}`;
};

function block(plan: BotPlan): string[] {
  const { bot, outlook } = plan;
  return [
    `${bot.name}, ${accountOf(plan)}`,
    `${gap}${scheduleOf(plan)}`,
    `${gap}${count(outlook.posts, 'post')}, ${showUsd(outlook.micros)}; a month ${showUsd(outlook.microsPerMonth)}`,
    `${gap}ends ${endOf(plan)}: ${count(outlook.linesLeft, 'line')}, ${showUsd(outlook.microsToEnd)}`,
  ];
}

/** What is shown of a calendar without being asked for all of it. */
const maxPosts = 3;
const maxCalendarLines = 40;

/** The posts of each bot, or the first few of them. */
class Calendar {
  readonly #room: Room;
  readonly #posts = new Map<string, PredictedPost[]>();
  #all = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  add(post: PredictedPost): void {
    const known = this.#posts.get(post.bot);
    if (!known) this.#posts.set(post.bot, [post]);
    else if (this.#room.calendar || known.length < maxPosts) known.push(post);
    this.#all++;
  }

  /** Each bot's posts in its zone, day by day. */
  *lines(plans: readonly BotPlan[]): Generator<ShownLine> {
    const posting = plans.filter(({ bot }) => this.#posts.has(bot.name));
    const { bots, posts } = this.#share(posting.length);
    let left = this.#all;
    for (const plan of posting.slice(0, bots)) {
      const shown = (this.#posts.get(plan.bot.name) ?? []).slice(0, posts);
      left -= shown.length;
      yield line();
      yield* this.#ofBot(plan, shown);
    }
    if (left === 0) return;
    yield line();
    yield line(`… and ${count(left, 'more post')}: --calendar shows all, --bot NAME those of one bot`);
  }

  /** How many bots are shown with how many posts each, where each has two lines besides. */
  #share(posting: number): { bots: number; posts: number } {
    if (this.#room.calendar) return { bots: Infinity, posts: Infinity };
    const posts = Math.max(1, Math.min(maxPosts, Math.floor(maxCalendarLines / posting) - 2));
    return { bots: Math.floor(maxCalendarLines / (posts + 2)), posts };
  }

  *#ofBot({ bot }: BotPlan, shown: readonly PredictedPost[]): Generator<ShownLine> {
    const { timezone, schedule } = bot.settings;
    // A schedule of six fields is one that has seconds.
    const withSeconds = schedule.trim().split(/\s+/).length > 5;
    const width = shown.reduce((most, post) => Math.max(most, numberOf(post).length), 0);
    yield heading(`${bot.name}, in ${timezone}`);
    let today = '';
    for (const post of shown) {
      const { weekday, date, time } = localTime(post.at, timezone, { withSeconds });
      const day = date === today ? '' : `${weekday} ${date}`;
      today = date;
      const start = `  ${day.padEnd(14)}  ${time}  ${numberOf(post).padStart(width)}  `;
      const { columns } = this.#room;
      const text = inOneLine(asKept(post.text));
      yield line(start + (columns === undefined ? text : cut(text, Math.max(10, columns - start.length))));
    }
  }
}

/** `14`, or for a refrain that is joined with what follows it `14-15` */
const numberOf = ({ line: first, lines }: PredictedPost): string =>
  lines === 1 ? `${first + 1}` : `${first + 1}-${first + lines}`;

const inOneLine = (text: string): string => text.replaceAll('\n', ' / ').replaceAll('\t', ' ');

/** Who posts nothing though there is something of them, and what the poems folder holds that is read by nobody. */
export type LeftOut = Pick<Flock, 'misfits' | 'passedOver'>;

/** A plan for people: what it comes to, what to look at, and then what each bot posts when. */
export function* showPlan(plan: FlockPlan, leftOut: LeftOut, room: Room): Generator<ShownLine> {
  if (plan.chosen.length === 0) yield* showLeftOut(leftOut);
  else yield* showChosen(plan, leftOut, room);
}

function* showChosen(plan: FlockPlan, leftOut: LeftOut, room: Room): Generator<ShownLine> {
  const calendar = new Calendar(room);
  for (const post of plan.posts()) calendar.add(post);
  yield* showSums(plan);
  yield* section('Needs attention', all(showLeftOut(leftOut), showNotes(plan, room), showIgnored(leftOut)));
  yield* section("X's limits", showLimits(plan, room));
  yield* section('In the poems', showLints(plan, room));
  yield* section('The bots', showBots(plan.bots(), room));
  yield* calendar.lines(plan.bots());
}

function* section(title: string, lines: Iterable<ShownLine>): Generator<ShownLine> {
  let isFirst = true;
  for (const shown of lines) {
    if (isFirst) {
      yield line();
      yield heading(title);
    }
    isFirst = false;
    yield shown;
  }
}

function* all(...parts: Iterable<ShownLine>[]): Generator<ShownLine> {
  for (const part of parts) yield* part;
}

function* showSums(plan: FlockPlan): Generator<ShownLine> {
  const { span, purse } = plan;
  const bots = plan.bots();
  const [from, until] = [showDate(span.from, purse.timezone), showDate(span.until, purse.timezone)];
  const posts = sumOf(bots, (outlook) => outlook.posts);
  const cost = showUsd(sumOf(bots, ({ micros }) => micros));
  yield heading(`${from} to ${until}: ${count(posts, 'post')} of ${count(bots.length, 'bot')}, ${cost}`);
  const month = showUsd(microsPerMonth(bots, purse.budget.usdPerMonth));
  const free = plan.monthWithoutBudget();
  const capped = free === undefined ? '' : `, capped by the flock's budget (without it ${showUsd(free)})`;
  const toEnd = showUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd));
  const { date, post, linkPost } = purse.prices;
  const prices = `${showUsd(inMicros(post))} a post, ${showUsd(inMicros(linkPost))} with a link`;
  yield line(
    `A month costs ${month}${capped}, all poems to their ends ${toEnd}, at X's prices of ${date} (${prices}).`,
  );
}

/** What keeps bots from posting, once for all that it keeps. */
function* showNotes(plan: FlockPlan, room: Room): Generator<ShownLine> {
  for (const { text, hint } of notesOfFlock(plan)) yield* told(text, hint);
  const groups = new Map<string, Note & { bots: string[] }>();
  for (const bot of plan.bots()) {
    for (const note of notesOf(bot, plan.span)) {
      const key = JSON.stringify(note);
      const group = groups.get(key) ?? { ...note, bots: [] };
      groups.set(key, group);
      group.bots.push(bot.bot.name);
    }
  }
  for (const { bots, text, hint } of groups.values()) yield* told(`${named(bots, room)}: ${text}`, hint);
}

function* showLeftOut({ misfits, passedOver }: LeftOut): Generator<ShownLine> {
  for (const { bot, error } of misfits) yield* told(`${bot} is unfit: ${error.message}`, error.hint);
  for (const { file, kind, why, hint } of passedOver)
    if (kind !== 'ignored') yield* told(`${file}: ${why}`, hint);
}

function* showIgnored({ passedOver }: LeftOut): Generator<ShownLine> {
  for (const { file, kind, why } of passedOverShown(passedOver))
    if (kind === 'ignored') yield line(`${file}: ${why}`);
}

function* told(text: string, hint: string | undefined): Generator<ShownLine> {
  yield line(text);
  if (hint !== undefined) yield line(`hint: ${hint}`);
}

function* showLimits(plan: FlockPlan, room: Room): Generator<ShownLine> {
  const most = plan.bots().reduce((highest, { mostInDay }) => Math.max(highest, mostInDay), 0);
  const { posts } = xLimits.limits['unverified-day'];
  const excesses = plan.excesses();
  if (excesses.length > 0) yield* shortened(excesses.map(describeExcess), room, 'more');
  else
    yield line(
      `All within them: no bot posts more than ${most} in 24 hours, of ${posts} without verification.`,
    );
}

/** Where it is, then what it is: `poems/howl.txt:12: night.It is a link to X: …` */
function* showLints(plan: FlockPlan, room: Room): Generator<ShownLine> {
  const shown = map(groupedLints(plan.lints()), describeLints);
  yield* shortened(shown, room, 'more: --bot NAME shows those of one bot, --json all');
}

/** What a terminal shows of a list that can be as long as a poem. */
const maxShown = 20;

function* shortened(texts: Iterable<string>, { columns, whole }: Room, rest: string): Generator<ShownLine> {
  const most = columns === undefined || whole ? Infinity : maxShown;
  let seen = 0;
  for (const text of texts) if (seen++ < most) yield line(text);
  if (seen > most) yield line(`… and ${(seen - most).toLocaleString('en-US')} ${rest}`);
}

function* map<T, U>(things: Iterable<T>, change: (thing: T) => U): Generator<U> {
  for (const thing of things) yield change(thing);
}

/** So many names a terminal shows. */
const maxNames = 3;

function named(bots: readonly string[], { columns, whole }: Room): string {
  const shown = columns === undefined || whole ? bots : bots.slice(0, maxNames);
  const more = bots.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
