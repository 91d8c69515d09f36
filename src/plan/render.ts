import { inMicros, inUsd, showPrice, showUsd } from '../cost.ts';
import type { Flock } from '../flock/load.ts';
import { chargesNothing, networksOf, reasonOf } from '../flock/status.ts';
import type { Network } from '../networks/network.ts';
import { passedOverShown } from '../poems/find.ts';
import type { LintOfBot } from '../poems/lint.ts';
import { asKept } from '../poems/tweet-text.ts';
import { type BudgetExceeded, describeExceeded } from '../posting/budget.ts';
import {
  atClock,
  counted,
  cutTo,
  grouped,
  iso,
  listedFirst,
  localTime,
  saidOnce,
  scheduleInWords,
  tableLines,
  widthOf,
  withClocks,
} from '../text.ts';
import type { BotPlan, FlockPlan } from './plan.ts';
import type { PredictedPost } from './predict.ts';
import { type Excess, xLimits } from './x-limits.ts';

/** One line of what a person is shown. */
interface ShownLine {
  text: string;
  style?: 'bold';
}

/** How much room there is. */
interface Room {
  /** The width of the terminal in characters; undefined if the output is no terminal: then nothing is cut or left out. */
  columns: number | undefined;
  /** Whether all of it is wanted, however long. */
  whole: boolean;
  /** Whether every post is wanted. */
  calendar: boolean;
}

const line = (text = ''): ShownLine => ({ text });
const heading = (text: string): ShownLine => ({ text, style: 'bold' });

/** The maximum number of bots, of findings and of names in one line on a terminal: a flock may have thousands. */
const maxBots = 60;
const maxFindings = 20;
const maxNames = 3;
/** The maximum number of findings of one kind. */
const maxAlike = 3;

/** As many items as a terminal gets. */
const most = ({ columns, whole }: Room, max: number): number =>
  columns === undefined || whole ? Infinity : max;

/** The first lines, and how many are left out. @param rest - `more: --json has all` */
function shortened(texts: readonly string[], max: number, rest: string): string[] {
  const left = texts.length - max;
  return left > 0 ? [...texts.slice(0, max), `… and ${left.toLocaleString('en-US')} ${rest}`] : [...texts];
}

/** What is to be known of a bot's plan besides its posts, and what helps. */
interface Note {
  text: string;
  hint?: string | undefined;
}

/** Everything that keeps a bot from posting, now or later. */
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

function ofStanding({ standing, bot, outlook }: BotPlan): Note | undefined {
  const { condition, until } = standing;
  const { why, hint } = reasonOf({ state: condition, why: standing.why, hint: standing.hint });
  // What a budget does is told for the whole time, by its own note.
  if (why === undefined || (condition === 'waiting' && outlook.held)) return undefined;
  const end = until === undefined ? '' : `, until ${clockTime(until, bot.settings.timezone)}`;
  const inDoubt = condition === 'in doubt' ? '; the plan assumes that it did not' : '';
  const local = withClocks(why, (instant) => atClock(instant, bot.settings.timezone));
  return { text: `${local}${inDoubt}${end}`, hint };
}

/** What X will not take, or an edit that left too little: it needs a person once it comes to it. */
function ofPark({ standing, parked, bot }: BotPlan, from: number): Note | undefined {
  if (!parked || standing.condition === 'parked') return undefined;
  const when = parked.at > from ? ` on ${clockTime(parked.at, bot.settings.timezone)}` : '';
  return { text: `will need you at line ${parked.line}${when}: ${parked.why}`, hint: parked.hint };
}

function ofBudget({ outlook: { held }, bot }: BotPlan): Note | undefined {
  if (!held || held.first.cap.whose === 'flock') return undefined;
  const { cap, at } = held.first;
  const unit = cap.what === 'postsPerDay' ? 'days' : 'months';
  const again = held.times > 1 ? `, the first of ${held.times} such ${unit}` : '';
  const text = describeStop(cap, at, bot.settings.timezone) + again;
  return { text, hint: `raise its ${cap.what} in flock.json` };
}

/** Why posts are missing that no budget holds back. */
function ofRefusals({ outlook: { refused, held }, bot }: BotPlan): Note | undefined {
  if (!refused || refused.missing === 0) return undefined;
  const { times, missing, slots } = refused;
  if (held) return { text: `X refuses repetitions, ${counted(times, 'time')} in all` };
  const fate = bot.settings.missed === 'all' ? 'are posted late' : 'pass without a post';
  const some = missing.toLocaleString('en-US');
  return { text: `X refuses repetitions: ${some} of ${counted(slots, 'slot')} ${fate}` };
}

/** When the flock has spent all that it may. */
export function notesOfFlock(plan: FlockPlan): Note[] {
  const all = plan.bots().flatMap(({ outlook: { held } }) => (held ? [held.first] : []));
  const held = all.filter(({ cap }) => cap.whose === 'flock').sort((a, b) => a.at - b.at);
  const [first] = held;
  if (!first) return [];
  const wait = `; ${counted(held.length, 'bot')} ${held.length === 1 ? 'waits' : 'wait'} for it`;
  const text = describeStop(first.cap, first.at, plan.flockBudget.timezone) + wait;
  return [{ text, hint: `raise the flock's ${first.cap.what} in flock.json` }];
}

/** `its budget of 2 posts a day is used up from 2026-11-21 18:30 to 2026-11-22 00:00 UTC` */
function describeStop(cap: BudgetExceeded, at: number, timezone: string): string {
  if (cap.until === undefined) return `${describeExceeded(cap)}: nothing is posted`;
  const { date, time } = localTime(at, timezone);
  return `${describeExceeded(cap)} from ${date} ${time} to ${clockTime(cap.until, timezone)}`;
}

function ofSlots({ rest, outlook, bot }: BotPlan, until: number): Note | undefined {
  const { schedule, timezone } = bot.settings;
  const text = `its schedule ${schedule} has no slot in the next 40 years`;
  if (rest === 'no more slots') return { text, hint: 'change it in flock.json' };
  if (outlook.next === undefined || outlook.next <= until) return undefined;
  return { text: `posts nothing before ${clockTime(outlook.next, timezone)}` };
}

const clockTime = (instant: number, timezone: string): string => atClock(iso(instant), timezone);

const dateOf = (instant: number, timezone: string): string => localTime(instant, timezone).date;

/** The bots that cannot post, and the entries of the poems folder that no bot reads. */
type LeftOut = Pick<Flock, 'invalidBots' | 'passedOver'>;

/** A plan for people: what it comes to, what to look at, and then what each bot posts when. */
export function* showPlan(plan: FlockPlan, leftOut: LeftOut, room: Room): Generator<ShownLine> {
  if (plan.chosen.length === 0) {
    yield* showLeftOut(leftOut).map(line);
    return;
  }
  const calendar = new Calendar(room);
  for (const post of plan.posts()) calendar.add(post);
  const bots = plan.bots();
  yield* showSums(plan);
  const ignored = passedOverShown(leftOut.passedOver).filter(({ kind }) => kind === 'ignored');
  yield* section('Needs attention', [
    ...showLeftOut(leftOut),
    ...showNotes(plan, room),
    ...ignored.map(({ file, why }) => `${file}: ${why}`),
  ]);
  const isOnX = bots.some(({ bot }) => bot.app !== undefined);
  yield* section("X's limits", isOnX ? showLimits(plan, room) : []);
  yield* section('In the poems', showLints(plan, room));
  yield* section('The bots', showBots(bots, room));
  yield* calendar.lines(bots);
}

const section = (title: string, texts: readonly string[]): ShownLine[] =>
  texts.length === 0 ? [] : [line(), heading(title), ...texts.map(line)];

function showSums(plan: FlockPlan): ShownLine[] {
  const { flockBudget } = plan;
  const bots = plan.bots();
  const [from, until] = [plan.span.from, plan.span.until].map((at) => dateOf(at, flockBudget.timezone));
  const posts = sumOf(bots, (outlook) => outlook.posts);
  const { free, charged } = networksIn(bots);
  const span = `${from} to ${until}: ${counted(posts, 'post')} of ${counted(bots.length, 'bot')}`;
  if (charged.length === 0) return [heading(span), line(`${chargesNothing(free)}.`)];
  const cost = showUsd(sumOf(bots, ({ micros }) => micros));
  const month = showUsd(microsPerMonth(bots, flockBudget.budget.usdPerMonth));
  const uncapped = plan.monthWithoutBudget();
  const capped =
    uncapped === undefined ? '' : `, capped by the flock's budget (without it ${showUsd(uncapped)})`;
  const toEnd = showUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd));
  const { date, post, linkPost } = flockBudget.prices;
  const prices = `${showPrice(post)} a post, ${showPrice(linkPost)} with a link`;
  return [
    heading(`${span}, ${cost}`),
    line(
      `A month costs ${month}${capped}, all poems to their ends ${toEnd}, at X's prices of ${date} (${prices})${free.length > 0 ? `; ${chargesNothing(free)}` : ''}.`,
    ),
  ];
}

/** The networks of some bots: those that charge for posts, and those that do not. */
function networksIn(plans: readonly BotPlan[]): { charged: Network[]; free: Network[] } {
  const all = networksOf(plans.map(({ bot }) => ({ network: bot.network.name })));
  return { charged: all.filter(({ charges }) => charges), free: all.filter(({ charges }) => !charges) };
}

/** What all of some bots cost together in a month, in micros, given what the flock may spend. */
export const microsPerMonth = (plans: readonly BotPlan[], usdPerMonth = Infinity): number =>
  Math.min(
    sumOf(plans, (outlook) => outlook.microsPerMonth),
    inMicros(usdPerMonth),
  );

/** A sum over bots. */
export const sumOf = (plans: readonly BotPlan[], what: (outlook: BotPlan['outlook']) => number): number =>
  plans.reduce((sum, { outlook }) => sum + what(outlook), 0);

/** What keeps bots from posting, once for all bots that it concerns. */
function showNotes(plan: FlockPlan, room: Room): string[] {
  const notes = plan
    .bots()
    .flatMap((bot) => notesOf(bot, plan.span).map((note) => ({ ...note, bot: bot.bot.name })));
  return [
    ...notesOfFlock(plan).flatMap(withHint),
    ...saidOnce(notes).flatMap(({ bots, text, hint }) =>
      withHint({ text: `${listedFirst(bots, most(room, maxNames))}: ${text}`, hint }),
    ),
  ];
}

const showLeftOut = ({ invalidBots, passedOver }: LeftOut): string[] => [
  ...invalidBots.flatMap(({ bot, error: { message, hint } }) =>
    withHint({ text: `${bot} needs you: ${message}`, hint }),
  ),
  ...passedOver
    .filter(({ kind }) => kind !== 'ignored')
    .flatMap(({ file, why, hint }) => withHint({ text: `${file}: ${why}`, hint })),
];

const withHint = ({ text, hint }: Note): string[] => (hint === undefined ? [text] : [text, `hint: ${hint}`]);

function showLimits(plan: FlockPlan, room: Room): string[] {
  const excesses = plan.excesses();
  if (excesses.length > 0) return shortened(excesses.map(describeExcess), most(room, maxFindings), 'more');
  const busiest = plan
    .bots()
    .reduce((highest, { bot, mostInDay }) => Math.max(highest, bot.app === undefined ? 0 : mostInDay), 0);
  const { posts } = xLimits.limits['unverified-day'];
  return [
    `All are kept: no bot makes more than ${counted(busiest, 'post')} in 24 hours; an unverified account may make ${posts}.`,
  ];
}

/** `howl makes 96 posts in 24 hours; X allows an unverified account 50` */
export function describeExcess({ limit, bots, peak }: Excess): string {
  const { posts, within, whose } = xLimits.limits[limit];
  const stretch = within >= 3_600_000 ? `${within / 3_600_000} hours` : `${within / 60_000} minutes`;
  const [bot = ''] = bots;
  const who = limit === 'app' && bots.length > 1 ? `${bots.length} bots of one app make` : `${bot} makes`;
  const about = limit === 'unverified-half-hour' ? 'about ' : '';
  return `${who} ${counted(peak.posts, 'post')} in ${stretch}; X allows ${whose} ${about}${posts.toLocaleString('en-US')}`;
}

/** Each finding with its place, once for the lines of a poem that have it in common, and then for the poems that do. */
function showLints(plan: FlockPlan, room: Room): string[] {
  const groups = grouped(plan.lints(), ({ bot, code, message }) =>
    code === 'leading-space' ? `${bot} ${code}` : `${bot} ${code} ${message}`,
  );
  const findings = [...groups.values()];
  const max = most(room, maxAlike);
  const alike = grouped(findings, ([lint]) => lint?.code);
  const shown = findings.flatMap((lints) => {
    const those = alike.get(lints[0]?.code) ?? [];
    const place = those.slice(0, max).indexOf(lints);
    if (place < 0) return [];
    return [describeLints(lints), ...(place === max - 1 ? likeIn(those.slice(max)) : [])];
  });
  const rest = 'more: --bot NAME shows those of one bot, --json all';
  return shortened(shown, most(room, maxFindings), rest);
}

/** The poems that have findings like the one above. */
function likeIn(findings: readonly LintOfBot[][]): string[] {
  const bots = new Set(findings.flatMap(([lint]) => lint?.bot ?? []));
  return bots.size > 0 ? [`  the like in ${listedFirst([...bots], maxNames)}`] : [];
}

/** The maximum number of lines that are named for one finding. */
const maxLines = 12;

/** `poems/howl.txt:12: night.It is a link to X: …`, or `poems/howl.txt: lines 3, 9: …` */
function describeLints(lints: readonly LintOfBot[]): string {
  const [first] = lints;
  if (!first) return '';
  const { file, code, message } = first;
  if (lints.length === 1) return `${file}:${first.line}: ${message}`;
  const more = lints.length - maxLines;
  const lines = lints.slice(0, maxLines).map(({ line: number }) => number);
  const named = `lines ${lines.join(', ')}${more > 0 ? ` and ${more.toLocaleString('en-US')} more` : ''}`;
  return `${file}: ${named}${code === 'leading-space' ? message.replace(/^begins with .*,/, ' begin with spaces,') : `: ${message}`}`;
}

interface Column {
  head: string;
  right?: true;
  /** Shown only where the bots post to several networks, or where some network charges for posts. */
  only?: 'mixed' | 'charged';
  cell: (plan: BotPlan) => string;
}

/** The columns of the table. Where the terminal is too narrow for all, the last sum and then the account are left out. */
const columns: readonly Column[] = [
  { head: 'bot', cell: ({ bot }) => bot.name },
  { head: 'network', only: 'mixed', cell: ({ bot }) => bot.network.title },
  { head: 'account', cell: accountOf },
  { head: 'schedule', cell: scheduleOf },
  { head: 'posts', right: true, cell: ({ outlook }) => outlook.posts.toLocaleString('en-US') },
  { head: 'ends', cell: endOf },
  { head: 'costs', right: true, only: 'charged', cell: moneyOf(({ micros }) => micros, 'free') },
  { head: 'a month', right: true, only: 'charged', cell: moneyOf(({ microsPerMonth }) => microsPerMonth) },
  { head: 'to its end', right: true, only: 'charged', cell: moneyOf(({ microsToEnd }) => microsToEnd) },
];

/** A sum of a bot. @param free - what is said where its network charges nothing */
function moneyOf(micros: (outlook: BotPlan['outlook']) => number, free = ''): Column['cell'] {
  return ({ bot, outlook }) => (bot.network.charges ? showUsd(micros(outlook)) : free);
}

/** A row for each bot, or a few lines for each where the terminal is too narrow for rows. */
function showBots(plans: readonly BotPlan[], room: Room): string[] {
  const max = most(room, maxBots);
  const shown = plans.slice(0, max);
  const { charged, free } = networksIn(plans);
  const isShown = { mixed: charged.length + free.length > 1, charged: charged.length > 0 };
  const used = columns.filter(({ only }) => only === undefined || isShown[only]);
  const shorter = isShown.charged ? used.slice(0, -1) : used;
  const shortest = isShown.mixed ? shorter.filter(({ head }) => head !== 'account') : shorter;
  const tables = [used, shorter, shortest].map((some) =>
    tableLines([some.map(({ head }) => head), ...shown.map((plan) => some.map(({ cell }) => cell(plan)))], {
      right: some.flatMap((column, index) => (column.right ? [index] : [])),
    }),
  );
  const fits = (drawn: string[]): boolean => drawn.every((row) => widthOf(row) <= (room.columns ?? Infinity));
  const left = plans.length - shown.length;
  return [
    ...(tables.find(fits) ?? shown.flatMap((plan) => block(plan, isShown.mixed))),
    ...(left > 0 ? [`… and ${counted(left, 'more bot')}: --bot NAME shows one of them`] : []),
  ];
}

function accountOf({ bot: { bundle, account } }: BotPlan): string {
  if (!bundle) return 'no key yet';
  return account === undefined ? '?' : `@${account}`;
}

/** `daily at 18:30, Europe/Berlin` */
function scheduleOf({ bot: { settings } }: BotPlan): string {
  return `${scheduleInWords(settings.schedule)}, ${settings.timezone}`;
}

/** When its poem ends: `2026-11-25`, `2026-11-25, then again`, `about 2031-11-02`, or why it does not. */
function endOf({ bot: { settings }, outlook: { end }, rest }: BotPlan): string {
  if (end === undefined) return rest === undefined ? 'not in 50 years' : 'never';
  const date = `${end.about ? 'about ' : ''}${dateOf(end.at, settings.timezone)}`;
  return settings.atEnd === 'loop' ? `${date}, then again` : date;
}

function block(plan: BotPlan, isMixed: boolean): string[] {
  const { bot, outlook } = plan;
  const { posts, linesLeft } = outlook;
  const { charges, title } = bot.network;
  const costs = charges
    ? `, ${showUsd(outlook.micros)}; a month ${showUsd(outlook.microsPerMonth)}`
    : isMixed
      ? ', free'
      : '';
  return [
    `${bot.name}, ${accountOf(plan)}${isMixed ? ` on ${title}` : ''}`,
    `  ${scheduleOf(plan)}`,
    `  ${counted(posts, 'post')}${costs}`,
    `  ends ${endOf(plan)}: ${counted(linesLeft, 'line')}${charges ? `, ${showUsd(outlook.microsToEnd)}` : ''}`,
  ];
}

/** What is shown of a calendar unless all of it is asked for: posts of a bot, and lines in all. */
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
    yield line(`… and ${counted(left, 'more post')}: --calendar shows all, --bot NAME those of one bot`);
  }

  /** How many bots are shown with how many posts each; each bot takes two lines besides. */
  #share(posting: number): { bots: number; posts: number } {
    if (this.#room.calendar) return { bots: Infinity, posts: Infinity };
    const posts = Math.max(1, Math.min(maxPosts, Math.floor(maxCalendarLines / posting) - 2));
    return { bots: Math.floor(maxCalendarLines / (posts + 2)), posts };
  }

  *#ofBot({ bot }: BotPlan, shown: readonly PredictedPost[]): Generator<ShownLine> {
    const { timezone, schedule } = bot.settings;
    // A schedule of six fields is one that has seconds.
    const withSeconds = schedule.trim().split(/\s+/).length > 5;
    const width = shown.reduce((widest, post) => Math.max(widest, numberOf(post).length), 0);
    yield heading(`${bot.name}, in ${timezone}`);
    let today = '';
    for (const post of shown) {
      const { weekday, date, time } = localTime(post.at, timezone, { withSeconds });
      const day = date === today ? '' : `${weekday} ${date}`;
      today = date;
      const start = `  ${day.padEnd(14)}  ${time}  ${numberOf(post).padStart(width)}  `;
      const room = (this.#room.columns ?? Infinity) - start.length;
      yield line(start + cutTo(inOneLine(asKept(post.text)), Math.max(10, room)));
    }
  }
}

/** `14`, or for a refrain that is joined with the line after it `14-15` */
const numberOf = ({ line: first, lines }: PredictedPost): string =>
  lines === 1 ? `${first + 1}` : `${first + 1}-${first + lines}`;

const inOneLine = (text: string): string => text.replaceAll('\n', ' / ').replaceAll('\t', ' ');

/** A plan for programs, part by part: a large flock has millions of posts, and none of them is kept. */
export function* planAsJson(plan: FlockPlan, { invalidBots, passedOver }: LeftOut): Generator<string> {
  const { span, flockBudget } = plan;
  const { version, date } = flockBudget.prices;
  yield `{\n  "from": "${iso(span.from)}",\n  "until": "${iso(span.until)}",\n`;
  yield `  "prices": ${JSON.stringify({ version, date })},\n  "posts": `;
  yield* list(plan.posts(), postAsJson);
  const bots = plan.bots();
  yield ',\n  "bots": ';
  yield* list(bots, (bot) => botAsJson(bot, plan));
  yield ',\n  "unfit": ';
  yield* list(invalidBots, ({ bot, error: { message, hint } }) => ({ bot, why: message, hint }));
  yield ',\n  "passedOver": ';
  yield* list(passedOver, ({ file, why, hint }) => ({ file, why, hint }));
  const sums = {
    usd: inUsd(sumOf(bots, ({ micros }) => micros)),
    usdPerMonth: inUsd(microsPerMonth(bots, flockBudget.budget.usdPerMonth)),
    usdToEnd: inUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd)),
    budget: flockBudget.budget,
    timezone: flockBudget.timezone,
    notes: notesOfFlock(plan),
  };
  for (const [name, value] of Object.entries(sums)) yield `,\n  "${name}": ${JSON.stringify(value)}`;
  yield ',\n  "lints": ';
  yield* list(plan.lints(), ({ code, bot, file, line, message }) => ({ code, bot, file, line, message }));
  yield ',\n  "limits": ';
  yield* list(plan.excesses(), excessAsJson);
  yield '\n}\n';
}

/** A list with one thing a line. */
function* list<T>(things: Iterable<T>, shown: (thing: T) => object): Generator<string> {
  let before = '[\n    ';
  for (const thing of things) {
    yield `${before}${JSON.stringify(shown(thing))}`;
    before = ',\n    ';
  }
  yield before.startsWith('[') ? '[]' : '\n  ]';
}

const postAsJson = ({ bot, at, line, lines, text, micros }: PredictedPost): object => ({
  bot,
  at: iso(at),
  line: line + 1,
  lines,
  text,
  usd: inUsd(micros),
});

function botAsJson(plan: BotPlan, { span }: FlockPlan): object {
  const { bot, outlook, standing, mostInDay } = plan;
  const { schedule, timezone, atEnd, budget } = bot.settings;
  const server = bot.bundle ? bot.bundle.server : bot.settings.server;
  const { posts, micros, linesLeft, microsToEnd, next, end, every } = outlook;
  return {
    bot: bot.name,
    network: bot.network.name,
    ...(server !== undefined && { server }),
    account: bot.account ?? null,
    hasKey: bot.bundle !== undefined,
    file: bot.file,
    schedule,
    timezone,
    state: standing.condition,
    posts,
    mostInDay,
    next: next === undefined ? null : iso(next),
    lines: bot.lines.length,
    linesLeft,
    ends: end === undefined ? null : iso(end.at),
    ...(end?.about === true && { endsAbout: true }),
    loops: atEnd === 'loop',
    daysOfPass: every === undefined ? null : Math.round((every * bot.lines.length) / 8_640_000) / 10,
    usd: inUsd(micros),
    usdPerMonth: inUsd(outlook.microsPerMonth),
    usdToEnd: inUsd(microsToEnd),
    budget,
    notes: notesOf(plan, span),
  };
}

function excessAsJson(excess: Excess): object {
  const { limit, bots, peak } = excess;
  const { posts: allowed, within } = xLimits.limits[limit];
  const whose = limit === 'app' ? { bots } : { bot: bots[0] };
  const found = { allowed, minutes: within / 60_000, posts: peak.posts, until: iso(peak.at) };
  return { limit, ...whose, ...found, message: describeExcess(excess) };
}
